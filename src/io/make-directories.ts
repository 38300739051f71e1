/**
 * mkdir -p for one owner, one directory after the other. Node's own (`recursive`) says ENOENT where the disk is read-only, and
 * never ends where a directory that is there answers ENOENT to every new one, as /proc does.
 */

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** @throws what mkdir(2) says, of the first directory that could not be made */
export function makeDirectories(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error;
    makeDirectories(dirname(path));
    makeDirectories(path);
  }
}
