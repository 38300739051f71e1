/**
 * Names of submitted files. They become paths in a cell and below the data directory, so only those are taken that stay
 * inside wherever they are put. This is the first guard; the cell's and the store's own opening of files is the second.
 */

import { refuse, shown } from './complaint.js';
import { MAX_PATH_BYTES } from './schema.js';

/** @throws TURNO_BAD_REQUEST naming the field and the rule */
export function checkFileName(path: string, field: string): void {
  const problem = problemOf(path);
  if (problem !== undefined) throw refuse(field, `expected a relative file name, got ${shown(path)}: ${problem}`);
}

function problemOf(path: string): string | undefined {
  if (path === '') return 'it is empty';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `it has more than ${MAX_PATH_BYTES} bytes`;
  if (!path.isWellFormed()) return 'it has half of a surrogate pair';
  if (/\p{Cc}/u.test(path)) return 'it has a control character';
  if (path.startsWith('/')) return 'it is absolute';
  const components = path.split('/');
  if (components[0]?.startsWith('.turno-')) return 'names that begin with ".turno-" are turno\'s own'; // PREPARED, MANIFEST
  if (components.includes('')) return 'it has an empty component';
  if (components.includes('..') || components.includes('.')) return 'it has a component "." or ".."';
  return undefined;
}

/**
 * No two files may have one name, and none may be the directory of another (`a` and `a/b`).
 * @param paths as checked by checkFileName
 */
export function checkFileSet(paths: readonly string[], field: string): void {
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path)) throw refuse(field, `two files are called ${shown(path)}`);
    seen.add(path);
  }
  for (const path of paths) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const directory = path.slice(0, slash);
      if (seen.has(directory)) throw refuse(field, `${shown(directory)} is a file and the directory of ${shown(path)}`);
    }
  }
}
