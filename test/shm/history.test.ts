/** A table's file that was copied, put back or left alone by somebody: nothing is lost, mixed or believed that is another's. */

import { copyFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { native } from '../../src/shm/native.js';
import { compactTable } from '../../src/shm/open.js';
import { H } from '../../src/shm/region.js';
import { checkpoint, secure } from '../../src/shm/snapshot.js';
import { type OpenOptions, openTable, type Table } from '../../src/shm/table.js';
import { hashOf, resultFor, submit } from './actor-jobs.js';
import { freshTable, SMALL } from './fresh-table.js';
import { losePower, sameRows } from './power.js';

const open = (t: Test, path: string, options: Partial<OpenOptions> = {}) => {
  const table = openTable({ path, create: true, ...SMALL, ...options });
  t.teardown(() => table.close());
  return table;
};

t.test(
  'a file that is copied alone, or the snapshot of a table, goes on as a table, after a power cut too',
  async (t) => {
    const table = freshTable(t);
    const user = fill(table);
    const snapshot = checkpoint(table);
    submit(table, user);
    table.commit();
    for (const [name, file] of Object.entries({ copied: table.path, snapshot })) {
      const path = join(t.testdirName, name, 'table.turno');
      mkdirSync(dirname(path));
      copyFileSync(file, path);
      const copy = open(t, path);
      t.ok(secure(copy), 'a snapshot is wanted first');
      t.equal(secure(copy), undefined, 'and then no more');
      submit(copy, user);
      copy.commit();
      sameRows(t, losePower(t, copy), copy);
    }
    t.equal(secure(table), undefined, 'a table that was made here needs none');
  },
);

for (const what of ['journal', 'snapshots']) {
  t.test(`somebody has removed the ${what}: a snapshot is written at the next start`, async (t) => {
    const table = freshTable(t);
    fill(table);
    table.region.store(H.JOURNAL_STATE, 1); // what follows goes to a new segment, and the first is dropped
    table.journal.begin();
    checkpoint(table, 1);
    submit(table, 0);
    table.closeClean();
    rmSync(join(dirname(table.path), what), { recursive: true });
    const again = open(t, table.path);
    t.ok(secure(again));
    submit(again, 0);
    again.commit();
    sameRows(t, losePower(t, again), again);
  });
}

t.test('an older file that is put back is set aside, and what came after it is there', async (t) => {
  for (const isClean of [true, false]) {
    const table = freshTable(t);
    const user = fill(table);
    if (isClean) table.closeClean();
    const older = join(t.testdirName, 'older.turno');
    copyFileSync(table.path, older);
    if (!isClean) table.close();
    const latter = open(t, table.path);
    for (let n = 0; n < 10; n++) submit(latter, user);
    latter.closeClean();
    renameSync(older, table.path);
    const messages: string[] = [];
    const found = open(t, table.path, { onRepair: (message) => messages.push(message) });
    t.match(messages, [/older than the journal/]);
    sameRows(t, found, latter);
    found.close();
    rmSync(dirname(table.path), { recursive: true });
  }
});

t.test('an older file is set aside when the journal has been shortened since, too', async (t) => {
  const table = freshTable(t);
  const user = fill(table);
  const older = join(t.testdirName, 'older.turno');
  copyFileSync(table.path, older);
  for (let n = 0; n < 5_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
  checkpoint(table, 1);
  table.closeClean();
  renameSync(older, table.path);
  const messages: string[] = [];
  const found = open(t, table.path, { onRepair: (message) => messages.push(message) });
  t.match(messages, [/older than the journal/]);
  sameRows(t, found, table);
});

t.test('beside the journal of another table nothing is opened, and nothing changed', async (t) => {
  const [one, other] = twoTables(t);
  const [data, others] = [dirname(one.path), dirname(other.path)];
  rmSync(join(data, 'journal'), { recursive: true });
  cpSync(join(others, 'journal'), join(data, 'journal'), { recursive: true });
  const names = readdirSync(data, { recursive: true }).sort();
  t.throws(() => open(t, one.path), { code: 'TURNO_TABLE_DAMAGED' });
  t.same(readdirSync(data, { recursive: true }).sort(), names);
  rmSync(join(data, 'journal'), { recursive: true });
  t.equal(open(t, one.path).counts().rows, 30);
});

t.test('a snapshot of another table is not used', async (t) => {
  const [one, other] = twoTables(t);
  const [data, others] = [dirname(one.path), dirname(other.path)];
  cpSync(join(others, 'snapshots'), join(data, 'snapshots'), { recursive: true });
  const messages: string[] = [];
  const found = open(t, one.path, { onRepair: (message) => messages.push(message) });
  t.match(messages[0], /is not used: it is of another table/);
  sameRows(t, found, one);
});

/** Two that have ended in order; the second has more rows, and a snapshot. */
function twoTables(t: Test): [Table, Table] {
  const root = t.testdir({ one: {}, other: {} });
  const [one, other] = [open(t, join(root, 'one/table.turno')), open(t, join(root, 'other/table.turno'))];
  for (const table of [one, other]) fill(table);
  submit(other, 0);
  checkpoint(other);
  for (const table of [one, other]) table.closeClean();
  return [one, other];
}

function fill(table: Table): number {
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 30; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  return user;
}

for (const [what, copy] of Object.entries<(path: string) => void>({
  enlarged: (path) => openTable({ path, create: true, maxRows: 200_000 }).close(),
  compacted: (path) => void compactTable(path),
})) {
  t.test(`a table that cannot write its journal is not ${what}: the copy would go on without it`, async (t) => {
    const table = freshTable(t);
    const { path } = table;
    fill(table);
    submit(table, 0); // in the ring only, when the server is killed
    table.close();
    const { writeDurably } = native;
    const stand = (value: unknown) => Object.defineProperty(native, 'writeDurably', { value, configurable: true });
    t.teardown(() => stand(writeDurably));
    stand(() => {
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    });
    t.throws(() => copy(path), { code: 'TURNO_DISK_REFUSES' });
    stand(writeDurably);
    copy(path);
    const found = open(t, path);
    submit(found, 0);
    found.commit();
    t.equal(found.counts().rows, 32);
    sameRows(t, losePower(t, found), found);
  });
}
