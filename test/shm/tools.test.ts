import { join } from 'node:path';
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
import { AGENT } from '../../src/shm/layout.js';
import { freshSpace, until } from './fresh-space.js';
import { KINDS } from './start-actor.js';
import { actWith, numbersOf, READY, TOOLS, toolOf } from './tool-actor.js';

for (const tool of TOOLS) {
  t.test(`${tool}: threads and processes that add under it lose nothing`, async (t) => {
    const { space, path } = freshSpace(t);
    toolOf(space, tool);
    const job = { kind: 'count', tool, times: 20_000 } as const;
    await Promise.all([...KINDS, ...KINDS].map((kind) => actWith(t, kind, space, path, job).ended));
    t.equal(numbersOf(space)[0], 80_000);
  });

  for (const kind of KINDS) {
    t.test(`${tool}: the next one gets it when a ${kind} dies holding it`, async (t) => {
      const { space, path } = freshSpace(t);
      const numbers = numbersOf(space);
      for (let round = 1; round <= 3; round++) {
        const holder = actWith(t, kind, space, path, { kind: 'hold', tool });
        await until(() => numbers[READY] === round);
        const ours = toolOf(space, tool);
        t.notOk(ours.acquire({ timeoutMs: 0 }), 'it is held');
        t.notOk(ours.acquire({ timeoutMs: 5 }), 'and stays held while the holder lives');
        await holder.kill();
        if (round === 3) t.ok(await ours.acquireLater(), 'without blocking the event loop');
        else t.ok(ours.acquire({ timeoutMs: 20_000 }));
        if (ours instanceof Lock || ours instanceof RLock) t.ok(ours.wasAbandoned);
        ours.release();
      }
    });
  }
}

t.test('a lock is released by anyone, but only when somebody has it', async (t) => {
  const { space } = freshSpace(t);
  const lock = new Lock(space, 'a');
  t.throws(() => lock.release(), /nobody has this lock/);
  t.ok(lock.acquire());
  t.ok(lock.isMine);
  t.notOk(lock.acquire({ timeoutMs: 0 }), 'it is not recursive');
  const other = Space.attach(space.buffer);
  new Lock(other, 'a').release();
  other.close();
  t.notOk(lock.isMine);
});

t.test('an RLock counts, and only its owner releases it', async (t) => {
  const { space } = freshSpace(t);
  const lock = new RLock(space, 'a');
  const other = Space.attach(space.buffer);
  t.teardown(() => other.close());
  const theirs = new RLock(other, 'a');
  t.ok(lock.acquire());
  t.ok(lock.acquire());
  t.throws(() => theirs.release(), /does not have this lock/);
  lock.release();
  t.notOk(theirs.acquire({ timeoutMs: 0 }));
  lock.release();
  t.ok(theirs.acquire({ timeoutMs: 0 }));
  t.throws(() => lock.release(), /does not have this lock/);
});

t.test('a semaphore counts permits; a bounded one refuses one release too many', async (t) => {
  const { space } = freshSpace(t);
  const semaphore = new Semaphore(space, 'a', 2);
  t.ok(semaphore.acquire());
  t.ok(semaphore.acquire());
  t.notOk(semaphore.acquire({ timeoutMs: 0 }));
  semaphore.release();
  semaphore.release();
  semaphore.release();
  t.equal(semaphore.value, 3, 'a plain one may grow');
  const bounded = new BoundedSemaphore(space, 'b', 1);
  t.throws(() => bounded.release(), /more often/);
  bounded.acquire();
  bounded.release();
  t.equal(bounded.value, 1);
});

t.test('a bounded semaphore has no permit too many when one dies whose permit another has released', async (t) => {
  const { space } = freshSpace(t);
  const ours = new BoundedSemaphore(space, 'a', 1);
  const other = Space.attach(space.buffer);
  t.ok(new BoundedSemaphore(other, 'a', 1).acquire());
  ours.release();
  t.equal(ours.value, 1);
  other.close(); // it held one, as far as it knew
  t.ok(ours.acquire({ timeoutMs: 0 }));
  t.notOk(ours.acquire({ timeoutMs: 0 }), 'there is one permit');
  const third = Space.attach(space.buffer);
  t.teardown(() => third.close());
  t.notOk(new BoundedSemaphore(third, 'a', 1).acquire({ timeoutMs: 0 }), 'also for the next owner of its slot');
  ours.release();
  t.throws(() => ours.release(), /more often/);
});

t.test('an end of a pipe that several have is over when all of them are', async (t) => {
  const { space } = freshSpace(t);
  const receiver = new PipeEnd(space, 'a', 1, 64);
  const [one, two] = [Space.attach(space.buffer), Space.attach(space.buffer)];
  const first = new PipeEnd(one, 'a', 0, 64);
  new PipeEnd(two, 'a', 0, 64);
  two.close();
  t.equal(receiver.receive({ timeoutMs: 0 }), undefined, 'nothing yet');
  t.ok(first.send('x'));
  t.same(receiver.receive(), { message: 'x' });
  t.ok(receiver.send('y', { timeoutMs: 0 }));
  one.close();
  t.throws(() => receiver.receive(), /the other end is closed/);
});

