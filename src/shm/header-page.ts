/** What the first page of a table's file says of it: read, not mapped, for a file that may well be shorter than it says. */

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { bootId } from './boot.js';
import { Durability, HEADER, LAYOUT_VERSION, MAGIC, TABLE_SIGNATURE } from './layout.js';

const H = HEADER.fields;

function readPage(path: string): Buffer {
  const page = Buffer.alloc(HEADER.size);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    readSync(fd, page, 0, HEADER.size, 0);
    return page;
  } finally {
    closeSync(fd);
  }
}

/** Whether a table of this layout was open when power was lost: what its pages hold then is no damage. */
export function hasLostPower(path: string): boolean {
  const page = readPage(path);
  const at = (field: { readonly offset: number }) => page.readUInt32LE(field.offset);
  const isTable = at(H.MAGIC) === MAGIC[0] && at(H.LAYOUT) === LAYOUT_VERSION && at(H.SIGNATURE) === TABLE_SIGNATURE;
  const boot = page.subarray(H.BOOT_ID.offset, H.BOOT_ID.offset + H.BOOT_ID.bytes);
  return isTable && at(H.CLEAN) !== 1 && !boot.equals(bootId());
}

/**
 * The journal position up to which all was acknowledged, when the journal has all of it; undefined when part of it may be in
 * this file only (`crash`), or when there is no journal.
 */
export function acknowledgedPosition(path: string): number | undefined {
  const page = readPage(path);
  if (page.readUInt32LE(H.DURABILITY.offset) !== Durability.power) return undefined;
  return Number(page.readBigUInt64LE(H.RING_WRITTEN.offset));
}
