/**
 * Another thread or process that works on the table of a test: a worker gets only the SharedArrayBuffer, a process only the
 * path. Each does one job and says what came of it.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Test } from 'tap';
import type { FaultPoint } from '../../src/shm/fault-points.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { work } from './actor-jobs.js';

export type Kind = 'thread' | 'process';

export type Job =
  | { readonly kind: 'accept'; readonly user: number; readonly count: number }
  /** Accepts and finishes, and commits each. */
  | { readonly kind: 'durable'; readonly user: number; readonly count: number }
  /** Starts a row and sends itself a signal at a fault point of that. */
  | { readonly kind: 'signal'; readonly signal: 'SIGSTOP' | 'SIGKILL'; readonly row: number; readonly at: FaultPoint }
  | { readonly kind: 'run'; readonly rows: readonly number[] }
  | { readonly kind: 'churn'; readonly user: number; readonly seed: number; readonly count: number };

interface Setup {
  readonly path: string;
  readonly job: Job;
}

export interface Ended {
  readonly result: unknown;
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
}

const SELF = fileURLToPath(import.meta.url);

/** Starts an actor; resolves when it has ended. */
export function act(t: Test, kind: Kind, table: Table, job: Job): Promise<Ended> {
  return kind === 'thread' ? actInThread(t, table, job) : actInProcess(t, table.path, job);
}

function actInThread(t: Test, table: Table, job: Job): Promise<Ended> {
  const worker = new Worker(SELF, { workerData: { buffer: table.buffer, job } });
  t.teardown(() => worker.terminate());
  return new Promise((resolve, reject) => {
    let result: unknown;
    worker.on('message', (message) => {
      result = message;
    });
    worker.on('error', reject);
    worker.on('exit', (code) => resolve({ result, code, signal: null }));
  });
}

function actInProcess(t: Test, path: string, job: Job): Promise<Ended> {
  const setup: Setup = { path, job };
  const child = fork(SELF, ['actor', JSON.stringify(setup)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let result: unknown;
    child.on('message', (message) => {
      result = message;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve({ result, code, signal }));
  });
}

if (!isMainThread && workerData?.job !== undefined) {
  const table = attachTable(workerData.buffer);
  parentPort?.postMessage(work(table, workerData.job));
  table.close();
} else if (process.argv[2] === 'actor') {
  const { path, job } = JSON.parse(process.argv[3] ?? '') as Setup;
  const table = openTable({ path, create: false });
  process.send?.(work(table, job), () => {
    table.close();
    process.disconnect();
  });
}
