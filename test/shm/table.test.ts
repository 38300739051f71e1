import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { TurnoError } from '../../src/errors.js';
import { HEADER } from '../../src/shm/layout.js';
import { writeSnapshot } from '../../src/shm/snapshot.js';
import { openTable, type Table } from '../../src/shm/table.js';
import { arrival, rowIndex } from '../../src/units.js';
import { act } from './actor.js';
import { hashOf, isWhole, resultFor, submit } from './actor-jobs.js';
import { freshTable, SMALL } from './fresh-table.js';
import type { Kind } from './start-actor.js';

const codeOf = (action: () => unknown) => {
  try {
    action();
    return 'nothing was thrown';
  } catch (error) {
    return error instanceof TurnoError ? error.code : String(error);
  }
};

t.test('a submission is read back by row, by id and by arrival, with all its fields', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const id = hashOf('id').subarray(0, 16);
  const accepted = table.accept({ id, user, language: 'python', sentAtMs: 1_234_567_890_123, owner: 77 });
  t.same(accepted, { row: 0, arrival: 1 });
  t.match(table.read(accepted.row), {
    state: 'queued',
    user,
    owner: 77,
    language: 'python',
    sentAtMs: 1_234_567_890_123,
    arrival: 1,
    verdict: 0,
    exitCode: null,
    signal: null,
    source: null,
    executable: null,
  });
  t.equal(table.response(accepted.row), undefined);
  t.ok(table.start(accepted.row));
  t.ok(table.setPaths(accepted.row, { source: 'sources/a/main.py' }));
  const response = Buffer.from('hello\n');
  const result = {
    verdict: 3,
    exitCode: null,
    signal: 11,
    cpuNs: 2 ** 40 + 5,
    wallNs: 2 ** 41,
    waitedNs: 7,
    memoryBytes: 2 ** 33,
    executable: 'executables/ab/cd',
    response,
  };
  t.ok(table.finish(accepted.row, result));
  const { response: _, ...fields } = result;
  t.match(table.read(accepted.row), { ...fields, state: 'done', source: 'sources/a/main.py' });
  t.same(table.response(accepted.row), new Uint8Array(response));
  t.equal(table.rowOf(id), accepted.row);
  t.equal(table.rowOfArrival(accepted.arrival), accepted.row);
  t.equal(table.rowOf(hashOf('other').subarray(0, 16)), undefined);
  t.equal(table.rowOfArrival(arrival(2)), undefined);
  t.equal(table.read(rowIndex(1)), undefined);
});

t.test('a row gets exactly one answer: what comes after it is done is refused', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const { row } = submit(table, user);
  t.ok(table.record(row, resultFor(row, 1)));
  t.ok(table.record(row, resultFor(row, 2)), 'a result may be replaced until the row is settled');
  t.ok(table.settle(row));
  t.notOk(table.settle(row));
  t.notOk(table.finish(row, resultFor(row, 3)));
  t.notOk(table.record(row, resultFor(row, 3)));
  t.notOk(table.start(row));
  t.notOk(table.setPaths(row, { source: 'x' }));
  t.equal(table.read(row)?.exitCode, 2);
});

t.test('responses of every length up to 64 KiB come back as they were; a file is kept as its path', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (const length of [0, 1, 3, 4, 355, 356, 357, 2_048, 65_535, 65_536]) {
    const { row } = submit(table, user);
    const response = Buffer.alloc(length, 'abcdefghijk');
    t.ok(table.finish(row, { ...resultFor(row, 1), response }));
    t.same(table.response(row), new Uint8Array(response), `${length} bytes`);
  }
  const { row } = submit(table, user);
  const tooLong = { ...resultFor(row, 1), response: Buffer.alloc(65_537) };
  t.equal(
    codeOf(() => table.finish(row, tooLong)),
    'TURNO_TOO_LARGE',
  );
  t.equal(table.read(row)?.state, 'queued', 'a refused change changes nothing');
  t.ok(table.finish(row, { ...resultFor(row, 1), response: { file: 'responses/ab/cd' } }));
  t.same(table.response(row), { file: 'responses/ab/cd' });
});

