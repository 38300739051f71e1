/** From an address to a client: which way in is used is decided here, by the first word of the address. */

import { TurnoError } from '../errors.js';
import type { Client } from './client.js';

export interface ConnectOptions {
  /** Of a user; without one only `ping`, `register`, `languages` and `health` are answered. */
  readonly token?: string | undefined;
}

/**
 * A client for the server at an address: `http://HOST:PORT` or `https://...`.
 *
 * Nobody is reached yet: the first request does that, and says TURNO_UNREACHABLE when it cannot.
 * @throws TURNO_SETTING when it is no address
 */
export async function connect(address: string, { token }: ConnectOptions = {}): Promise<Client> {
  const server = serverAddress(address);
  // Each way is loaded when it is used: a command line of one request starts without the others.
  const { HttpClient } = await import('./http-client.js');
  return new HttpClient(server, token);
}

/** An address in the one form that tokens are kept under: a URL without a slash at its end. @throws TURNO_SETTING */
export function serverAddress(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  const problem = `expected an address like http://127.0.0.1:8040, got ${JSON.stringify(text)}`;
  throw new TurnoError('TURNO_SETTING', { name: '--server', problem });
}