t.test('time-outs: nobody gives up before the time is over', async (t) => {
  const { space } = freshSpace(t);
  const lock = new Lock(space, 'a');
  const semaphore = new Semaphore(space, 'b', 0);
  const condition = new Condition(lock, 'c');
  lock.acquire();
  for (const wait of [
    () => lock.acquire({ timeoutMs: 30 }),
    () => semaphore.acquire({ timeoutMs: 30 }),
    () => condition.wait({ timeoutMs: 30 }),
    () => condition.waitFor(() => false, { timeoutMs: 30 }),
  ]) {
    const before = performance.now();
    t.equal(wait(), false);
    t.ok(performance.now() - before >= 30);
  }
  t.ok(lock.isMine, 'a condition that timed out has its lock again');
});

t.test('time-outs: the same for promises, and the event loop goes on meanwhile', async (t) => {
  const { space } = freshSpace(t);
  const lock = new Lock(space, 'a');
  const semaphore = new Semaphore(space, 'b', 0);
  const condition = new Condition(lock, 'c');
  const pipe = new PipeEnd(space, 'd', 0, 64);
  const other = Space.attach(space.buffer);
  t.teardown(() => other.close());
  new PipeEnd(other, 'd', 1, 64);
  lock.acquire();
  while (pipe.send('full', { timeoutMs: 0 }));
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  t.teardown(() => clearInterval(ticking));
  for (const wait of [
    () => new Lock(other, 'a').acquireLater({ timeoutMs: 30 }),
    () => semaphore.acquireLater({ timeoutMs: 30 }),
    () => condition.waitLater({ timeoutMs: 30 }),
    () => condition.waitForLater(() => false, { timeoutMs: 30 }),
    () => pipe.sendLater('more', { timeoutMs: 30 }),
    () => pipe.receiveLater({ timeoutMs: 30 }),
  ]) {
    const before = performance.now();
    t.notOk(await wait());
    t.ok(performance.now() - before >= 30);
  }
  t.ok(ticks > 6);
  t.ok(lock.isMine);
});

t.test('a waiter that timed out leaves no trace', async (t) => {
  const { space } = freshSpace(t);
  const other = Space.attach(space.buffer);
  t.teardown(() => other.close());
  const lock = new Lock(space, 'a');
  const semaphore = new Semaphore(space, 'b', 1);
  lock.acquire();
  semaphore.acquire();
  t.notOk(new Semaphore(other, 'b', 1).acquire({ timeoutMs: 40 }));
  t.notOk(await new Semaphore(other, 'b', 1).acquireLater({ timeoutMs: 40 }));
  t.notOk(new Lock(other, 'a').acquire({ timeoutMs: 40 }), 'longer than its patience');
  t.notOk(await new Lock(other, 'a').acquireLater({ timeoutMs: 40 }));
  lock.release();
  semaphore.release();
  t.ok(lock.acquire({ timeoutMs: 0 }), 'nothing is kept for anybody');
  t.ok(semaphore.acquire({ timeoutMs: 0 }));
  const notes = AGENT.fields.WAITS;
  for (const agent of [space.agents.base, other.agents.base]) {
    for (let note = 0; note < notes.count; note += 2) t.equal(space.words[agent + notes.offset / 4 + note], 0);
  }
});

t.test('a bounded semaphore has the bound of whoever made it', (t) => {
  const { space } = freshSpace(t);
  new BoundedSemaphore(space, 'a', 1);
  const later = new BoundedSemaphore(space, 'a', 5);
  t.throws(() => later.release(), /more often/);
  t.end();
});

t.test('a pipe whose other end is closed takes nothing more', (t) => {
  const { space } = freshSpace(t);
  const ours = new PipeEnd(space, 'a', 0, 64);
  const theirs = new PipeEnd(space, 'a', 1, 64);
  t.ok(ours.send(1));
  theirs.close();
  t.throws(() => ours.send(2), /closed/);
  t.same(theirs.receive(), { message: 1 }, 'what was sent before is there');
  t.end();
});

t.test('several promises of one thread wait on one condition, and are woken in the order of waiting', async (t) => {
  const { space } = freshSpace(t);
  const lock = new Lock(space, 'a');
  const condition = new Condition(lock, 'c');
  const woken: number[] = [];
  const waiters = [1, 2, 3].map(async (me) => {
    await lock.withLater(async () => {
      await condition.waitLater();
      woken.push(me);
    });
  });
  await until(() => lock.acquire({ timeoutMs: 0 }));
  lock.release();
  for (let round = 1; round <= 3; round++) {
    await lock.withLater(async () => condition.notify());
    await until(() => woken.length === round);
  }
  await Promise.all(waiters);
  t.same([...woken].sort(), [1, 2, 3]);
});