t.test('paths may change while a response is there already', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (const length of [10, 300, 3_000]) {
    const { row } = submit(table, user);
    const response = Buffer.alloc(length, 'xyz');
    table.record(row, { ...resultFor(row, 1), response });
    t.ok(table.setPaths(row, { source: 's'.repeat(127) }));
    t.same(table.response(row), new Uint8Array(response));
    t.equal(table.read(row)?.source, 's'.repeat(127));
  }
});

t.test('a name is taken once, and a token finds its user', async (t) => {
  const table = freshTable(t);
  for (let n = 0; n < 300; n++) t.equal(table.addUser({ name: `user ${n} é`, tokenHash: hashOf(`t${n}`) }), n);
  t.equal(
    codeOf(() => table.addUser({ name: 'user 7 é', tokenHash: hashOf('new') })),
    'TURNO_USER_EXISTS',
  );
  t.equal(
    codeOf(() => table.addUser({ name: '', tokenHash: hashOf('new') })),
    'TURNO_BAD_REQUEST',
  );
  t.equal(
    codeOf(() => table.addUser({ name: 'é'.repeat(65), tokenHash: hashOf('new') })),
    'TURNO_BAD_REQUEST',
  );
  t.same(table.userByToken(hashOf('t299')), { index: 299, name: 'user 299 é', priority: 0, quota: 0 });
  t.same(table.userByName('user 0 é'), { index: 0, name: 'user 0 é', priority: 0, quota: 0 });
  t.equal(table.userByToken(hashOf('none')), undefined);
  t.equal(table.userByToken(new Uint8Array(5)), undefined);
  t.equal(table.user(300), undefined);
  t.equal(table.counts().users, 300);
});

t.test('a user sees his own submissions, newest first, page by page', async (t) => {
  const table = freshTable(t);
  const users = ['a', 'b'].map((name) => table.addUser({ name, tokenHash: hashOf(name) }));
  for (let n = 0; n < 20; n++) submit(table, users[n % 2] ?? 0);
  const arrivals = (rows: readonly { arrival: number }[]) => rows.map((row) => row.arrival);
  t.same(arrivals(table.ofUser(0, { limit: 3 })), [19, 17, 15]);
  t.same(arrivals(table.ofUser(0, { limit: 3, before: arrival(15) })), [13, 11, 9]);
  t.same(arrivals(table.ofUser(0, { limit: 99, before: arrival(4) })), [3, 1], 'before may be of another user');
  t.equal(table.ofUser(1, { limit: 99 }).length, 10);
  t.equal(table.countOf(1), 10);
});

t.test('unfinished rows come in order of arrival, and the counts agree', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 10; n++) submit(table, user);
  for (const row of [0, 1, 2, 5]) table.finish(rowIndex(row), resultFor(row, 1));
  table.start(rowIndex(4));
  t.same(
    [...table.unfinished()].map(({ row }) => row),
    [3, 4, 6, 7, 8, 9],
  );
  t.same(
    [...table.unfinished()].map(({ row }) => row),
    [3, 4, 6, 7, 8, 9],
  );
  t.match(table.counts(), { rows: 10, queued: 5, running: 1, done: 4 });
});

t.test('the index grows with the rows and finds each of them', async (t) => {
  const table = freshTable(t, { maxRows: 70_000 });
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const ids: Uint8Array[] = [];
  for (let n = 0; n < 40_000; n++) {
    const id = hashOf(`id ${n}`).subarray(0, 16);
    ids.push(id);
    table.accept({ id, user, language: 'c', sentAtMs: 0 });
  }
  t.equal(
    ids.findIndex((id, row) => table.rowOf(id) !== row),
    -1,
  );
});

t.test('a full table refuses and overwrites nothing', async (t) => {
  const table = freshTable(t, { maxRows: 3 });
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 3; n++) submit(table, user);
  t.equal(
    codeOf(() => submit(table, user)),
    'TURNO_TABLE_FULL',
  );
  t.equal(table.counts().rows, 3);
  t.ok(table.finish(rowIndex(2), resultFor(2, 1)));
});

