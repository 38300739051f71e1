/**
 * The pool of runners, seen from a front: threads that get programs executed, each looking after several cells.
 *
 * No more jobs are handed to the threads than there can be cells; what waits, waits here, in the fair queue, so that the
 * pool's own first-come queue never holds anything. The threads are never retired (a cell ends with the thread that
 * spawned it) and never terminated from outside: they are told to end their cells, and say when they have.
 */

import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { TurnoError } from '../errors.js';
import type { RowIndex } from '../units.js';
import { type Answer, unwrap } from './answer.js';
import { namesOf } from './backend.js';
import { FairQueue } from './fair-queue.js';
import type { Job, RunnerSetup, RunnerTask } from './messages.js';

/** Ends of jobs that say how often a cell becomes free. */
const PACE_ENDS = 32;

interface Waiting {
  readonly job: Job;
  /** CLOCK_MONOTONIC. */
  readonly sinceNs: bigint;
  resolve(): void;
  reject(error: Error): void;
}

export class Runners {
  readonly #pool: Piscina<RunnerTask, Answer<number>>;
  readonly #threads: number;
  readonly #capacity: number;
  readonly #retirement = new Int32Array(new SharedArrayBuffer(8));
  readonly #queue = new FairQueue<Waiting>();
  #running = 0;
  /** Handed to the threads. */
  readonly #handed = new Map<RowIndex, Waiting>();
  readonly #runningOf = new Map<number, number>();
  /** While jobs wait for a cell: when the first of them began to, then when cells became free; only the last ones are kept. */
  readonly #endsNs: number[] = [];
  #isStopping = false;

  /** @param setup what each thread needs; `maxCells` counts for all threads of this front together. */
  constructor(setup: Omit<RunnerSetup, 'retirement'>, threads: number) {
    this.#threads = threads;
    const cellsPerThread = Math.max(1, Math.floor(setup.maxCells / threads));
    this.#capacity = cellsPerThread * threads;
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL('./runner-thread.js', import.meta.url)),
      workerData: { ...setup, maxCells: cellsPerThread, retirement: this.#retirement } satisfies RunnerSetup,
      trackUnmanagedFds: false, // descriptors come from the addon and go to cells: Node's book-keeping does not see them
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: cellsPerThread,
      // An idle thread must keep listening to its cells: with piscina's default it would sleep in Atomics.wait.
      atomics: 'disabled',
    });
  }

  /** Resolves when the result is in the row; rejects with turno's own failures only. */
  run(job: Job): Promise<void> {
    if (this.#isStopping) return Promise.reject(new TurnoError('TURNO_STOPPING'));
    return new Promise((resolve, reject) => {
      this.#queue.push(job.user, { job, sinceNs: process.hrtime.bigint(), resolve, reject }, job.priority);
      this.#next();
      if (this.#queue.length === 0) this.#endsNs.length = 0;
      else if (this.#endsNs.length === 0) this.#noteEnd();
    });
  }

  /**
   * A submission was cancelled: whoever waits for it waits no longer. What a thread may still have of it ends by itself:
   * it sees that the row is done.
   */
  forget(row: RowIndex, user: number): void {
    this.#queue.remove(user, ({ job }) => job.row === row)?.resolve();
    this.#handed.get(row)?.resolve();
  }

  /** How many jobs go to the threads before this one; undefined when it is not waiting here. */
  before(row: RowIndex, user: number): number | undefined {
    return this.#queue.before(user, ({ job }) => job.row === row);
  }

  /**
   * How long a job is likely to wait for a cell when `before` others go first: as many cells must become free, at the pace
   * of the last ones. Undefined until one has become free since somebody began to wait. It assumes that those who run now
   * are like those before; the time since the last end counts, so a standstill makes the estimate grow.
   */
  expectedWaitNs(before: number): number | undefined {
    const [from] = this.#endsNs;
    const ends = this.#endsNs.length - 1;
    if (from === undefined || ends === 0) return undefined;
    return ((before + 1) * (Number(process.hrtime.bigint()) - from)) / ends;
  }

  /**
   * Makes a first cell.
   * @returns what it is protected and measured by, in words.
   * @throws TURNO_NO_SANDBOX when none can be made here.
   */
  async probe(): Promise<string[]> {
    try {
      return namesOf(await this.#run({ kind: 'probe' }));
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new TurnoError('TURNO_NO_SANDBOX', { problem }, { cause });
    }
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** From here on nothing is begun; jobs that wait are rejected with TURNO_STOPPING, those begun go on. */
  refuse(): void {
    this.#isStopping = true;
    for (const { reject } of this.#queue.drain()) reject(new TurnoError('TURNO_STOPPING'));
  }

  /** Ends every cell, with what runs in it; jobs not finished are rejected with TURNO_STOPPING. */
  async stop(): Promise<void> {
    this.refuse();
    Atomics.store(this.#retirement, 0, 1);
    Atomics.notify(this.#retirement, 0);
    for (;;) {
      const retired = Atomics.load(this.#retirement, 1);
      if (retired >= this.#threads) break;
      await Atomics.waitAsync(this.#retirement, 1, retired).value;
    }
    await this.#pool.close();
  }

  #next(): void {
    while (this.#running < this.#capacity && !this.#isStopping) {
      const waiting = this.#queue.shift((user) => this.#mayHaveAnother(user));
      if (waiting === undefined) return;
      const { user, row } = waiting.job;
      this.#count(user, 1);
      this.#handed.set(row, waiting);
      this.#run({ kind: 'run', job: waiting.job, waitedNs: Number(process.hrtime.bigint() - waiting.sinceNs) })
        .then(() => waiting.resolve(), waiting.reject)
        .finally(() => {
          this.#count(user, -1);
          if (this.#queue.length > 0) this.#noteEnd();
          this.#handed.delete(row);
          this.#next();
        });
    }
  }

  /**
   * A user may hold no more cells than stay free besides: one alone gets half of them, two a third each, and there is
   * always one for the next user's first (dynamic thresholds; pool/turns/memory.ts does the same with memory).
   */
  #mayHaveAnother(user: number): boolean {
    const held = this.#runningOf.get(user) ?? 0;
    return held === 0 || held < this.#capacity - this.#running;
  }

  #noteEnd(): void {
    this.#endsNs.push(Number(process.hrtime.bigint()));
    if (this.#endsNs.length > PACE_ENDS) this.#endsNs.shift();
  }

  #count(user: number, change: 1 | -1): void {
    this.#running += change;
    const held = (this.#runningOf.get(user) ?? 0) + change;
    if (held === 0) this.#runningOf.delete(user);
    else this.#runningOf.set(user, held);
  }

  async #run(task: RunnerTask): Promise<number> {
    return unwrap(await this.#pool.run(task));
  }
}
