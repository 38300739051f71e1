/** Old submissions go into archive files: nothing is lost, nothing is doubled, and their room is given back. */

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { Store } from '../../src/io/store.js';
import { Retention } from '../../src/server/retention.js';
import { problemsOf } from '../../src/shm/check.js';
import { dumpTable } from '../../src/shm/dump.js';
import { ARCHIVE_POINTS, armFaultPoints } from '../../src/shm/fault-points.js';
import { compactTable } from '../../src/shm/open.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { openTable } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';
import { freshTable, SMALL } from '../shm/fresh-table.js';
import { losePower } from '../shm/power.js';
import { startServer } from '../start-server.js';
import { fillKept, problemsOfKept } from './kept.js';

const DAY_MS = 86_400_000;
/** When actor-jobs.ts says that everything was sent. */
const SENT_MS = 1_700_000_000_000;

t.test('more than --keep-rows: the oldest that are done are archived, with everything of theirs', async (t) => {
  const table = freshTable(t);
  const kept = fillKept(table, 200);
  const retention = new Retention(table, kept.store, { dataDirectory: kept.data, keepDays: 0, keepRows: 150 });
  t.equal(retention.look(), 50);
  t.same(problemsOfKept(kept), []);
  t.same([...problemsOf(table)], []);
  const { rows, archived, done, queued } = table.counts();
  t.same({ rows, archived, done, queued }, { rows: 200, archived: 50, done: 128, queued: 22 });
  // Those that are not done stay, however old: number 9 is the first.
  t.equal(table.unfinished().next().value?.arrival, 9);
  t.equal(table.ofUser(0, { limit: 200 }).length + table.ofUser(1, { limit: 200 }).length, 150);
  t.notOk(table.settle(rowIndex(0)), 'what is archived is not changed any more');
  t.equal(retention.look(), 0);
  t.equal(submit(table, 0).arrival, 201);
});

t.test('older than --keep-days, and not a day younger', async (t) => {
  const table = freshTable(t);
  const kept = fillKept(table, 30);
  const retention = new Retention(table, kept.store, { dataDirectory: kept.data, keepDays: 7, keepRows: 0 });
  t.equal(retention.look(SENT_MS + 7 * DAY_MS), 0);
  t.equal(retention.look(SENT_MS + 7 * DAY_MS + 1), 27);
  t.same(problemsOfKept(kept), []);
});

for (const at of ARCHIVE_POINTS) {
  t.test(`a failure at ${at} in a server that lives on: the next round goes on where it was`, async (t) => {
    const table = freshTable(t);
    const kept = fillKept(table, 60);
    const retention = new Retention(table, kept.store, { dataDirectory: kept.data, keepDays: 7, keepRows: 0 });
    let isDue = true;
    armFaultPoints((point) => {
      if (point !== at || !isDue) return;
      isDue = false;
      throw new Error('the disk fails');
    });
    const now = SENT_MS + 8 * DAY_MS;
    t.throws(() => retention.look(now), /the disk fails/);
    retention.look(now + DAY_MS);
    armFaultPoints(undefined);
    t.same(problemsOfKept(kept), []);
    t.same([...problemsOf(table)], []);
    t.match(table.counts(), { rows: 60, archived: 54 });
  });
}

t.test('an archive file is NDJSON as turno table dump prints it, users first', async (t) => {
  const table = freshTable(t);
  const kept = fillKept(table, 6);
  const before = [...dumpTable(table)].map((line) => JSON.parse(line));
  new Retention(table, kept.store, { dataDirectory: kept.data, keepDays: 0, keepRows: 4 }).look();
  const [name] = readdirSync(join(kept.data, 'archive'));
  t.equal(name, '00000001-rows-1-2.ndjson.gz');
  const lines = gunzipSync(readFileSync(join(kept.data, 'archive', name ?? '')))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.same(lines.slice(0, 2), before.slice(0, 2));
  t.match(lines[2], before[2]);
  t.match(lines[2].row.request, { language: 'c', stdin: Buffer.from('0').toString('base64') });
  t.equal(Buffer.from(lines[2].row.request.files[0].content, 'base64').toString(), 'int main(void) { return 0; }');
  t.match(
    [...dumpTable(table)].map((line) => JSON.parse(line)),
    [...before.slice(0, 2), ...before.slice(4)],
  );
});

