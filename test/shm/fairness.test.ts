import t from 'tap';
import { Space } from '../../src/shm/index.js';
import { freshSpace, until } from './fresh-space.js';
import { actWith, COUNT, numbersOf, READY, STOP, TOLD, toolOf } from './tool-actor.js';

// 20 ms of patience are 4 holds. Without a bound a waiter is overtaken for as long as the test lets it.
const HOLD_MS = 5;
const MOST_OVERTAKEN = 100;

for (const [tool, kind] of [
  ['lock', 'thread'],
  ['lock', 'process'],
  ['rlock', 'thread'],
  ['semaphore', 'process'],
  ['bounded', 'thread'],
] as const) {
  t.test(`${tool}: a greedy ${kind} that takes it again at once lets everybody in who waits`, async (t) => {
    const { space, path } = freshSpace(t);
    const numbers = numbersOf(space);
    const greedy = actWith(t, kind, space, path, { kind: 'greedy', tool, holdMs: HOLD_MS });
    await until(() => Atomics.load(numbers, COUNT) > 0);
    const waiters = (['thread', 'process', 'thread'] as const).map((kind, me) =>
      actWith(t, kind, space, path, { kind: 'get-in', tool, me, later: me === 2 }),
    );
    const all = Promise.all(waiters.map(({ ended }) => ended));
    await until(() => Atomics.load(numbers, READY) === waiters.length);
    const limit = Atomics.load(numbers, COUNT) + 2 * MOST_OVERTAKEN;
    await Promise.race([all, until(() => Atomics.load(numbers, COUNT) > limit)]);
    Atomics.store(numbers, STOP, 1);
    await Promise.all([greedy.ended, all]);
    const overtaken = waiters.map((_, me) => numbers[TOLD + me] ?? 0);
    t.comment(`overtaken ${overtaken.join(', ')} times`);
    for (const times of overtaken) t.ok(times <= MOST_OVERTAKEN);
    Atomics.store(numbers, COUNT, 2 ** 30); // ends the wait for the limit
  });
}

for (const tool of ['lock', 'semaphore'] as const) {
  t.test(`${tool}: one that does not come for what is kept for it holds up nobody for long`, async (t) => {
    const { space, path } = freshSpace(t);
    const numbers = numbersOf(space);
    const ours = toolOf(space, tool);
    ours.acquire();
    const late = actWith(t, 'process', space, path, { kind: 'get-in', tool, me: 0, later: false });
    await until(() => Atomics.load(numbers, READY) === 1);
    const began = performance.now();
    await until(() => performance.now() - began > 100); // until its patience is over: that is a matter of time alone
    process.kill(late.pid ?? 0, 'SIGSTOP');
    ours.release();
    const other = Space.attach(space.buffer);
    const theirs = toolOf(other, tool);
    t.ok(theirs.acquire({ timeoutMs: 20_000 }), 'it is had by another');
    theirs.release();
    await until(() => ours.acquire({ timeoutMs: 0 }));
    ours.release();
    other.close();
    process.kill(late.pid ?? 0, 'SIGCONT');
    await late.ended;
    t.ok(ours.acquire({ timeoutMs: 0 }), 'and it leaves nothing behind');
    ours.release();
  });
}
