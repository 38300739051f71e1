/** A thread or a process of a test: started with one argument that can be cloned and written as JSON, and ended with the test. */

import { fork } from 'node:child_process';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import type { Test } from 'tap';

export type Kind = 'thread' | 'process';

export const KINDS = ['thread', 'process'] as const satisfies readonly Kind[];

export interface Ended {
  /** The last message it sent. */
  readonly result: unknown;
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
}

export interface Actor {
  /** Of a process. */
  readonly pid?: number | undefined;
  readonly ended: Promise<Ended>;
  /** Ends it at once, wherever it is: worker.terminate() or SIGKILL. */
  kill(): Promise<void>;
}

/**
 * Starts a module as another thread or process; the module asks argumentOf() for its argument.
 * @param forThread what only a thread can be given, such as shared memory
 */
export function startActor(t: Test, kind: Kind, file: string, argument: object, forThread: object): Actor {
  return kind === 'thread' ? startThread(t, file, { ...argument, ...forThread }) : startProcess(t, file, argument);
}

function startThread(t: Test, file: string, argument: object): Actor {
  // Without what tap has its own processes preload (tools/bare-children.mjs).
  const worker = new Worker(file, { workerData: { actorArgument: argument }, execArgv: [] });
  const ended = new Promise<Ended>((resolve, reject) => {
    let result: unknown;
    worker.on('message', (message) => {
      result = message;
    });
    worker.once('error', reject);
    worker.once('exit', (code) => resolve({ result, code, signal: null }));
  });
  t.teardown(() => worker.terminate());
  return {
    ended,
    kill: async () => {
      await worker.terminate();
    },
  };
}

function startProcess(t: Test, file: string, argument: object): Actor {
  const child = fork(file, ['actor-argument', JSON.stringify(argument)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    let result: unknown;
    child.on('message', (message) => {
      result = message;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ result, code, signal }));
  });
  t.teardown(() => child.kill('SIGKILL'));
  return {
    pid: child.pid,
    ended,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** What this thread or process was started with by startActor(); undefined when it was not. */
export function argumentOf<T>(): T | undefined {
  if (!isMainThread) return workerData?.actorArgument;
  return process.argv[2] === 'actor-argument' ? JSON.parse(process.argv[3] ?? '') : undefined;
}