t.test('the blocks of what is forgotten are given back, and the table goes on with the next numbers', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const store = new Store(join(table.path, '..'), false);
  const fill = (rows: number) => {
    for (let n = 0; n < rows; n++)
      table.finish(submit(table, user).row, { ...resultFor(n, n), response: Buffer.alloc(2_000, `${n}`) });
  };
  fill(9_000);
  const blocks = () => statSync(table.path).blocks * 512;
  const before = blocks();
  const retention = new Retention(table, store, { dataDirectory: join(table.path, '..'), keepDays: 0, keepRows: 500 });
  t.equal(retention.look(), 8_500);
  const after = blocks();
  t.ok(before - after > 8_500 * 2_000, `${before} -> ${after} bytes on disk`);
  const sizes: number[] = [];
  for (let round = 0; round < 4; round++) {
    fill(3_000);
    retention.look();
    sizes.push(blocks());
  }
  t.ok((sizes[3] ?? 0) <= (sizes[0] ?? 0) + 2 * 1_048_576, `${sizes} bytes on disk: it does not grow`);
  t.same([...problemsOf(table)], []);
  t.equal(table.counts().rows, 21_000);
  t.equal(table.ofUser(user, { limit: 1_000 }).length, 500);
  t.equal(submit(table, user).arrival, 21_001);

  // Snapshot, power loss, clean end, compaction and a start with more room: all of them know.
  checkpoint(table);
  table.finish(rowIndex(21_000), resultFor(0, 1));
  table.commit();
  const expected = { rows: 21_001, archived: 20_500, done: 501, queued: 0 };
  const lost = losePower(t, table);
  t.match(lost.counts(), expected);
  t.same([...problemsOf(lost)], []);
  t.equal(submit(lost, user).arrival, 21_002);
  table.closeClean();
  compactTable(table.path);
  const larger = openTable({ path: table.path, create: true, ...SMALL, maxRows: 200_000 });
  t.teardown(() => larger.close());
  t.match(larger.counts(), expected);
  t.same([...problemsOf(larger)], []);
  t.equal(larger.ofUser(user, { limit: 1_000 }).length, 501);
  t.equal(submit(larger, user).arrival, 21_002);
});

t.test('a table that has used up half its numbers for what is forgotten gets new ones at the next start', async (t) => {
  const table = freshTable(t, { maxRows: 1_000 });
  const kept = fillKept(table, 1_000);
  t.equal(table.refusal()?.code, 'TURNO_TABLE_FULL');
  for (const { row } of [...table.unfinished()]) table.settle(row);
  new Retention(table, kept.store, { dataDirectory: kept.data, keepDays: 0, keepRows: 100 }).look();
  table.closeClean();
  const next = openTable({ path: table.path, create: true, maxRows: 1_000 });
  t.teardown(() => next.close());
  t.equal(next.refusal(), undefined);
  t.equal(submit(next, 0).arrival, 1_001);
  t.equal(next.counts().maxRows, 1_900);
});

t.test('executables nobody names are removed, those in use and new ones stay', async (t) => {
  const table = freshTable(t);
  const kept = fillKept(table, 20);
  const part = join(kept.data, 'executables', 'ab');
  mkdirSync(part, { recursive: true });
  const name = (n: number) => join(part, 'ab'.padEnd(39, '0') + n);
  for (const n of [0, 1, 2]) for (const path of [name(n), `${name(n)}.compile`]) writeFileSync(path, '');
  for (const n of [0, 1]) utimesSync(name(n), 1, 1);
  table.finish(rowIndex(17), { ...resultFor(0, 0), executable: `executables/ab/${'ab'.padEnd(39, '0')}1` });
  new Retention(table, kept.store, { dataDirectory: kept.data, keepDays: 0, keepRows: 10 }).look();
  t.same(
    [0, 1, 2].map((n) => existsSync(name(n))),
    [false, true, true],
  );
  t.notOk(existsSync(`${name(0)}.compile`));
});

t.test('a server with --keep-rows archives at its start; what is archived is not found, the rest is', async (t) => {
  const first = await startServer(t);
  const token = await first.register('ada');
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await first.judge(token, { language: 'python', source: `print(${n})` })).id);
  await first.stop();
  const second = await startServer(t, { data: first.data, args: ['--keep-rows', '2'] });
  await second.logged(/"rows":3.*archived/);
  t.match((await second.request('GET', '/v1/health')).body, { rows: 5, archived: 3, done: 2 });
  const status = async (id: string) => (await second.request('GET', `/v1/submissions/${id}`, { token })).status;
  t.same(await Promise.all(ids.map(status)), [404, 404, 404, 200, 200]);
  const list = (await second.request('GET', '/v1/submissions', { token })).body;
  t.same(
    list.submissions.map(({ id }: { id: string }) => id),
    ids.slice(3).reverse(),
  );
  t.equal((await second.judge(token, { language: 'python', source: 'print(1)' })).arrival, 6);
});
