/** Group commit: who waits for whom, and what wakes him. */

import t, { type Test } from 'tap';
import { Agents } from '../../src/shm/agents.js';
import { native } from '../../src/shm/native.js';
import { H } from '../../src/shm/region.js';
import { WordLock } from '../../src/shm/word-lock.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';

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

function standIn(t: Test, name: 'futexWait', value: unknown): void {
  const real = native[name];
  const put = (other: unknown) => Object.defineProperty(native, name, { value: other, configurable: true });
  put(value);
  t.teardown(() => put(real));
}
