/** Another thread or process that uses the tools of a space. */

import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import {
  BoundedSemaphore,
  Condition,
  Lock,
  PipeEnd,
  RLock,
  Semaphore,
  SharedArray,
  Space,
  type SpaceOptions,
} from '../../src/shm/index.js';
import { type Actor, argumentOf, type Kind, startActor } from './start-actor.js';

export const TOOLS = ['lock', 'rlock', 'semaphore', 'bounded'] as const;
export type Tool = (typeof TOOLS)[number];

export type ToolJob =
  /** Adds 1 to COUNT under a lock, without Atomics. */
  | { readonly kind: 'count'; readonly tool: Tool; readonly times: number }
  /** Acquires and stands there until it is killed. */
  | { readonly kind: 'hold'; readonly tool: Tool }
  /** Goes in and out until STOP, alone: whoever finds another living one inside counts it in BROKEN. */
  | { readonly kind: 'work'; readonly tool: Tool }
  /** Holds it for `holdMs` and takes it again at once, until STOP; how often stands in COUNT. */
  | { readonly kind: 'greedy'; readonly tool: Tool; readonly holdMs: number }
  /** Waits to get in, `later` without blocking; how far COUNT has come meanwhile goes into its own word from TOLD on. */
  | { readonly kind: 'get-in'; readonly tool: Tool; readonly me: number; readonly later: boolean }
  /** Passes a baton to and fro: releases what the other one waits for, and waits for its own. */
  | { readonly kind: 'baton'; readonly tool: Tool; readonly me: number; readonly times: number }
  /** Waits for its turn in TURN, and passes it on. */
  | {
      readonly kind: 'turns';
      readonly tool: 'lock' | 'rlock';
      readonly me: number;
      readonly of: number;
      readonly times: number;
    }
  /** Waits on the condition until it is killed. */
  | { readonly kind: 'wait' }
  /** Puts into a buffer of 4, or takes from it, until STOP; how often stands in its own word from TOLD on. */
  | { readonly kind: 'produce' | 'consume'; readonly me: number }
  | { readonly kind: 'echo' }
  | { readonly kind: 'ping'; readonly times: number }
  | { readonly kind: 'send-and-die'; readonly count: number };

/** Words of numbersOf(). */
export const COUNT = 0;
export const TURN = 1;
export const WOKEN = 2;
export const STOP = 3;
export const INSIDE = 4;
export const BROKEN = 5;
export const FILLED = 6;
/** Says that a holder holds, or a waiter is about to wait. */
export const READY = 7;
export const TOLD = 8;

export function toolOf(space: Space, tool: Tool, name: string = tool) {
  switch (tool) {
    case 'lock':
      return new Lock(space, name);
    case 'rlock':
      return new RLock(space, name);
    case 'semaphore':
      return new Semaphore(space, name, 1);
    case 'bounded':
      return new BoundedSemaphore(space, name, 1);
  }
}

export function numbersOf(space: Space): Int32Array {
  return new SharedArray(space, 'numbers', 'i32', 32).values;
}

