/**
 * What the first page of a table's file says of it, and what lies in its ring: read, not mapped, for a file that may well be shorter
 * than it says.
 */

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { bootId } from './boot.js';
import { geometry, HEADER, LAYOUT_VERSION, MAGIC, TABLE_SIGNATURE } from './layout.js';
import { geometryChecksum } from './region.js';

const H = HEADER.fields;

/** What is behind the end of the file reads as zeros. */
function readBytes(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    readSync(fd, bytes, 0, length, offset);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function readPage(path: string): Buffer {
  return readBytes(path, 0, HEADER.size);
}

/** Whether a table of this layout was open when power was lost: what its pages hold then is no damage. */
export function hasLostPower(path: string): boolean {
  const page = readPage(path);
  const at = (field: { readonly offset: number }) => page.readUInt32LE(field.offset);
  const isTable = at(H.MAGIC) === MAGIC[0] && at(H.LAYOUT) === LAYOUT_VERSION && at(H.SIGNATURE) === TABLE_SIGNATURE;
  const boot = page.subarray(H.BOOT_ID.offset, H.BOOT_ID.offset + H.BOOT_ID.bytes);
  return isTable && at(H.CLEAN) !== 1 && !boot.equals(bootId());
}

/** What the header says of the journal: positions up to which records were appended, and written to it. */
export interface SaidOfJournal {
  readonly durability: number;
  readonly salt: number;
  readonly appended: number;
  readonly written: number;
}

export function saidOfJournal(path: string): SaidOfJournal {
  const page = readPage(path);
  return {
    durability: page.readUInt32LE(H.DURABILITY.offset),
    salt: page.readUInt32LE(H.JOURNAL_SALT.offset),
    appended: Number(page.readBigUInt64LE(H.RING_TAIL.offset)),
    written: Number(page.readBigUInt64LE(H.RING_WRITTEN.offset)),
  };
}

/** The ring, of whose records each says itself whether it is whole; undefined when the header does not tell where it is. */
export function readRing(path: string): Buffer | undefined {
  const page = readPage(path);
  const at = (field: { readonly offset: number }) => page.readUInt32LE(field.offset);
  const words = new Int32Array(page.buffer, page.byteOffset, HEADER.size / 4);
  if (at(H.GEOMETRY_CHECKSUM) !== geometryChecksum(words) >>> 0) return undefined;
  const { ring, ringBytes } = geometry(at(H.MAX_ROWS), at(H.MAX_USERS), at(H.RING_BYTES));
  return readBytes(path, ring, ringBytes);
}
