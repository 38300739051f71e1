/**
 * A problem package as its files: from a zip archive or a folder, and back into a zip for the way to the server.
 *
 * An archive comes from outside. Its names may not lead out of it, and what it unpacks to is bounded before a byte is
 * unpacked, by the sizes it declares; one that lies about them unpacks to no more than it declared, and is refused then.
 */

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type UnzipFileInfo, unzipSync, zipSync } from 'fflate';
import { TurnoError } from '../errors.js';
import { MIB } from '../units.js';
import { packageError } from './package-error.js';

/** Paths relative to the package, `/` between components. */
export type PackageFiles = ReadonlyMap<string, Uint8Array>;

const MOST_FILES = 10_000;
const MOST_BYTES = 512 * MIB;
const MOST_FILE_BYTES = 256 * MIB;
const MOST_PATH_BYTES = 255;

/** What archivers and desktops leave behind; never part of a problem. */
const LITTER = /(^|\/)(__MACOSX|\.DS_Store|Thumbs\.db|\.git|__pycache__)(\/|$)/;

/** @throws TURNO_PACKAGE for what is no zip, leads out of itself, or unpacks to too much */
export function filesOfZip(zip: Uint8Array): PackageFiles {
  const declared = new Map<string, number>();
  let bytes = 0;
  const filter = ({ name, originalSize }: UnzipFileInfo): boolean => {
    if (name.endsWith('/') || LITTER.test(name)) return false;
    checkPath(name);
    if (declared.has(name)) throw packageError(name, 'is in the archive twice');
    declared.set(name, originalSize);
    bytes += originalSize;
    checkSizes(name, originalSize, declared.size, bytes);
    return true;
  };
  const files = new Map(Object.entries(unzipped(zip, filter)));
  for (const [name, { length }] of files) {
    const expected = declared.get(name);
    if (length !== expected) throw packageError(name, `unpacks to ${length} bytes, the archive says ${expected}`);
  }
  for (const path of files.keys()) {
    const above = path.split('/').slice(0, -1);
    const file = above.map((_, index) => above.slice(0, index + 1).join('/')).find((name) => files.has(name));
    if (file !== undefined) throw packageError(file, `is a file in the archive, and the directory of ${path}`);
  }
  return withoutTopDirectory(files);
}

function unzipped(zip: Uint8Array, filter: (info: UnzipFileInfo) => boolean): Record<string, Uint8Array> {
  try {
    return unzipSync(zip, { filter });
  } catch (error) {
    if (error instanceof TurnoError) throw error;
    throw packageError('archive', `expected a zip archive (${error instanceof Error ? error.message : error})`, error);
  }
}

/** @throws TURNO_PACKAGE for links and devices, and for too much; ENOENT and the like as they are */
export function filesOfFolder(folder: string): PackageFiles {
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  const walk = (below: string) => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      const path = below === '' ? name : `${below}/${name}`;
      if (LITTER.test(path)) continue;
      checkPath(path);
      // A link could lead anywhere: what is sent is what lies here.
      const status = lstatSync(join(folder, path));
      if (status.isDirectory()) {
        walk(path);
        continue;
      }
      if (!status.isFile()) throw packageError(path, 'expected a file or a directory, found a link or a device');
      bytes += status.size;
      checkSizes(path, status.size, files.size + 1, bytes);
      files.set(path, readFileSync(join(folder, path)));
    }
  };
  walk('');
  return files;
}

export function zipOf(files: PackageFiles): Uint8Array {
  return zipSync(Object.fromEntries(files), { level: 6 });
}

function checkPath(path: string): void {
  const components = path.split('/');
  const isInside = !path.startsWith('/') && !path.includes('\\') && !/^[a-z]:/i.test(path);
  if (!isInside || components.includes('..') || components.includes('.') || components.includes('')) {
    throw packageError(path.slice(0, MOST_PATH_BYTES), 'expected a relative path inside the package');
  }
  if (Buffer.byteLength(path) > MOST_PATH_BYTES || /\p{Cc}/u.test(path)) {
    throw packageError(JSON.stringify(path.slice(0, 80)), `expected a path of at most ${MOST_PATH_BYTES} plain bytes`);
  }
}

function checkSizes(path: string, size: number, count: number, total: number): void {
  if (count > MOST_FILES) throw packageError('package', `expected at most ${MOST_FILES} files`);
  if (size > MOST_FILE_BYTES) throw packageError(path, `expected at most ${MOST_FILE_BYTES} bytes, found ${size}`);
  if (total > MOST_BYTES) throw packageError('package', `unpacks to more than ${MOST_BYTES} bytes`);
}

/** Archives are often made of the folder, not of what is in it. */
function withoutTopDirectory(files: ReadonlyMap<string, Uint8Array>): PackageFiles {
  const tops = new Set(Array.from(files.keys(), (path) => path.slice(0, Math.max(0, path.indexOf('/')))));
  const [top] = tops;
  if (tops.size !== 1 || top === undefined || top === '' || top === 'data') return files;
  return new Map(Array.from(files, ([path, content]) => [path.slice(top.length + 1), content]));
}
