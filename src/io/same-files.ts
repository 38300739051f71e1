/**
 * Files this thread has written and may write again: the same program sent once more, the same limits as everybody's. Another
 * name for the file that is there costs a fraction of a new file, and no room.
 *
 * Nobody changes these files once they have their names, so it does not matter who shares one; each name is removed by itself,
 * and the last takes the content along.
 */

import { linkSync } from 'node:fs';

/** Longer ones are seldom sent twice, and would have to be remembered. */
const MOST_BYTES = 16_384;
const MOST_FILES = 256;

export class SameFiles {
  /** By content, the one used longest ago first. */
  readonly #paths = new Map<string, string>();

  /** Gives `content` the name `path`, as a link to a file that has it or, when there is none, by `write`. */
  save(path: string, content: Uint8Array, write: () => void): void {
    if (content.length > MOST_BYTES) {
      write();
      return;
    }
    const key = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
    const known = this.#paths.get(key);
    this.#paths.delete(key);
    if (known === undefined || !tryLink(known, path)) {
      write();
      this.#remember(key, path);
    } else this.#paths.set(key, known);
  }

  #remember(key: string, path: string): void {
    this.#paths.set(key, path);
    if (this.#paths.size <= MOST_FILES) return;
    for (const oldest of this.#paths.keys()) {
      this.#paths.delete(oldest);
      return;
    }
  }
}

/** It may be gone (retention), have as many names as a file can (65,000 on ext4), or the file system has no links. */
function tryLink(known: string, path: string): boolean {
  try {
    linkSync(known, path);
    return true;
  } catch {
    return false; // whatever is wrong, writing says so
  }
}
