/** What was logged and not yet done when a snapshot was begun, when its maker died, or both: a start after a power cut knows it. */

import { spawn } from 'node:child_process';
import t from 'tap';
import { armFaultPoints } from '../../src/shm/fault-points.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { act } from './actor.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';
import { losePower, sameRows } from './power.js';

t.test(
  'a change whose maker was killed when it was logged is in the snapshot, whoever finishes it later',
  async (t) => {
    const table = freshTable(t);
    const { row } = submit(table, table.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
    await act(t, 'process', table, { kind: 'signal', signal: 'SIGKILL', row, at: 'table.after-log' });
    checkpoint(table);
    table.reclaimDead();
    t.equal(table.read(row)?.state, 'running');
    table.commit(table.journal.tail);
    sameRows(t, losePower(t, table), table);
  },
);

t.test('a submission that is logged and not yet counted is waited for by a snapshot', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const ended = act(t, 'process', table, { kind: 'signal-accept', signal: 'SIGSTOP', user, at: 'accept.after-log' });
  while (table.heldLocks().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const { pid } = table.heldLocks()[0] ?? { pid: 0 };
  // It goes on while the snapshot, which blocks this thread, is being made.
  const waker = spawn('sh', ['-c', `sleep 0.3; kill -CONT ${pid}`]);
  checkpoint(table);
  t.match(await ended, { result: 0, code: 0 });
  t.equal(waker.exitCode ?? 0, 0);
  submit(table, user);
  table.commit();
  const after = losePower(t, table);
  t.equal(after.counts().rows, 2);
  sameRows(t, after, table);
});

t.test('a user gets the place of one who died when he was logged, and still has it after power was lost', async (t) => {
  const table = freshTable(t);
  table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  dyingAt('journal.after-record', () => table.addUser({ name: 'Bob', tokenHash: hashOf('bob') }));
  const cleo = table.addUser({ name: 'Cleo', tokenHash: hashOf('cleo') });
  table.changeUser(cleo, { quota: 7 });
  const { row } = submit(table, cleo);
  table.commit();
  const fromJournal = losePower(t, table);
  checkpoint(table);
  for (const found of [fromJournal, losePower(t, table)]) {
    t.same(found.userByToken(hashOf('cleo')), { index: cleo, name: 'Cleo', priority: 0, quota: 7 });
    t.same(found.userByName('Cleo')?.index, cleo);
    t.equal(found.userByName('Bob'), undefined);
    t.equal(found.userByToken(hashOf('bob')), undefined);
    t.equal(found.ofUser(cleo, { limit: 9 })[0]?.row, row);
  }
});

/** Calls `action`, which is over at a fault point: what it had done until then stays, as when its process dies there. */
function dyingAt(at: string, action: () => void): void {
  armFaultPoints((point) => {
    if (point === at) throw new Error('dead');
  });
  try {
    action();
  } catch (error) {
    if (!(error instanceof Error && error.message === 'dead')) throw error;
  } finally {
    armFaultPoints(undefined);
  }
}
