/** The thread that cares for the table: it does not hold up the primary, and two snapshots at once are one. */

import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { Caretaker } from '../../src/server/caretaker.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';
import { freshTable } from '../shm/fresh-table.js';

t.test('while a snapshot is written the event loop of the primary turns, and two at once are one', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 20_000; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  const dataDirectory = dirname(table.path);
  const retention = { keepDays: 0, keepRows: 0 };
  const options = { dataDirectory, snapshots: 2, startedAtMs: Date.now(), isDurable: true, ...retention };
  const caretaker = new Caretaker(table, options, pino({ level: 'silent' }), t.fail);
  const ended = caretaker.snapshot();
  t.equal(caretaker.snapshot(), ended);
  let turns = 0;
  let isEnded = false;
  ended.finally(() => {
    isEnded = true;
  });
  while (!isEnded) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  t.ok(turns > 100, `${turns} turns of the event loop`);
  const path = await ended;
  t.same(
    readdirSync(join(dataDirectory, 'snapshots')).filter((name) => name.endsWith('.turno')),
    [path.split('/').at(-1)],
  );
  t.not(await caretaker.snapshot(), path, 'the next is another');
  const last = caretaker.snapshot();
  await caretaker.stop();
  await last.catch((error: { code: string }) => t.equal(error.code, 'TURNO_STOPPING', 'the end does not wait for it'));
  t.same(table.heldLocks(), []);
});
