/** What is done to a table as a whole: check, dump, compact, restore, enlarge; and what happens on a full disk. */

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { TurnoError } from '../../src/errors.js';
import { problemsOf } from '../../src/shm/check.js';
import { dumpTable } from '../../src/shm/dump.js';
import { compactTable, openTable, restoreTable } from '../../src/shm/open.js';
import { H } from '../../src/shm/region.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import type { Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import { breakableDisk, fillUp, made, NO_MOUNT, smallDisk } from '../small-disk.js';
import { hashOf, resultFor, submit } from './actor-jobs.js';
import { freshTable, SMALL } from './fresh-table.js';
import { sameRows } from './power.js';

function fill(table: Table, rows: number): void {
  const users = ['Ada', 'Bob'].map((name) => table.addUser({ name, tokenHash: hashOf(name) }));
  for (let n = 0; n < rows; n++) {
    const { row } = submit(table, users[n % 2] ?? 0);
    if (n % 3) table.record(row, { ...resultFor(n, n), response: Buffer.alloc(5_000, `${n} `) });
    if (n % 3 === 2) table.finish(row, { ...resultFor(n, n), response: Buffer.alloc(3_000, `${n}!`) });
    if (n % 7 === 0) table.start(row);
  }
}

t.test('a table in order has no problems', async (t) => {
  const table = freshTable(t);
  fill(table, 100);
  t.same([...problemsOf(table)], []);
});

t.test('a dump has a line for each user and each row, with the response', async (t) => {
  const table = freshTable(t);
  fill(table, 4);
  const lines = [...dumpTable(table)].map((line) => JSON.parse(line));
  t.match(lines[0], { user: { index: 0, name: 'Ada', tokenHash: Buffer.from(hashOf('Ada')).toString('hex') } });
  t.match(lines[2], { row: { arrival: 1, state: 'running', user: 0, response: null } });
  t.match(lines[4], { row: { arrival: 3, state: 'done', response: Buffer.alloc(3_000, '2!').toString('base64') } });
  t.equal(lines.length, 6);
});

t.test('compacting gives back what replaced responses left behind, and changes nothing else', async (t) => {
  const table = freshTable(t);
  fill(table, 600);
  const { path } = table;
  t.throws(() => compactTable(path), { code: 'TURNO_DATA_LOCKED' }, 'not while it is open');
  table.closeClean();
  const { before, after } = compactTable(path);
  t.ok(after < before, `${before} -> ${after} bytes`);
  const compact = openTable({ path, create: true, ...SMALL });
  t.teardown(() => compact.close());
  sameRows(t, compact, table);
  t.same([...problemsOf(compact)], []);
  submit(compact, 0);
  compact.commit();
});

t.test('a restore builds the table from snapshot and journal, and sets the old file aside', async (t) => {
  const table = freshTable(t);
  fill(table, 50);
  checkpoint(table);
  submit(table, 0);
  table.commit();
  table.close();
  writeFileSync(table.path, 'somebody wrote into it', { flag: 'r+' });
  t.throws(() => openTable({ path: table.path, create: true }), { code: 'TURNO_TABLE_NOT_A_TABLE' });
  const aside = restoreTable({ path: table.path, ...SMALL });
  t.ok(aside !== undefined && existsSync(aside));
  const restored = openTable({ path: table.path, create: true, ...SMALL });
  t.teardown(() => restored.close());
  t.equal(restored.counts().rows, 51);
  sameRows(t, restored, table);
});

t.test('a full table takes more after a start with a larger number of rows', async (t) => {
  const table = freshTable(t, { maxRows: 10 });
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 10; n++) submit(table, user);
  t.throws(() => submit(table, user), { code: 'TURNO_TABLE_FULL' });
  table.close();
  const larger = openTable({ path: table.path, create: true, maxRows: 5_000 });
  t.teardown(() => larger.close());
  sameRows(t, larger, table);
  for (let n = 0; n < 1_000; n++) submit(larger, user);
  larger.commit();
  t.equal(larger.counts().rows, 1_010);
});

