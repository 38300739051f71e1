/**
 * Several files as one: a tar archive in the ustar format (POSIX.1-1988), which every system can unpack.
 *
 *     entry   header of 512 bytes, content, zeros up to a multiple of 512
 *     end     two blocks of zeros
 *
 *     header  0 name 100 | 100 mode 8 | 108 uid 8 | 116 gid 8 | 124 size 12 | 136 mtime 12 | 148 checksum 8 | 156 type 1
 *             257 "ustar\0" 6 | 263 "00" 2 | the rest zeros. Numbers are octal text; the checksum is the sum of all bytes
 *             of the header with its own field as blanks.
 */

import { MAX_PATH_BYTES } from './schema.js';
import type { SourceFile } from './transport.js';

const BLOCK_BYTES = 512;

/** @param files their paths as checked by file-names.ts, which fit a header's name */
export function tar(files: readonly SourceFile[], modifiedMs: number): Buffer {
  const parts: Buffer[] = [];
  for (const { path, content } of files) {
    const padding = (BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES;
    parts.push(header(path, content.length, modifiedMs), content, Buffer.alloc(padding));
  }
  parts.push(Buffer.alloc(2 * BLOCK_BYTES));
  return Buffer.concat(parts);
}

function header(path: string, size: number, modifiedMs: number): Buffer {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new RangeError(`path too long for a tar header: ${path}`);
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, offset: number, digits: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, offset, 'latin1');
  block.write(path, 0);
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Math.floor(modifiedMs / 1_000), 136, 11);
  block.write('        0', 148, 'latin1'); // a blank checksum, then the type: a regular file
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
