import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { type ErrorCode, TurnoError } from '../../src/errors.js';
import { armFaultPoints } from '../../src/shm/fault-points.js';
import { native } from '../../src/shm/native.js';
import { H } from '../../src/shm/region.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import { act } from './actor.js';
import { hashOf, resultFor, submit } from './actor-jobs.js';
import { freshTable, SMALL } from './fresh-table.js';
import { losePower, sameRows } from './power.js';

t.test('what was committed is there after power was lost, from the journal alone', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 30; n++) {
    const { row } = submit(table, user);
    if (n % 2) table.finish(row, { ...resultFor(row, n), response: Buffer.alloc(n * 200, `${n}`) });
    else if (n % 3) table.start(row);
  }
  table.commit();
  const messages: string[] = [];
  const after = losePower(t, table, { onRepair: (message) => messages.push(message) });
  t.match(messages[0], /power was lost/);
  sameRows(t, after, table);
  t.same(after.counts().rows, 30);
  t.same(after.counts().running, table.counts().running);
  t.same(after.counts().done, table.counts().done);
  t.same(after.userByToken(hashOf('ada')), { index: 0, name: 'Ada', priority: 0, quota: 0 });
  t.equal(after.ofUser(user, { limit: 99 }).length, 30);
  t.equal(submit(after, user).arrival, 31);
});

t.test('power lost again and again, with changes in between: nothing committed is lost', async (t) => {
  let table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let round = 0; round < 6; round++) {
    const { row } = submit(table, user);
    table.finish(row, resultFor(row, round));
    submit(table, user);
    table.commit();
    if (round === 3) checkpoint(table);
    const after = losePower(t, table);
    sameRows(t, after, table);
    table = after;
  }
  t.equal(table.counts().rows, 12);
});

t.test('what was not committed may be gone, but what is there is whole and nothing is invented', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  submit(table, user);
  table.commit();
  submit(table, user);
  const after = losePower(t, table);
  t.equal(after.counts().rows, 1);
});

t.test('sources come back with the journal', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const { row } = submit(table, user);
  const source = Buffer.from('int main(void) { return 0; }');
  t.ok(table.logSource(row, source));
  t.notOk(table.logSource(row, Buffer.alloc(100_000)), 'a long one is for the caller to sync');
  table.commit();
  const found: [string, string][] = [];
  losePower(t, table, { onSource: (id, packed) => found.push([toHex(id), Buffer.from(packed).toString()]) });
  t.same(found, [[toHex(table.read(row)?.id), source.toString()]]);
});

t.test('a checkpoint drops the journal before it, and both together give the table', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const segments = () =>
    readdirSync(join(dirname(table.path), 'journal')).filter((name) => name.startsWith('segment-'));
  for (let n = 0; n < 5_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  t.ok(segments().length > 2, `${segments().length} segments`);
  checkpoint(table);
  t.equal(segments().length, 1);
  for (let n = 0; n < 1_000; n++) table.start(submit(table, user).row);
  table.commit();
  const after = losePower(t, table);
  t.equal(after.counts().rows, 6_000);
  sameRows(t, after, table);
});

t.test(
  'a journal that is shortened from time to time writes into its old segments again, and makes none',
  async (t) => {
    const table = freshTable(t);
    const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    const fill = () => {
      for (let n = 0; n < 4_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
      table.commit();
    };
    for (let round = 0; round < 3; round++) {
      fill();
      checkpoint(table, 1);
    }
    const files = inodesOf(table);
    t.ok(files.length >= 4, `${files.length} files`);
    fill();
    t.same(inodesOf(table), files);
    sameRows(t, losePower(t, table), table);
  },
);

t.test(
  'records of another table in a segment taken over from it, at the very same positions, are not believed',
  async (t) => {
    const former = freshTable(t);
    submit(former, former.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
    former.commit();
    const path = join(t.testdirName, 'latter/table.turno');
    mkdirSync(join(dirname(path), 'journal'), { recursive: true });
    cpSync(former.journal.segments.path(1), join(dirname(path), 'journal/spare-1'));
    const latter = openTable({ path, create: true, ...SMALL });
    t.teardown(() => latter.close());
    t.same(readdirSync(join(dirname(path), 'journal')), ['segment-00000001'], 'the spare was taken');
    t.match(losePower(t, latter).counts(), { rows: 0, users: 0 });
  },
);

t.test('spares are given back but for one', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 5_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  checkpoint(table, 1);
  t.ok(inodesOf(table).length > 2);
  table.journal.segments.releaseSpares();
  t.equal(inodesOf(table).length, 2);
});

t.test('a segment whose head has come to the disk before its name is not part of the journal', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 5_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  checkpoint(table, 1);
  table.region.store(H.JOURNAL_STATE, 1); // the next batch goes to a new segment
  submit(table, user);
  table.commit();
  const last = table.journal.segments.list().at(-1)?.number ?? 0;
  const after = losePower(t, table, {}, (dir) => {
    // It was segment 1 before it was dropped and taken again; nothing of what renamed it has come to the disk.
    renameSync(
      join(dir, 'journal', basename(table.journal.segments.path(last))),
      join(dir, 'journal/segment-00000001'),
    );
  });
  t.equal(after.counts().rows, 5_000);
});

