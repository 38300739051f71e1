/**
 * Another thread or process that works on the table of a test: a worker gets only the SharedArrayBuffer, a process only the
 * path. Each does one job and says what came of it.
 */

import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import type { Test } from 'tap';
import type { FaultPoint } from '../../src/shm/fault-points.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { work } from './actor-jobs.js';
import { argumentOf, type Ended, type Kind, startActor } from './start-actor.js';

export type Job =
  | { readonly kind: 'accept'; readonly user: number; readonly count: number }
  /** Accepts and finishes, and commits each. */
  | { readonly kind: 'durable'; readonly user: number; readonly count: number }
  /** Starts a row and sends itself a signal at a fault point of that. */
  | { readonly kind: 'signal'; readonly signal: 'SIGSTOP' | 'SIGKILL'; readonly row: number; readonly at: FaultPoint }
  /** The same while it accepts a submission. */
  | { readonly kind: 'signal-accept'; readonly signal: NodeJS.Signals; readonly user: number; readonly at: FaultPoint }
  | { readonly kind: 'run'; readonly rows: readonly number[] }
  | { readonly kind: 'churn'; readonly user: number; readonly seed: number; readonly count: number };

interface Setup {
  readonly path: string;
  readonly job: Job;
  readonly buffer?: SharedArrayBuffer;
}

const SELF = fileURLToPath(import.meta.url);

/** Starts an actor; resolves when it has ended. */
export function act(t: Test, kind: Kind, table: Table, job: Job): Promise<Ended> {
  return startActor(t, kind, SELF, { path: table.path, job }, { buffer: table.buffer }).ended;
}

const setup = argumentOf<Setup>();
if (setup?.buffer !== undefined) {
  const table = attachTable(setup.buffer);
  parentPort?.postMessage(work(table, setup.job));
  table.close();
} else if (setup !== undefined) {
  const table = openTable({ path: setup.path, create: false });
  process.send?.(work(table, setup.job), () => {
    table.close();
    process.disconnect();
  });
}
