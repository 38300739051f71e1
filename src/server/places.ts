/** Where a server listens: chosen and cleared by the primary before the fronts start, since all of them share it. */

import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { resolve } from 'node:path';
import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { type ListeningPlace, listenFailure } from '../io/listening.js';
import type { SocketPlace } from '../io/socket.js';

/** sun_path of unix(7), without the NUL at its end. */
const MAX_SOCKET_PATH_BYTES = 107;

/** The places of the socket transport. */
export function socketPlaces({ host, tcpPort, socket }: Settings): SocketPlace[] {
  const places: SocketPlace[] = [];
  if (tcpPort !== 'off') places.push({ kind: 'tcp', host, port: tcpPort });
  if (socket !== 'off') places.push({ kind: 'unix', path: resolve(socket) });
  return places;
}

/**
 * The settings with ports in the place of 0: a front that is started again later must come back to the same.
 * @throws TURNO_SETTING for a path that is too long for a socket
 */
export async function placed(settings: Settings): Promise<Settings> {
  const { host, port, tcpPort, socket } = settings;
  const bytes = Buffer.byteLength(resolve(socket));
  if (socket !== 'off' && bytes > MAX_SOCKET_PATH_BYTES) {
    const problem = `expected a path of at most ${MAX_SOCKET_PATH_BYTES} bytes, got ${bytes}: ${resolve(socket)}`;
    throw new TurnoError('TURNO_SETTING', { name: '--socket', problem });
  }
  return {
    ...settings,
    port: port === 0 ? await freePort(host, '--port') : port,
    tcpPort: tcpPort === 0 ? await freePort(host, '--tcp-port') : tcpPort,
  };
}

async function freePort(host: string, flag: ListeningPlace['flag']): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw listenFailure(error, { host, port: 0, flag });
  });
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server without a port');
  return address.port;
}

/**
 * Takes away the socket of a server that was killed.
 * @throws TURNO_SETTING when it is something else, or when a server answers there
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new TurnoError('TURNO_SETTING', { name: '--socket', problem: `${path} is there, and it is no socket` });
  }
  if (await isAnswered(path)) {
    throw new TurnoError('TURNO_SETTING', { name: '--socket', problem: `${path} is in use by another server` });
  }
  rmSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