t.test('tryAccept adds a row when nobody holds the lock', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const id = hashOf('x').subarray(0, 16);
  t.same(table.tryAccept({ id, user, language: 'c', sentAtMs: 0 }), { row: 0, arrival: 1 });
});

t.test('after a clean end, and after none, the rows are there', async (t) => {
  const path = join(t.testdir(), 'table.turno');
  const fill = (table: Table) => {
    const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    for (let n = 0; n < 5; n++) submit(table, user);
    table.start(rowIndex(3));
    table.finish(rowIndex(1), resultFor(1, 5));
  };
  const first = openTable({ path, create: true, ...SMALL });
  fill(first);
  first.closeClean();
  const second = openTable({ path, create: true });
  t.match(second.counts(), { rows: 5, users: 1, queued: 3, running: 1, done: 1 });
  submit(second, 0);
  second.close(); // as if killed: not marked clean
  const third = openTable({ path, create: true });
  t.teardown(() => third.close());
  t.match(third.counts(), { rows: 6, users: 1, queued: 4, running: 1, done: 1 });
  t.same(third.response(rowIndex(1)), new Uint8Array(resultFor(1, 5).response));
  t.equal(submit(third, 0).arrival, 7);
});

t.test(
  'a file that is no table, of a newer layout, or cut short, without a journal, is refused and left as it is',
  async (t) => {
    const dir = t.testdir();
    const good = join(dir, 'good.turno');
    openTable({ path: good, create: true, ...SMALL }).closeClean();
    rmSync(join(dir, 'journal'), { recursive: true });
    const patched = (name: string, offset: number, value: number) => {
      const path = join(dir, name);
      copyFileSync(good, path);
      const fd = openSync(path, 'r+');
      writeSync(fd, Buffer.from(new Uint32Array([value]).buffer), 0, 4, offset);
      closeSync(fd);
      return path;
    };
    const opened = (path: string) => {
      const before = readFileSync(path);
      const code = codeOf(() => openTable({ path, create: true }));
      t.ok(before.equals(readFileSync(path)), 'left as it is');
      return code;
    };
    writeFileSync(join(dir, 'text'), 'hello');
    writeFileSync(join(dir, 'empty'), '');
    t.equal(opened(join(dir, 'text')), 'TURNO_TABLE_NOT_A_TABLE');
    t.equal(opened(join(dir, 'empty')), 'TURNO_TABLE_NOT_A_TABLE');
    t.equal(opened(patched('magic', HEADER.fields.MAGIC.offset, 1)), 'TURNO_TABLE_NOT_A_TABLE');
    t.equal(opened(patched('layout', HEADER.fields.LAYOUT.offset, 99)), 'TURNO_TABLE_LAYOUT');
    t.equal(opened(patched('signature', HEADER.fields.SIGNATURE.offset, 99)), 'TURNO_TABLE_LAYOUT');
    t.equal(opened(patched('rows', HEADER.fields.MAX_ROWS.offset, 99)), 'TURNO_TABLE_DAMAGED');
    t.equal(opened(patched('committed', HEADER.fields.COMMITTED.offset, 0)), 'TURNO_TABLE_DAMAGED');
    truncateSync(good, 1_000_000);
    t.equal(opened(good), 'TURNO_TABLE_DAMAGED');
  },
);

t.test('a second process that would be the primary is refused', async (t) => {
  const table = freshTable(t);
  t.equal(
    codeOf(() => openTable({ path: table.path, create: true })),
    'TURNO_DATA_LOCKED',
  );
});

t.test('a flipped bit in a row, or a row in the wrong place, is damage, not an answer', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 4; n++) table.finish(submit(table, user).row, resultFor(n, 9));
  const bytes = new Uint8Array(table.buffer);
  const id = Buffer.from(table.read(rowIndex(1))?.id ?? []);
  const at = Buffer.from(bytes.slice(0, table.counts().bytes)).lastIndexOf(id);
  for (const offset of [0, 20, 60, 110, 140]) {
    bytes[at + offset] = (bytes[at + offset] ?? 0) ^ 0x80;
    t.equal(
      codeOf(() => table.read(rowIndex(1))),
      'TURNO_TABLE_DAMAGED',
      `byte ${offset}`,
    );
    bytes[at + offset] = (bytes[at + offset] ?? 0) ^ 0x80;
  }
  t.ok(isWhole(table, 1));
  const start = at - 16;
  bytes.set(bytes.slice(start + 512, start + 1_024), start);
  t.equal(
    codeOf(() => table.read(rowIndex(1))),
    'TURNO_TABLE_DAMAGED',
    'the next row over this one',
  );
});

