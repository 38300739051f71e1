import { join } from 'node:path';
import t from 'tap';
import { Space } from '../../src/shm/index.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';
import { startClients, THREADS } from './linear-client.js';
import { isLinearizable, type Operation } from './linearizable.js';

const ROWS = 300;
const PROCESSES = 2;

t.test('the checker accepts what has an order and refuses what has none', async (t) => {
  const op = (
    kind: Operation['kind'],
    value: number,
    from: number,
    to: number,
    isTaken = kind !== 'get',
  ): Operation => ({
    row: 0,
    client: 0,
    kind,
    value,
    isTaken,
    from,
    to,
  });
  t.ok(isLinearizable([op('put', 1, 0, 10), op('get', 1, 5, 6)]), 'seen before the writer knows');
  t.ok(isLinearizable([op('put', 1, 0, 10), op('get', 0, 5, 6)]), 'not yet seen');
  t.notOk(isLinearizable([op('put', 1, 0, 4), op('get', 0, 5, 6)]), 'an old value after the write had ended');
  t.notOk(isLinearizable([op('put', 1, 0, 20), op('get', 1, 1, 2), op('get', 0, 3, 4)]), 'seen, and then not');
  t.notOk(isLinearizable([op('remove', 0, 0, 1), op('put', 1, 2, 3)]), 'taken after the end');
  t.notOk(isLinearizable([op('remove', 0, 0, 3), op('remove', 0, 0, 3)]), 'ended twice');
  t.notOk(isLinearizable([op('get', 7, 0, 1)]), 'a value nobody wrote');
});

t.test(`${ROWS} histories of ${PROCESSES} processes with ${THREADS} threads each are linearizable`, async (t) => {
  const table = freshTable(t);
  const space = join(t.testdirName, 'space');
  Space.create(space).close();
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < ROWS; n++) submit(table, user);
  const seed = Date.now() % 1_000_000;
  t.comment(`seed ${seed}`);
  const plan = { table: table.path, space, rows: ROWS, clients: PROCESSES * THREADS, seed };
  const played = await Promise.all(
    Array.from({ length: PROCESSES }, (_, process) => startClients({ ...plan, process })),
  );
  const histories = byRow(played.flat());
  t.equal(histories.size, ROWS);
  const overlapping = [...histories.values()].filter((history) =>
    history.some((a) => history.some((b) => a.client !== b.client && a.from < b.to && b.from < a.to)),
  );
  t.comment(`${overlapping.length} histories with operations at the same time`);
  t.ok(overlapping.length > ROWS / 2);
  for (const [row, history] of histories) {
    if (!isLinearizable(history)) t.fail(`row ${row}`, { history: history.sort((a, b) => a.from - b.from) });
  }
});

function byRow(operations: readonly Operation[]): Map<number, Operation[]> {
  const rows = new Map<number, Operation[]>();
  for (const operation of operations) rows.set(operation.row, [...(rows.get(operation.row) ?? []), operation]);
  return rows;
}
