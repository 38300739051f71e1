/** mkdir -p for one owner. Node 20 says ENOENT where the disk is read-only; asked for one directory it says EROFS. */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** @throws what mkdir(2) says, of the first directory that could not be made */
export function makeDirectories(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeDirectories(dirname(path)); // ends at one that is there
    mkdirSync(path, { mode: 0o700 });
  }
}