for (const kind of ['thread', 'process'] as const satisfies readonly Kind[]) {
  t.test(`arrival numbers from several of kind ${kind} at once have no gap and no double`, async (t) => {
    const table = freshTable(t);
    const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    const actors = Array.from({ length: 3 }, () => act(t, kind, table, { kind: 'accept', user, count: 2_000 }));
    const arrivals = (await Promise.all(actors)).flatMap(({ result }) => result as number[]);
    t.same(
      arrivals.sort((a, b) => a - b),
      Array.from({ length: 6_000 }, (_, n) => n + 1),
    );
    t.match(table.counts(), { rows: 6_000, queued: 6_000 });
    t.equal(table.ofUser(user, { limit: 10_000 }).length, 6_000);
    t.equal(
      [...table.unfinished()].findIndex(({ id, row }) => table.rowOf(id) !== row),
      -1,
    );
  });

  t.test(`several of kind ${kind} finish the same rows: each row is finished by one of them`, async (t) => {
    const table = freshTable(t);
    const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    const rows = Array.from({ length: 1_000 }, () => submit(table, user).row);
    const actors = Array.from({ length: 3 }, () => act(t, kind, table, { kind: 'run', rows }));
    const finished = (await Promise.all(actors)).flatMap(({ result }) => result as number[]);
    t.equal(finished.length, 1_000);
    t.equal(new Set(finished).size, 1_000);
    t.equal(
      rows.findIndex((row) => !isWhole(table, row)),
      -1,
    );
    t.match(table.counts(), { rows: 1_000, queued: 0, running: 0, done: 1_000 });
  });
}

t.test('threads and processes change rows at once and nobody ever reads a mixture', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 8; n++) submit(table, user);
  const seed = Date.now() & 0xffff;
  t.comment(`seed ${seed}`);
  const kinds: Kind[] = ['thread', 'process', 'thread', 'process'];
  const ended = await Promise.all(
    kinds.map((kind, n) => act(t, kind, table, { kind: 'churn', user, seed: seed + n, count: 5_000 })),
  );
  t.same(
    ended.map(({ code }) => code),
    [0, 0, 0, 0],
  );
  const { rows, queued, running, done } = table.counts();
  const states = Array.from({ length: rows }, (_, row) => table.read(rowIndex(row))?.state);
  t.equal(queued, states.filter((state) => state === 'queued').length);
  t.equal(running, states.filter((state) => state === 'running').length);
  t.equal(done, states.filter((state) => state === 'done').length);
});

t.test('a snapshot is a table of its own with everything in it', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 50; n++) {
    const { row } = submit(table, user);
    if (n % 3 === 0) table.finish(row, resultFor(row, n));
    if (n % 3 === 1) table.start(row);
  }
  const dir = t.testdirName;
  const path = writeSnapshot(table, join(dir, 'snapshots'));
  submit(table, user);
  const copy = openTable({ path, create: true });
  t.teardown(() => copy.close());
  t.match(copy.counts(), { rows: 50, users: 1, done: 17, running: 17, queued: 16 });
  for (let n = 0; n < 50; n++) {
    t.same(copy.read(rowIndex(n)), table.read(rowIndex(n)));
    t.same(copy.response(rowIndex(n)), table.response(rowIndex(n)));
    t.equal(copy.rowOf(copy.read(rowIndex(n))?.id ?? new Uint8Array()), n);
  }
  t.same(copy.userByToken(hashOf('ada')), { index: 0, name: 'Ada', priority: 0, quota: 0 });
  t.equal(copy.ofUser(user, { limit: 100 }).length, 50);
});