t.test('after a failed sync another thread, which has the failed segment open, writes to the new one', async (t) => {
  const table = freshTable(t);
  table.region.store(H.JOURNAL_STATE, 1);
  table.journal.begin(); // now it has a segment open in which nothing lies yet
  const other = attachTable(table.buffer);
  t.teardown(() => other.close());
  const states: number[] = [];
  armFaultPoints((point) => {
    if (point === 'journal.after-segment') states.push(other.region.load(H.JOURNAL_STATE));
  });
  t.teardown(() => armFaultPoints(undefined));
  failNextSync(t);
  const user = other.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  other.commit(other.journal.tail);
  t.same(states, [1], 'whoever leads after the death of this one knows of the failure');
  const { row } = submit(table, user);
  table.commit();
  const after = losePower(t, table);
  t.equal(after.read(row)?.arrival, 1);
  t.equal(table.journal.segments.list().length, 1, 'the failed one is gone');
});

t.test('a damaged snapshot is passed over when the journal reaches further back', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 10; n++) submit(table, user);
  const bad = checkpoint(table);
  truncateSync(bad, 10_000);
  table.commit();
  const messages: string[] = [];
  const after = losePower(t, table, { onRepair: (message) => messages.push(message) });
  t.match(messages[0], /is not used/);
  sameRows(t, after, table);
});

t.test('with the last snapshot damaged a start is made from the one before and the journal since then', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const snapshots: string[] = [];
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 2_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
    table.commit();
    snapshots.push(checkpoint(table, 2));
  }
  t.same(snapshots.map(existsSync), [false, false, true, true]);
  truncateSync(snapshots[3] ?? '', 10_000);
  const messages: string[] = [];
  const after = losePower(t, table, { onRepair: (message) => messages.push(message) });
  t.match(messages[0], /is not used/);
  t.equal(after.counts().done, 8_000);
  sameRows(t, after, table);
});

t.test('a hole in the journal is damage: the start is refused and everything is left in place', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 5_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  t.equal(
    codeOf(() => losePower(t, table, {}, (dir) => rmSync(join(dir, 'journal', 'segment-00000002')))),
    'TURNO_TABLE_DAMAGED',
  );
});

t.test('without snapshot and journal a distrusted table is refused, not emptied', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  submit(table, user);
  table.commit();
  let directory = '';
  const code = codeOf(() =>
    losePower(t, table, {}, (dir) => {
      directory = dir;
      rmSync(join(dir, 'journal'), { recursive: true });
    }),
  );
  t.equal(code, 'TURNO_TABLE_DAMAGED');
  t.ok(existsSync(join(directory, 'table.turno')));
});

t.test('a missing table is rebuilt when there is a journal', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  submit(table, user);
  table.commit();
  const after = losePower(t, table, {}, (dir) => rmSync(join(dir, 'table.turno')));
  sameRows(t, after, table);
});

t.test('many threads and processes commit at once: all of it is in the journal, in order', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const kinds = ['thread', 'process', 'thread'] as const;
  const ended = await Promise.all(kinds.map((kind) => act(t, kind, table, { kind: 'durable', user, count: 300 })));
  t.same(
    ended.map(({ result }) => result),
    [300, 300, 300],
  );
  const after = losePower(t, table);
  t.equal(after.counts().rows, 900);
  t.equal(after.counts().done, 900);
  sameRows(t, after, table);
});

t.test('with durability `crash` nothing waits for the disk, and a restart has everything', async (t) => {
  const path = join(t.testdir(), 'table.turno');
  const first = openTable({ path, create: true, durability: 'crash', ...SMALL });
  const user = first.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 3_000; n++) first.finish(submit(first, user).row, resultFor(n, n));
  first.commit();
  first.close();
  const second = openTable({ path, create: true, durability: 'crash' });
  t.teardown(() => second.close());
  t.equal(second.counts().done, 3_000);
  sameRows(t, second, first);
});

/** 1,000 by `npm run test:damage`. */
const CHANGES = Number(process.env.CHANGES ?? 100);

t.test('the mapped file after each change, copied, opens as a table of its own', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const directory = join(t.testdirName, 'copy');
  for (let n = 0; n < CHANGES; n++) {
    if (n % 3 === 0) submit(table, user);
    else table.finish(rowIndex(Math.floor(n / 3)), resultFor(Math.floor(n / 3), n));
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    const path = join(directory, 'table.turno');
    cpSync(table.path, path);
    const copy = openTable({ path, create: true, durability: 'none' });
    const { rows, done } = copy.counts();
    const expected = table.counts();
    if (rows !== expected.rows || done !== expected.done) t.fail(`after change ${n}: ${rows} rows, ${done} done`);
    const last = rowIndex(rows - 1);
    if (JSON.stringify(copy.read(last)) !== JSON.stringify(table.read(last)))
      t.fail(`after change ${n}: the row differs`);
    copy.close();
  }
  t.pass(`${CHANGES} copies`);
});

/** Which files the journal consists of, whatever their names. */
function inodesOf(table: Table): number[] {
  const directory = join(dirname(table.path), 'journal');
  return readdirSync(directory)
    .map((name) => statSync(join(directory, name)).ino)
    .sort((a, b) => a - b);
}

/** The disk writes, but the next sync says that it could not. */
function failNextSync(t: Test): void {
  const { writeDurably } = native;
  const stand = (value: unknown) => Object.defineProperty(native, 'writeDurably', { value, configurable: true });
  stand((...args: Parameters<typeof writeDurably>) => {
    writeDurably(...args);
    if (!args[4]) return;
    stand(writeDurably);
    throw Object.assign(new Error('fdatasync: EIO'), { code: 'EIO' });
  });
  t.teardown(() => stand(writeDurably));
}

function codeOf(action: () => unknown): ErrorCode | string {
  try {
    action();
    return 'nothing was thrown';
  } catch (error) {
    return error instanceof TurnoError ? error.code : String(error);
  }
}

function toHex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
