/**
 * The invitation of `--registration invite`: one token, in a file that only the server's user can read. Whoever is given it
 * may register. It stays the same from start to start; to take it back, delete the file and start again.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TurnoError } from '../errors.js';
import { newToken } from '../token.js';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const MODE = 0o600;

export function invitePath(dataDirectory: string): string {
  return join(dataDirectory, 'invite.token');
}

/**
 * The token; made when there is none yet. For the primary, which has locked the directory.
 * @throws TURNO_SETTING when the file is there but others can read it, or nothing is in it.
 */
export function inviteToken(dataDirectory: string): string {
  const path = invitePath(dataDirectory);
  const existing = openExisting(path);
  if (existing === undefined) return make(path);
  try {
    const token = readFileSync(existing, 'utf8').trim();
    const problem = token === '' ? 'it is empty' : (fstatSync(existing).mode & 0o077) !== 0 && 'others can read it';
    if (problem) throw new TurnoError('TURNO_SETTING', { name: path, problem: `${problem}. Delete it, or chmod 600.` });
    return token;
  } finally {
    closeSync(existing);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function make(path: string): string {
  const token = newToken();
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  try {
    writeFileSync(fd, `${token}\n`);
  } finally {
    closeSync(fd);
  }
  return token;
}
