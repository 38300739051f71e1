/** Group commit: who waits for whom, and what is synced when. */

import t, { type Test } from 'tap';
import { Agents } from '../../src/shm/agents.js';
import { native } from '../../src/shm/native.js';
import { H } from '../../src/shm/region.js';
import { openTable } from '../../src/shm/table.js';
import { WordLock } from '../../src/shm/word-lock.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable, SMALL } from './fresh-table.js';

t.test('a leader that ends just after another found him leading: that one does not sleep for it', async (t) => {
  const table = freshTable(t);
  submit(table, table.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
  const leader = new Agents(table.region);
  leader.claim();
  t.teardown(() => leader.retire());
  const { words } = table.region;
  const [lock, durable] = [H.LEADER_LOCK.offset / 4, H.DURABLE_WORD.offset / 4];
  Atomics.store(words, lock, leader.self);
  const { tryAcquireAlive } = WordLock.prototype;
  t.teardown(() => Object.assign(WordLock.prototype, { tryAcquireAlive }));
  Object.assign(WordLock.prototype, {
    tryAcquireAlive(this: WordLock) {
      const isAcquired = tryAcquireAlive.call(this);
      if (Atomics.compareExchange(words, lock, leader.self, 0) === leader.self) Atomics.add(words, durable, 1);
      return isAcquired;
    },
  });
  const waits: string[] = [];
  const { futexWait } = native;
  standIn(t, 'futexWait', (...args: Parameters<typeof futexWait>) => {
    const result = futexWait(...args);
    waits.push(result);
    return result;
  });
  table.commit();
  t.same(waits, ['changed']);
});

t.test('with durability `crash` a segment is synced when it is left, and when the table ends in order', async (t) => {
  const table = freshTable(t);
  const { path } = table;
  table.closeClean();
  const crash = openTable({ path, create: true, ...SMALL, durability: 'crash' });
  submit(crash, crash.addUser({ name: 'Ada', tokenHash: hashOf('ada') }));
  crash.journal.flush();
  let syncs = 0;
  const { writeDurably } = native;
  standIn(t, 'writeDurably', (...args: Parameters<typeof writeDurably>) => {
    if (args[4]) syncs++;
    writeDurably(...args);
  });
  crash.region.store(H.JOURNAL_STATE, 1); // as in a table that was copied: the next batch goes to a new segment
  crash.journal.begin();
  t.equal(syncs, 1, 'the one before it: or a power cut would leave a hole');
  submit(crash, 0);
  crash.closeClean();
  t.equal(syncs, 2, 'the last: the next start trusts the table, and a power cut after it the journal');
});

function standIn(t: Test, name: 'futexWait' | 'writeDurably', value: unknown): void {
  const real = native[name];
  const put = (other: unknown) => Object.defineProperty(native, name, { value: other, configurable: true });
  put(value);
  t.teardown(() => put(real));
}
