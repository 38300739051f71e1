/** The kernel's boot id: two equal ones mean that no power was lost in between, and the page cache is whole. */

import { readFileSync } from 'node:fs';

/** 16 bytes. */
export function bootId(): Uint8Array {
  const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  return Buffer.from(text.trim().replaceAll('-', ''), 'hex');
}
