/**
 * Temporary files of a server that died: a file gets its name only when it is whole (io/store.ts), so what still has a
 * temporary one when the next server starts is nobody's, and never will be.
 */

import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../io/store.js';

const DIRECTORIES = ['sources', 'executables', 'responses', 'progress'];
/** The name of an id or a key, and then what io/store.ts adds. What users name begins with the id and a dash, or lies deeper. */
const TEMPORARY = /^[0-9a-f]{32,40}(\.request|\.compile)?\.\d+(-\d+-[0-9a-z]*)?\.tmp$/;

/**
 * Removes the temporary files that are older than the server.
 * @returns how many it were
 */
export function removeTemporaries(dataDirectory: string, startedAtMs: number): number {
  let count = 0;
  for (const name of DIRECTORIES) {
    for (const part of namesIn(join(dataDirectory, name))) {
      const directory = join(dataDirectory, name, part);
      for (const file of namesIn(directory)) {
        if (!TEMPORARY.test(file)) continue;
        const path = join(directory, file);
        // This server may be writing already.
        if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? startedAtMs) >= startedAtMs) continue;
        rmSync(path, { force: true });
        count++;
      }
    }
  }
  return count;
}
