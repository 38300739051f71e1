/**
 * Power loss, as a table sees it: a copy of its directory, opened under another boot id. Of the table file nothing may be
 * believed then, so it is filled with noise; the journal is as the file system has it, which for synced writes is what a
 * disk would have. (power-loss.test.ts also takes away what was not synced.)
 */

import { closeSync, cpSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { HEADER } from '../../src/shm/layout.js';
import { type OpenOptions, openTable, type Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';

let copies = 0;

export function losePower(
  t: Test,
  table: Table,
  options: Partial<OpenOptions> = {},
  meanwhile: (directory: string) => void = () => undefined,
): Table {
  const directory = join(t.testdirName, `after-${process.pid}-${copies++}`);
  cpSync(dirname(table.path), directory, { recursive: true });
  distrust(join(directory, 'table.turno'));
  meanwhile(directory);
  const after = openTable({ path: join(directory, 'table.turno'), create: true, ...options });
  t.teardown(() => after.close());
  return after;
}

/** The file of an unfinished table as another boot of the machine finds it. */
export function distrust(path: string): void {
  setOtherBoot(path);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(100_000, 0xa5), 0, 100_000, 1_048_576);
  closeSync(fd);
}

/** The file was last open on another boot of the machine. */
export function setOtherBoot(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(16, 7), 0, 16, HEADER.fields.BOOT_ID.offset);
  closeSync(fd);
}

export function sameRows(t: Test, found: Table, expected: Table): void {
  const { rows } = expected.counts();
  t.equal(found.counts().rows, rows);
  for (let n = 0; n < rows; n++) {
    const row = rowIndex(n);
    const isSame =
      JSON.stringify(found.read(row)) === JSON.stringify(expected.read(row)) &&
      JSON.stringify(found.response(row)) === JSON.stringify(expected.response(row)) &&
      found.rowOf(expected.read(row)?.id ?? new Uint8Array()) === n;
    if (!isSame) {
      t.same(found.read(row), expected.read(row), `row ${n}`);
      t.same(found.response(row), expected.response(row), `response ${n}`);
      return;
    }
  }
}
