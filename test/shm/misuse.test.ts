/** What nobody should do with the tools, and what must not happen when they have been used for years. */

import t from 'tap';
import { BoundedSemaphore, Semaphore, Space } from '../../src/shm/index.js';
import { freshSpace } from './fresh-space.js';

const MOST = 2 ** 31 - 1;

t.test('a semaphore that signals goes on after 2,147,483,647 signals', (t) => {
  const { space } = freshSpace(t);
  const consumer = Space.attach(space.buffer);
  t.teardown(() => consumer.close());
  const signal = new Semaphore(space, 'a', MOST);
  const theirs = new Semaphore(consumer, 'a');
  for (let n = 0; n < 3; n++) t.ok(theirs.acquire({ timeoutMs: 0 }), 'a signal is taken, and not given back');
  for (let n = 0; n < 3; n++) signal.release();
  t.equal(signal.value, MOST);
  t.ok(theirs.acquire({ timeoutMs: 0 }));
  t.equal(theirs.value, MOST - 1);
  t.end();
});

t.test('a semaphore has at most as many permits as it can count', (t) => {
  const { space } = freshSpace(t);
  for (const value of [-1, 1.5, Number.NaN, MOST + 1]) {
    t.throws(() => new Semaphore(space, 'a', value), /expected an integer from 0 to 2147483647/);
    t.throws(() => new BoundedSemaphore(space, 'a', value), /expected an integer from 0 to 2147483647/);
  }
  const full = new Semaphore(space, 'full', MOST);
  t.throws(() => full.release(), RangeError);
  t.equal(full.value, MOST);
  t.end();
});
