/**
 * The pool of runners, seen from a front: threads that get programs executed, each looking after several cells.
 *
 * No more jobs are handed to the threads than there is a cell for each of (cell-tickets.ts); what waits, waits here, in the
 * fair queue, so that the pool's own first-come queue never holds anything. The threads are never retired (a cell ends with the thread that
 * spawned it) and never terminated from outside: they are told to end their cells, and let go of their line when they have.
 */

import { TurnoError } from '../errors.js';
import type { LanguageInfo } from '../languages/language.js';
import type { RowIndex } from '../units.js';
import { unwrap } from './answer.js';
import { namesOf } from './backend.js';
import { splitCells } from './cell-tickets.js';
import { FairQueue } from './fair-queue.js';
import { FairShare } from './fair-share.js';
import type { Line } from './line.js';
import { Lines } from './lines.js';
import type { PackedJob, RunEnd, RunnerAnswer, RunnerSetup, RunnerTask } from './messages.js';

/** Ends of jobs that say how often a cell becomes free. */
const PACE_ENDS = 32;

interface Waiting {
  readonly job: PackedJob;
  /** CLOCK_MONOTONIC. */
  readonly sinceNs: bigint;
  resolve(end: RunEnd): void;
  reject(error: Error): void;
}

export class Runners {
  readonly #lines: Lines<RunnerTask, RunnerAnswer>;
  /** Of what can be under way at once. */
  readonly #share: FairShare;
  readonly #retirement = new Int32Array(new SharedArrayBuffer(4));
  readonly #queue = new FairQueue<Waiting>();
  /** Handed to the threads. */
  readonly #handed = new Map<RowIndex, Waiting>();
  /** While jobs wait for a cell: when the first of them began to, then when cells became free; only the last ones are kept. */
  readonly #endsNs: number[] = [];
  #isStopping = false;
  /** Undefined as long as they are those the threads begin with. */
  #languages: readonly LanguageInfo[] | undefined;

  /** @param setup what each thread needs; `maxCells` counts for all threads of this front together. */
  constructor(setup: Omit<RunnerSetup, 'retirement'>, threads: number) {
    const cellsPerThread = Math.max(1, Math.floor(setup.maxCells / threads));
    this.#share = new FairShare(splitCells(cellsPerThread).submissions * threads);
    this.#lines = new Lines(
      new URL('./runner-thread.js', import.meta.url),
      { ...setup, maxCells: cellsPerThread, retirement: this.#retirement } satisfies RunnerSetup,
      threads,
      (line) => this.#tellLanguages(line),
    );
  }

  /** Jobs begun from now on may be in these. A line keeps its order: no thread is asked for a language before it knows it. */
  setLanguages(languages: readonly LanguageInfo[]): void {
    this.#languages = languages;
    this.#lines.tellAll((line) => this.#tellLanguages(line));
  }

  /** Resolves when the result is in the row, and says whether its end is, too; rejects with turno's own failures only, ThreadDied among them. */
  run(job: PackedJob): Promise<RunEnd> {
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
    this.#queue.remove(user, ({ job }) => job.row === row)?.resolve('recorded');
    this.#handed.get(row)?.resolve('recorded');
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
    return namesOf(Number(await this.#run({ kind: 'probe' })));
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
    await this.#lines.end();
  }

  #next(): void {
    while (!this.#share.isFull && !this.#isStopping) {
      const waiting = this.#queue.shift(({ job }) => this.#share.mayHave(job, 1));
      if (waiting === undefined) return;
      const { job } = waiting;
      const { row } = job;
      this.#share.count(job, 1);
      this.#handed.set(row, waiting);
      const ended = () => {
        this.#share.count(job, -1);
        if (this.#queue.length > 0) this.#noteEnd();
        this.#handed.delete(row);
        this.#next();
      };
      const waitedNs = Number(process.hrtime.bigint() - waiting.sinceNs);
      this.#run({ kind: 'run', job, waitedNs }).then(
        (end) => {
          waiting.resolve(end as RunEnd);
          ended();
        },
        (error: Error) => {
          waiting.reject(error);
          ended();
        },
      );
    }
  }

  #noteEnd(): void {
    this.#endsNs.push(Number(process.hrtime.bigint()));
    if (this.#endsNs.length > PACE_ENDS) this.#endsNs.shift();
  }

  #tellLanguages(line: Line<RunnerTask, RunnerAnswer>): void {
    if (this.#languages === undefined) return;
    // A thread that has died needs no telling: the one that comes after it is told.
    line.ask({ kind: 'languages', languages: this.#languages }).catch(() => undefined);
  }

  async #run(task: RunnerTask): Promise<RunEnd | number> {
    return unwrap(await this.#lines.ask(task));
  }
}
