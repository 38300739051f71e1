/** Another thread or process that uses the tools of a space (tools.test.ts). */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
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
} from '../../src/shm/index.js';
import type { Kind } from './actor.js';

export type ToolJob =
  /** Adds 1 to numbers[0] under a lock, without Atomics. */
  | { readonly kind: 'count'; readonly tool: 'lock' | 'rlock' | 'semaphore' | 'bounded'; readonly times: number }
  /** Acquires and stands there until it is killed. */
  | { readonly kind: 'hold'; readonly tool: 'lock' | 'rlock' | 'semaphore' | 'bounded' }
  /** Waits for its turn in numbers[1], and passes it on. */
  | { readonly kind: 'turns'; readonly me: number; readonly of: number; readonly times: number }
  /** Waits on the condition until it is killed. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'echo' }
  | { readonly kind: 'send-and-die'; readonly count: number };

export function toolOf(space: Space, tool: 'lock' | 'rlock' | 'semaphore' | 'bounded') {
  switch (tool) {
    case 'lock':
      return new Lock(space, 'lock');
    case 'rlock':
      return new RLock(space, 'rlock');
    case 'semaphore':
      return new Semaphore(space, 'semaphore', 1);
    case 'bounded':
      return new BoundedSemaphore(space, 'bounded', 1);
  }
}

export function numbersOf(space: Space): Int32Array {
  return new SharedArray(space, 'numbers', 'i32', 8).values;
}

/** Word that says that a holder holds, or a waiter is about to wait. */
export const READY = 7;

function work(space: Space, job: ToolJob): void {
  const numbers = numbersOf(space);
  switch (job.kind) {
    case 'count': {
      const tool = toolOf(space, job.tool);
      for (let n = 0; n < job.times; n++) {
        tool.with(() => {
          numbers[0] = (numbers[0] ?? 0) + 1;
        });
      }
      return;
    }
    case 'hold':
      toolOf(space, job.tool).acquire();
      Atomics.add(numbers, READY, 1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case 'turns': {
      const lock = new RLock(space, 'turns');
      const condition = new Condition(lock, 'turn');
      for (let n = 0; n < job.times; n++) {
        lock.with(() => {
          condition.waitFor(() => numbers[1] === job.me);
          numbers[1] = (job.me + 1) % job.of;
          condition.notifyAll();
        });
      }
      return;
    }
    case 'wait': {
      const lock = new Lock(space, 'waiting');
      const condition = new Condition(lock, 'wait');
      lock.acquire();
      Atomics.add(numbers, READY, 1); // seen by others with the lock held: then we wait
      condition.wait();
      lock.release();
      Atomics.add(numbers, 2, 1);
      return;
    }
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
    case 'send-and-die': {
      const pipe = new PipeEnd(space, 'dying', 1, 4_096);
      for (let n = 0; n < job.count; n++) pipe.send({ n });
      process.kill(process.pid, 'SIGKILL');
    }
  }
}

export interface Actor {
  readonly ended: Promise<void>;
  /** Ends it at once, wherever it is. */
  kill(): Promise<void>;
}

const SELF = fileURLToPath(import.meta.url);

export function actWith(t: Test, kind: Kind, space: Space, path: string, job: ToolJob): Actor {
  if (kind === 'thread') {
    const worker = new Worker(SELF, { workerData: { buffer: space.buffer, toolJob: job } });
    const ended = new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => resolve());
    });
    t.teardown(() => worker.terminate());
    return {
      ended,
      kill: async () => {
        await worker.terminate();
      },
    };
  }
  const child: ChildProcess = fork(SELF, ['tool-actor', JSON.stringify({ path, job })], { stdio: 'inherit' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(() => child.kill('SIGKILL'));
  return {
    ended,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

if (!isMainThread && workerData?.toolJob !== undefined) {
  const space = Space.attach(workerData.buffer);
  work(space, workerData.toolJob);
  space.close();
  parentPort?.close();
} else if (process.argv[2] === 'tool-actor') {
  const { path, job } = JSON.parse(process.argv[3] ?? '') as { path: string; job: ToolJob };
  const space = Space.open(path);
  work(space, job);
  space.close();
  process.disconnect();
}
