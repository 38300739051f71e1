import { join } from 'node:path';
import t from 'tap';
import { FAULT_POINTS } from '../../src/shm/fault-points.js';
import { rowIndex } from '../../src/units.js';
import { act } from '../shm/actor.js';
import { hashOf, isWhole, submit } from '../shm/actor-jobs.js';
import { freshTable } from '../shm/fresh-table.js';
import { torture } from './torture.js';

t.test('killed at every named point: every row is old or new, and nothing acknowledged is lost', async (t) => {
  const seed = Date.now() % 1_000_000;
  t.comment(`seed ${seed}`);
  const { kills, wrong, rows } = await torture(FAULT_POINTS.length, seed, join(t.testdir(), 'table.turno'));
  t.same(wrong, []);
  t.same(Object.keys(kills).sort(), [...FAULT_POINTS].sort());
  t.ok(rows > 0);
});

for (const at of ['table.after-log', 'table.inside-body', 'table.after-version'] as const) {
  t.test(
    `killed at ${at} while it finished the change of one who was killed there: the third finishes it`,
    async (t) => {
      const table = freshTable(t);
      submit(table, table.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
      for (let n = 0; n < 3; n++) {
        const { signal } = await act(t, 'process', table, { kind: 'signal', signal: 'SIGKILL', row: 0, at });
        t.equal(signal, 'SIGKILL');
      }
      t.ok(isWhole(table, 0));
      t.ok(table.settle(rowIndex(0)));
      t.match(table.counts(), { queued: 0, running: 0, done: 1 });
      table.reclaimDead();
      t.same(table.heldLocks(), []);
    },
  );
}