t.test('conditions: the turn goes round between threads and processes, and no wake-up is lost', async (t) => {
  const { space, path } = freshSpace(t);
  const times = 2_000;
  const actors = [...KINDS, ...KINDS].map((kind, me) =>
    actWith(t, kind, space, path, { kind: 'turns', tool: 'rlock', me, of: 4, times }),
  );
  await Promise.all(actors.map(({ ended }) => ended));
  t.equal(numbersOf(space)[1], 0);
});

for (const kind of KINDS) {
  t.test(`conditions: a ${kind} that died waiting does not swallow a notification`, async (t) => {
    const { space, path } = freshSpace(t);
    const numbers = numbersOf(space);
    const lock = new Lock(space, 'waiting');
    const condition = new Condition(lock, 'wait');
    const first = actWith(t, kind, space, path, { kind: 'wait' });
    await until(() => numbers[READY] === 1);
    const second = actWith(t, kind, space, path, { kind: 'wait' });
    await until(() => numbers[READY] === 2);
    lock.acquire(); // both are waiting now: they gave the lock away
    lock.release();
    await first.kill();
    lock.acquire({ timeoutMs: 20_000 });
    condition.notify();
    lock.release();
    await second.ended;
    t.equal(numbers[2], 1);
  });
}

t.test('a condition is used with its lock held, and notify wakes exactly as many as it says', async (t) => {
  const { space, path } = freshSpace(t);
  const numbers = numbersOf(space);
  const lock = new Lock(space, 'waiting');
  const condition = new Condition(lock, 'wait');
  t.throws(() => condition.wait(), /does not have the lock/);
  t.throws(() => condition.notify(), /does not have the lock/);
  const actors = [1, 2, 3].map(() => actWith(t, 'thread', space, path, { kind: 'wait' }));
  await until(() => numbers[READY] === 3);
  lock.with(() => condition.notify(2));
  await until(() => numbers[2] === 2);
  lock.with(() => condition.notifyAll());
  await Promise.all(actors.map(({ ended }) => ended));
  t.equal(numbers[2], 3);
});

for (const kind of KINDS) {
  t.test(`pipes: what a ${kind} gets comes back, in order, whatever its size`, async (t) => {
    const { space, path } = freshSpace(t);
    const pipe = new PipeEnd(space, 'pipe', 0, 4_096);
    const echo = actWith(t, kind, space, path, { kind: 'echo' });
    for (let n = 0; n < 500; n++) {
      const message = { n, text: 'x'.repeat((n * 37) % 3_000), bytes: new Uint8Array(n % 5), nothing: undefined };
      pipe.send(message);
      t.same(pipe.receive()?.message, message);
    }
    pipe.send('end');
    await echo.ended;
    t.throws(() => pipe.receive(), /closed/);
  });
}

t.test('pipes: what a dead sender had sent is received, and then the end', async (t) => {
  const { space, path } = freshSpace(t);
  const pipe = new PipeEnd(space, 'dying', 0, 4_096);
  await actWith(t, 'process', space, path, { kind: 'send-and-die', count: 20 }).ended;
  for (let n = 0; n < 20; n++) t.same(await pipe.receiveLater(), { message: { n } });
  t.throws(() => pipe.receive(), /closed/);
  t.throws(() => pipe.send('x'.repeat(5_000)), /longer than the pipe/);
});

t.test('arrays: the same numbers under the same name, of every kind', async (t) => {
  const { space } = freshSpace(t);
  const other = Space.attach(space.buffer);
  t.teardown(() => other.close());
  for (const kind of ['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'f32', 'f64'] as const) {
    new SharedArray(space, kind, kind, 5).values[3] = 42;
    t.same([...new SharedArray(other, kind, kind, 5).values], [0, 0, 0, 42, 0]);
  }
  new SharedArray(space, 'big', 'i64', 2).values[1] = 2n ** 40n;
  t.equal(new SharedArray(other, 'big', 'i64', 2).values[1], 2n ** 40n);
  t.throws(() => new SharedArray(space, 'i8', 'i8', 6), /another kind or size/);
  t.throws(() => new SharedArray(space, 'i8', 'u8', 5), /another kind or size/);
  t.throws(() => new SharedArray(space, 'huge', 'u8', 10_000_000), /no room/);
  t.throws(() => new Lock(space, 'i8'), /another kind/);
});

t.test('a file that is no space is refused', async (t) => {
  const dir = t.testdir({ text: 'hello', long: 'x'.repeat(600_000) });
  t.throws(() => Space.open(join(dir, 'text')), { code: 'TURNO_TABLE_NOT_A_TABLE' });
  t.throws(() => Space.open(join(dir, 'long')), { code: 'TURNO_TABLE_NOT_A_TABLE' });
});
