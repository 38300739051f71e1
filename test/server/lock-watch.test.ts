/** The watchdog at work while the primary's own thread waits for the lock. */

import t from 'tap';
import { LockWatch } from '../../src/server/lock-watch.js';
import { rowIndex } from '../../src/units.js';
import { act } from '../shm/actor.js';
import { hashOf, submit } from '../shm/actor-jobs.js';
import { freshTable } from '../shm/fresh-table.js';

t.test(
  'a stopped process that holds the lock of the journal is woken, though the primary itself waits for it',
  async (t) => {
    const table = freshTable(t);
    const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    for (let n = 0; n < 2; n++) submit(table, user);
    const done: object[] = [];
    const watch = new LockWatch(table, (one) => done.push(one), t.fail, { lookMs: 50 });
    t.teardown(() => watch.stop());
    const ended = act(t, 'process', table, { kind: 'signal', signal: 'SIGSTOP', row: 0, at: 'journal.inside-record' });
    while (!table.heldLocks().some(({ name }) => name === 'append'))
      await new Promise((resolve) => setTimeout(resolve, 1));
    const pid = table.heldLocks()[0]?.pid;
    t.ok(table.setOwner(rowIndex(1), 7), 'this thread is blocked, and gets in');
    t.match(await ended, { code: 0 });
    await watch.stop();
    t.match(done[0], { pid, signal: 'SIGCONT' });
    t.match(table.read(rowIndex(0)), { state: 'running' });
    t.same(table.heldLocks(), []);
  },
);