async function work(space: Space, job: ToolJob): Promise<void> {
  const numbers = numbersOf(space);
  switch (job.kind) {
    case 'count': {
      const tool = toolOf(space, job.tool);
      for (let n = 0; n < job.times; n++) {
        tool.with(() => {
          numbers[COUNT] = (numbers[COUNT] ?? 0) + 1;
        });
      }
      return;
    }
    case 'hold':
      toolOf(space, job.tool).acquire();
      Atomics.add(numbers, READY, 1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case 'work':
      return goInAndOut(space, job.tool, numbers);
    case 'greedy':
      return beGreedy(space, job, numbers);
    case 'get-in': {
      const tool = toolOf(space, job.tool);
      const before = Atomics.load(numbers, COUNT);
      Atomics.add(numbers, READY, 1);
      if (job.later) await tool.acquireLater();
      else tool.acquire();
      numbers[TOLD + job.me] = Atomics.load(numbers, COUNT) - before;
      tool.release();
      return;
    }
    case 'baton':
      return passBaton(space, job);
    case 'turns':
      return takeTurns(space, job, numbers);
    case 'wait': {
      const lock = new Lock(space, 'waiting');
      const condition = new Condition(lock, 'wait');
      lock.acquire();
      Atomics.add(numbers, READY, 1); // seen by others with the lock held: then we wait
      condition.wait();
      lock.release();
      Atomics.add(numbers, WOKEN, 1);
      return;
    }
    case 'produce':
    case 'consume':
      return moveItems(space, job, numbers);
    case 'echo': {
      const pipe = new PipeEnd(space, 'pipe', 1, 4_096);
      for (;;) {
        const received = pipe.receive();
        if (received?.message === 'end') break;
        pipe.send(received?.message);
      }
      pipe.close();
      return;
    }
    case 'ping': {
      const pipe = new PipeEnd(space, 'pipe', 0, 4_096);
      for (let n = 0; n < job.times; n++) {
        pipe.send(n);
        if (pipe.receive()?.message !== n) throw new Error(`${n} did not come back`);
      }
      pipe.send('end');
      return;
    }
    case 'send-and-die': {
      const pipe = new PipeEnd(space, 'dying', 1, 4_096);
      for (let n = 0; n < job.count; n++) pipe.send({ n });
      process.kill(process.pid, 'SIGKILL');
    }
  }
}

function goInAndOut(space: Space, name: Tool, numbers: Int32Array): void {
  const tool = toolOf(space, name);
  const { self } = space.agents;
  Atomics.add(numbers, READY, 1);
  while (Atomics.load(numbers, STOP) === 0) {
    tool.acquire();
    if (name === 'rlock') tool.acquire();
    const other = Atomics.exchange(numbers, INSIDE, self);
    if (other !== 0 && !space.agents.isDead(other)) Atomics.add(numbers, BROKEN, 1);
    Atomics.add(numbers, COUNT, 1);
    Atomics.store(numbers, INSIDE, 0);
    if (name === 'rlock') tool.release();
    tool.release();
  }
}

function beGreedy(space: Space, { tool: name, holdMs }: { tool: Tool; holdMs: number }, numbers: Int32Array): void {
  const tool = toolOf(space, name);
  while (Atomics.load(numbers, STOP) === 0) {
    tool.acquire();
    Atomics.add(numbers, COUNT, 1);
    for (const end = performance.now() + holdMs; performance.now() < end; );
    tool.release();
  }
}

function passBaton(space: Space, { tool, me, times }: { tool: Tool; me: number; times: number }): void {
  const mine = toolOf(space, tool, `baton ${me}`);
  const theirs = toolOf(space, tool, `baton ${1 - me}`);
  for (let n = 0; n < times; n++) {
    if (me === 0 || n > 0) theirs.release();
    mine.acquire();
  }
  if (me === 1) theirs.release();
}

function takeTurns(
  space: Space,
  { tool, me, of, times }: { tool: 'lock' | 'rlock'; me: number; of: number; times: number },
  numbers: Int32Array,
): void {
  const lock = tool === 'lock' ? new Lock(space, 'turns') : new RLock(space, 'turns');
  const condition = new Condition(lock, 'turn');
  for (let n = 0; n < times; n++) {
    lock.with(() => {
      condition.waitFor(() => numbers[TURN] === me);
      numbers[TURN] = (me + 1) % of;
      condition.notifyAll();
    });
  }
}

function moveItems(space: Space, { kind, me }: { kind: 'produce' | 'consume'; me: number }, numbers: Int32Array): void {
  const lock = new Lock(space, 'buffer');
  const condition = new Condition(lock, 'changed');
  const [mayMove, step] = kind === 'produce' ? [() => filled() < 4, 1] : [() => filled() > 0, -1];
  const filled = () => numbers[FILLED] ?? 0;
  Atomics.add(numbers, READY, 1);
  while (Atomics.load(numbers, STOP) === 0) {
    lock.with(() => {
      // Whoever dies after it was notified has taken the notification along: looked at again after a while.
      if (!condition.waitFor(mayMove, { timeoutMs: 50 })) return;
      numbers[FILLED] = filled() + step;
      Atomics.add(numbers, TOLD + me, 1);
      condition.notifyAll();
    });
  }
}

const SELF = fileURLToPath(import.meta.url);

interface Setup {
  readonly path: string;
  readonly job: ToolJob;
  readonly options: SpaceOptions;
  readonly buffer?: SharedArrayBuffer;
}

export function actWith(t: Test, kind: Kind, space: Space, path: string, job: ToolJob): Actor {
  const options: SpaceOptions = { lookEveryMs: space.lookEveryMs };
  return startActor(t, kind, SELF, { path, job, options }, { buffer: space.buffer });
}

const setup = argumentOf<Setup>();
if (setup !== undefined) {
  const { path, job, options, buffer } = setup;
  const space = buffer === undefined ? Space.open(path, options) : Space.attach(buffer, options);
  await work(space, job);
  space.close();
  if (buffer === undefined) process.disconnect();
}
