/** From an address to a client: which way in is used is decided here, by the first word of the address. */

import { resolve } from 'node:path';
import { TurnoError } from '../errors.js';
import type { Client } from './client.js';

export interface ConnectOptions {
  /** Of a user; without one only `ping`, `register`, `languages` and `health` are answered. */
  readonly token?: string | undefined;
}

/**
 * A client for the server at an address: `http://HOST:PORT` or `https://...`, `tcp://HOST:PORT`, `unix:PATH`,
 * `signal:DATA_DIRECTORY`.
 *
 * Nobody is reached yet: the first request does that, and says TURNO_UNREACHABLE when it cannot.
 * @throws TURNO_SETTING when it is no address
 */
export async function connect(address: string, { token }: ConnectOptions = {}): Promise<Client> {
  const server = serverAddress(address);
  // Each way is loaded when it is used: a command line of one request starts without the others.
  const scheme = server.slice(0, server.indexOf(':'));
  if (scheme === 'tcp' || scheme === 'unix') {
    const [{ MessageClient }, { SocketChannel }] = await Promise.all([
      import('./message-client.js'),
      import('./socket-client.js'),
    ]);
    return new MessageClient(new SocketChannel({ server, place: placeOf(server), token }));
  }
  if (scheme === 'signal') {
    const [{ MessageClient }, { SignalChannel }] = await Promise.all([
      import('./message-client.js'),
      import('./signal-client.js'),
    ]);
    return new MessageClient(new SignalChannel(server, server.slice('signal:'.length), token));
  }
  const { HttpClient } = await import('./http-client.js');
  return new HttpClient(server, token);
}

function placeOf(server: string): { host: string; port: number } | { path: string } {
  if (server.startsWith('unix:')) return { path: server.slice('unix:'.length) };
  const { hostname, port } = new URL(server);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/**
 * An address in the one form that tokens are kept under: a URL without a slash at its end.
 * @param name of the setting, for the message
 * @throws TURNO_SETTING
 */
export function serverAddress(text: string, name = '--server'): string {
  const [scheme] = /^(unix|signal):(?=.)/.exec(text) ?? [];
  if (scheme !== undefined) return `${scheme}${resolve(text.slice(scheme.length))}`;
  if (/^(https?|tcp):\/\/./.test(text) && URL.canParse(text)) {
    const { protocol, port, pathname, username, password, search, hash } = new URL(text);
    const isPlain = `${username}${password}${search}${hash}` === '';
    const isTcp = port !== '' && pathname.replace('/', '') === '';
    if (isPlain && (protocol !== 'tcp:' || isTcp)) return text.replace(/\/+$/, '');
  }
  const problem = `expected an address like http://127.0.0.1:8040, tcp://127.0.0.1:8041, unix:/path or signal:/data/directory, got ${JSON.stringify(text)}`;
  throw new TurnoError('TURNO_SETTING', { name, problem });
}
