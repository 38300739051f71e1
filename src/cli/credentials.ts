/**
 * Tokens of the command line's user, one a server, in one JSON file that only its owner can read:
 *
 *     {"http://127.0.0.1:8040": {"name": "ada", "token": "..."}}
 */

import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TurnoError } from '../errors.js';

export interface Credential {
  readonly name: string;
  readonly token: string;
}

export class Credentials {
  readonly path: string;

  /** @param directory made when the first token is kept */
  constructor(directory: string) {
    this.path = join(directory, 'tokens.json');
  }

  /**
   * @param server address as serverAddress gives it
   * @throws TURNO_SETTING when the file is not what this class writes: it is never overwritten then.
   */
  of(server: string): Credential | undefined {
    const all = this.#read();
    return Object.hasOwn(all, server) ? all[server] : undefined;
  }

  /** Those a token is kept for. */
  get servers(): readonly string[] {
    return Object.keys(this.#read());
  }

  keep(server: string, credential: Credential): void {
    const all = { ...this.#read(), [server]: credential };
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    // Written beside and renamed: a full disk must not cost the tokens that are there. Owner-only from the first byte.
    const temporary = `${this.path}.${process.pid}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(all, undefined, 2)}\n`, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, this.path);
  }

  #read(): Record<string, Credential> {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw error;
    }
    const all = parse(text);
    if (all === undefined) {
      throw new TurnoError('TURNO_SETTING', { name: this.path, problem: 'expected JSON with a token for each server' });
    }
    return all;
  }
}

function parse(text: string): Record<string, Credential> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = (one: unknown) => typeof one === 'object' && one !== null && !Array.isArray(one);
    if (!isObject(value)) return undefined;
    const entries = Object.values(value as object);
    const isCredential = (one: unknown) =>
      isObject(one) && typeof (one as Credential).name === 'string' && typeof (one as Credential).token === 'string';
    return entries.every(isCredential) ? (value as Record<string, Credential>) : undefined;
  } catch {
    return undefined; // not JSON: the caller says so, with the path
  }
}