t.test(
  'a full disk: new work is refused, reading goes on, nothing is lost, and space makes it accept again',
  async (t) => {
    const disk = smallDisk(t, 16);
    if (disk === undefined) {
      t.pass('a full disk', NO_MOUNT);
      return;
    }
    const directory = made(join(disk, 'data'));
    const table = openTable({ path: join(directory, 'table.turno'), create: true, ...SMALL });
    t.teardown(() => table.close());
    const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    const ballast = join(directory, 'ballast');
    writeFileSync(ballast, Buffer.alloc(4 * 1_048_576));
    let refusal: unknown;
    let accepted = 0;
    try {
      for (; accepted < 100_000; accepted++) {
        const { row } = submit(table, user);
        table.finish(row, { ...resultFor(accepted, 1), response: Buffer.alloc(8_000, `${accepted};`) });
        table.commit();
      }
    } catch (error) {
      refusal = error;
    }
    t.ok(
      refusal instanceof TurnoError && refusal.code === 'TURNO_DISK_FULL' && refusal.status === 507,
      String(refusal),
    );
    t.ok(accepted > 10, `${accepted} accepted before`);
    for (let n = 0; n < accepted; n++) {
      const response = table.response(rowIndex(n));
      if (!(response instanceof Uint8Array) || response.length !== 8_000) t.fail(`row ${n} cannot be read`);
    }
    t.throws(() => fillUntilRefused(table, user), { code: 'TURNO_DISK_FULL' }, 'it stays refused');
    rmSync(ballast);
    await acceptsAgain(table, user);
    table.commit();
    const { rows, done } = table.counts();
    t.ok(rows > accepted);
    t.same([...problemsOf(table)], []);
    t.ok(done >= accepted);
    t.ok(readdirSync(join(directory, 'journal')).every((name) => !name.startsWith('making-')));
  },
);

t.test('a start on a disk that is full: what is there is read, new work is refused, and space ends it', async (t) => {
  const disk = smallDisk(t, 24);
  if (disk === undefined) {
    t.pass('a full disk', NO_MOUNT);
    return;
  }
  const path = join(made(join(disk, 'data')), 'table.turno');
  const first = openTable({ path, create: true, ...SMALL });
  submit(first, first.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
  first.commit();
  // As a batch leaves it that failed: only a new segment will do, for which there is no room.
  first.region.store(H.JOURNAL_STATE, 1);
  first.close();
  fillUp(join(disk, 'ballast'));
  const table = openTable({ path, create: true, ...SMALL });
  t.teardown(() => table.close());
  t.equal(table.read(rowIndex(0))?.arrival, 1);
  t.equal(refusalOf(() => submit(table, 0)).code, 'TURNO_DISK_FULL');
  t.equal(table.refusal()?.status, 507);
  rmSync(join(disk, 'ballast'));
  await acceptsAgain(table, 0);
  table.commit();
  t.equal(table.refusal(), undefined);
  t.same([...problemsOf(table)], []);
});

t.test('a disk that fails every write: new work is refused with 507, reading goes on, and it recovers', async (t) => {
  const disk = breakableDisk(t, 48, 'journal');
  if (disk === undefined) {
    t.pass('a failing disk', NO_MOUNT);
    return;
  }
  const table = openTable({ path: join(disk.data, 'table.turno'), create: true, ...SMALL });
  t.teardown(() => table.close());
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  submit(table, user);
  table.commit();
  disk.breakIt();
  // Blocks that were written before still take writes: it fails when the journal needs new ones.
  const refusal = refusalOf(() => fillUntilRefused(table, user));
  t.match(refusal.code, /^TURNO_DISK_(REFUSES|FULL)$/);
  t.equal(refusal.status, 507);
  t.comment(refusal.message);
  t.equal(refusalOf(() => submit(table, user)).code, refusal.code, 'every thread is told the same');
  t.equal(table.refusal()?.code, refusal.code);
  t.equal(table.read(rowIndex(0))?.arrival, 1);
  disk.mendIt();
  await acceptsAgain(table, user);
  table.commit();
  t.equal(table.refusal(), undefined);
  t.same([...problemsOf(table)], []);
});

function refusalOf(action: () => unknown): TurnoError {
  try {
    action();
  } catch (error) {
    if (error instanceof TurnoError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function fillUntilRefused(table: Table, user: number): void {
  for (let n = 0; n < 5_000; n++) {
    const { row } = submit(table, user);
    table.finish(row, { ...resultFor(n, 1), response: Buffer.alloc(8_000) });
    table.commit();
  }
}

/** It tries again about once a second. */
async function acceptsAgain(table: Table, user: number): Promise<void> {
  for (;;) {
    try {
      submit(table, user);
      return;
    } catch (error) {
      if (!(error instanceof TurnoError) || error.status !== 507) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
