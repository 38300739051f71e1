/**
 * Sockets, TCP and Unix: the same messages as HTTP in frames (frame.ts), many in flight on one connection.
 *
 * Each front listens (node:cluster shares the listening socket, the kernel hands out the connections). Modes:
 *
 *     one    one client at a time; others wait in a line, and who has nothing to ask gives way to them
 *     many   many clients on the event loop
 *     pool   the same, their large messages are read and written in threads
 */

import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { native } from '../shm/native.js';
import { type Answers, errorReply } from './answers.js';
import { frameHeader, Kind } from './frame.js';
import { listenFailure } from './listening.js';
import { pack } from './pack.js';
import { maxBodyBytes } from './schema.js';
import type { SocketCodec } from './socket-codec.js';
import { SocketConnection } from './socket-connection.js';
import type { Transport, User } from './transport.js';

const LOOK_MS = 1_000;
/** Who finds the line full tries again only after a second, over TCP; over a Unix socket at once. */
const BACKLOG = 4_096;
/** In mode `one`: who has nothing to ask for so long gives way, when somebody waits. */
const GIVE_WAY_MS = 50;

export type SocketPlace =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface SocketOptions {
  readonly place: SocketPlace;
  readonly answers: Answers;
  readonly codec: SocketCodec;
  readonly authenticate: (token: string) => User | undefined;
  /** The user of somebody on this machine. */
  readonly localUser: (uid: number) => Promise<User>;
  readonly settings: Settings;
}

export class SocketTransport implements Transport {
  readonly #options: SocketOptions;
  readonly #server: Server;
  readonly #connections = new Set<SocketConnection>();
  /** Mode `one`: those that wait. */
  readonly #line: Socket[] = [];
  /** Connections that are served, or whose user is looked up. */
  #opened = 0;
  #lookTimer: NodeJS.Timeout | undefined;
  #giveWayTimer: NodeJS.Timeout | undefined;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#arrive(socket));
  }

  async start(): Promise<{ url: string }> {
    const { place, settings } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) =>
        reject(
          place.kind === 'tcp'
            ? listenFailure(error, { ...place, flag: '--tcp-port' })
            : TurnoError.from(error, `listening on ${addressOf(place)}`),
        );
      this.#server.once('error', failed);
      this.#server.listen(
        place.kind === 'tcp' ? { host: place.host, port: place.port, backlog: BACKLOG } : { path: place.path },
        resolve,
      );
    });
    // Born for its owner only (primary.ts sets the mask): it is opened wider, never closed too late.
    if (place.kind === 'unix') chmodSync(place.path, Number.parseInt(settings.socketPermissions, 8));
    this.#lookTimer = setInterval(() => this.#look(), LOOK_MS).unref();
    return { url: addressOf(place) };
  }

  async stop(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#line.splice(0)) socket.destroy();
    for (const connection of this.#connections) connection.leave();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, deadlineMs);
    await closed;
    clearTimeout(timer);
    clearInterval(this.#lookTimer);
    clearTimeout(this.#giveWayTimer);
  }

  #arrive(socket: Socket): void {
    const { settings } = this.#options;
    const limit = settings.socketConnections;
    if (this.#opened + this.#line.length >= limit) {
      refuse(socket, new TurnoError('TURNO_CONNECTIONS', { limit }));
      return;
    }
    if (settings.socketMode === 'one' && this.#opened > 0) {
      this.#line.push(socket);
      socket.on('error', () => undefined); // seen again when it is its turn
      this.#askToGiveWay();
      return;
    }
    this.#open(socket);
  }

  #open(socket: Socket): void {
    const { place, settings } = this.#options;
    this.#opened++;
    socket.once('close', () => {
      this.#opened--;
      const next = this.#line.shift();
      if (next !== undefined) this.#open(next);
    });
    if (place.kind === 'tcp' || settings.socketTrust === 'token') {
      this.#serve(socket, undefined);
      return;
    }
    const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd ?? -1;
    this.#options.localUser(native.peerUid(fd)).then(
      (user) => this.#serve(socket, user),
      (error: unknown) => refuse(socket, TurnoError.from(error, 'the user of a uid')),
    );
  }

  #serve(socket: Socket, peer: User | undefined): void {
    if (socket.destroyed) return; // gone while its user was looked up
    const { answers, codec, authenticate, settings } = this.#options;
    const maxPayloadBytes = maxBodyBytes(settings);
    const idleMs = settings.socketIdleS * 1_000;
    const connection = new SocketConnection(socket, { answers, codec, authenticate, peer, maxPayloadBytes, idleMs });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    socket.resume();
  }

  #look(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.look(nowMs);
  }

  #askToGiveWay(): void {
    this.#giveWayTimer ??= setTimeout(() => {
      this.#giveWayTimer = undefined;
      if (this.#line.length === 0) return;
      const nowMs = performance.now();
      for (const connection of this.#connections) {
        const { idleSinceMs } = connection;
        if (idleSinceMs !== undefined && nowMs - idleSinceMs >= GIVE_WAY_MS) connection.leave();
      }
      this.#askToGiveWay();
    }, GIVE_WAY_MS).unref();
  }
}

/** As clients write it. */
function addressOf(place: SocketPlace): string {
  if (place.kind === 'unix') return `unix:${place.path}`;
  return `tcp://${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`;
}

/** Says why and closes; what the client has sent is read away, or a reset would take the reason with it. */
function refuse(socket: Socket, error: TurnoError): void {
  const payload = pack(errorReply(error));
  socket.on('error', () => undefined); // it is going anyway
  socket.resume();
  socket.end(Buffer.concat([frameHeader(Kind.bye, 0, payload.length), payload]));
  setTimeout(() => socket.destroy(), LOOK_MS).unref();
}
