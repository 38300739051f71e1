import { readFileSync } from 'node:fs';
import t from 'tap';
import { Watchdog } from '../../src/shm/watchdog.js';
import { rowIndex } from '../../src/units.js';
import { act } from './actor.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';

const stateOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
};

t.test('a process that is stopped in the middle of a change is woken, and finishes it', async (t) => {
  const table = freshTable(t);
  submit(table, table.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
  const ended = act(t, 'process', table, { kind: 'signal', signal: 'SIGSTOP', row: 0, at: 'table.inside-body' });
  while (table.heldLocks().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const pid = table.heldLocks()[0]?.pid ?? 0;
  while (stateOf(pid) !== 'T') await new Promise((resolve) => setTimeout(resolve, 1));
  t.equal(table.read(rowIndex(0))?.state, 'running', 'readers do not wait for it: the new row is in its intent slot');
  const watchdog = new Watchdog(table);
  t.same(watchdog.look(), [], 'once is nothing');
  t.same(watchdog.look(), [{ pid, lock: 'stripe 0', signal: 'SIGCONT' }]);
  t.match(await ended, { code: 0 });
  t.same(table.heldLocks(), []);
  t.same(watchdog.look(), []);
});

t.test('one that stays stopped is ended, and others finish its change', async (t) => {
  const table = freshTable(t);
  submit(table, table.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
  const ended = act(t, 'process', table, { kind: 'signal', signal: 'SIGSTOP', row: 0, at: 'table.after-intent' });
  while (table.heldLocks().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const pid = table.heldLocks()[0]?.pid ?? 0;
  while (stateOf(pid) !== 'T') await new Promise((resolve) => setTimeout(resolve, 1));
  // Stopped again and again, as by a debugger: SIGCONT is sent to nobody.
  const kill = (target: number, signal: NodeJS.Signals) => signal === 'SIGKILL' && process.kill(target, signal);
  const watchdog = new Watchdog(table, { kill });
  const signals = [1, 2, 3, 4].flatMap(() => watchdog.look().map(({ signal }) => signal));
  t.same(signals, ['SIGCONT', 'SIGKILL']);
  t.match(await ended, { signal: 'SIGKILL' });
  t.ok(table.setOwner(rowIndex(0), 5), 'the stripe is taken over');
  t.match(table.read(rowIndex(0)), { state: 'running', owner: 5 });
  t.match(table.counts(), { queued: 0, running: 1 });
});

t.test(
  'nobody is woken or ended for a lock whose holder is dead: his number may be that of another by now',
  async (t) => {
    const table = freshTable(t);
    submit(table, table.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
    await act(t, 'process', table, { kind: 'signal', signal: 'SIGKILL', row: 0, at: 'table.after-intent' });
    t.equal(table.heldLocks().length, 1);
    const watchdog = new Watchdog(table, { isStopped: () => true, kill: () => t.fail('a stranger') });
    for (let look = 0; look < 4; look++) t.same(watchdog.look(), []);
  },
);
