/** What nobody should do with the tools, and what must not happen when they have been used for years. */

import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import t from 'tap';
import {
  BoundedSemaphore,
  Condition,
  Lock,
  PipeEnd,
  RLock,
  Semaphore,
  SharedArray,
  Space,
} from '../../src/shm/index.js';
import { native } from '../../src/shm/native.js';
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

t.test('whoever has closed his space gets nothing of it any more', async (t) => {
  const { space } = freshSpace(t);
  const mine = Space.attach(space.buffer);
  const [lock, recursive, semaphore] = [new Lock(mine, 'a'), new RLock(mine, 'b'), new Semaphore(mine, 'c')];
  const array = new SharedArray(mine, 'd', 'i32', 1);
  const pipe = new PipeEnd(mine, 'e', 0);
  const condition = new Condition(lock, 'f');
  mine.close();
  for (const tool of [lock, recursive, semaphore, array.lock]) {
    t.throws(() => tool.acquire(), /closed/);
    t.throws(() => tool.acquire({ timeoutMs: 0 }), /closed/);
    await t.rejects(tool.acquireLater(), /closed/);
    t.throws(() => tool.release(), RangeError);
  }
  t.throws(() => pipe.send(1), /closed/);
  t.throws(() => pipe.receive({ timeoutMs: 0 }), /closed/);
  t.throws(() => condition.wait(), RangeError);
  t.throws(() => condition.notify(), RangeError);
  t.throws(() => new Lock(mine, 'g'), /closed/);
});

t.test(
  'a space has its name when it is whole: nobody opens half of one, and one that cannot be made is not in the way',
  (t) => {
    const path = join(t.testdir(), 'space');
    const { allocate } = native;
    const stand = (value: unknown) => Object.defineProperty(native, 'allocate', { value, configurable: true });
    t.teardown(() => stand(allocate));
    stand(() => {
      t.throws(() => Space.open(path), { code: 'ENOENT' });
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    t.throws(() => Space.create(path), { code: 'ENOSPC' });
    stand(allocate);
    Space.create(path).close();
    t.throws(() => Space.create(path), { code: 'EEXIST' });
    t.same(readdirSync(dirname(path)), ['space']);
    t.end();
  },
);

t.test(
  'who held a lock before the machine was started anew is dead, even if pid, thread and moment are the same again',
  (t) => {
    const { space, path } = freshSpace(t);
    t.ok(new Lock(space, 'a').acquire());
    const { readFileSync } = fs;
    const stand = (value: unknown) => {
      Object.assign(fs, { readFileSync: value });
      syncBuiltinESMExports();
    };
    t.teardown(() => stand(readFileSync));
    stand((name: string, encoding: 'utf8') =>
      name.endsWith('/boot_id') ? '01234567-89ab-cdef-0123-456789abcdef\n' : readFileSync(name, encoding),
    );
    const later = Space.open(path);
    t.teardown(() => later.close());
    const lock = new Lock(later, 'a');
    t.ok(lock.acquire({ timeoutMs: 1_000 }));
    t.ok(lock.wasAbandoned);
    t.end();
  },
);
