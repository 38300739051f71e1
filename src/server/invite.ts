/**
 * Tokens in the data directory, each in a file that only the server's user can read: the invitation of `--registration
 * invite`, with which one may register, and the operator's, who may add problems. They stay the same from start to start; to
 * take one back, delete its file and start again; for the invitation `turno ctl reload` does.
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

export function operatorPath(dataDirectory: string): string {
  return join(dataDirectory, 'operator.token');
}

/**
 * The token of a file; made when there is none yet. For the primary, which has locked the directory.
 * @throws TURNO_SETTING when the file is there but others can read it, or nothing is in it.
 */
export function tokenAt(path: string): string {
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
