/**
 * The pool of savers, seen from a front: threads that write to disk, so that the event loop never waits for one.
 *
 * A thread has one task at a time; what is to be saved meanwhile goes together in the next. So the fewer threads are free,
 * the more a sync and a message to a thread are worth, and one that comes alone waits for nobody.
 */

import type { AddTask } from '../problems/add-problem.js';
import { type Answer, failureOf, unwrap } from './answer.js';
import { Lines } from './lines.js';
import type { PackedJob, SaverSetup, SaverTask } from './messages.js';

/** More would keep those at the front of a batch waiting for those behind. */
const MOST_AT_ONCE = 32;

interface Waiting {
  readonly job: PackedJob;
  readonly isAcknowledged: boolean;
  resolve(): void;
  reject(error: Error): void;
}

export class Savers {
  readonly #lines: Lines<SaverTask, Answer<number>[]>;
  readonly #waiting: Waiting[] = [];
  readonly #batches = new Set<Promise<void>>();
  #committed = 0;
  /** The largest position somebody waits for. */
  #wanted = 0;
  #committing: Promise<void> | undefined;

  constructor(setup: SaverSetup, threads: number) {
    this.#lines = new Lines(new URL('./saver-thread.js', import.meta.url), setup, threads);
  }

  /**
   * Resolves when the request is on disk: from then on it can be run again whatever process dies.
   * @param isAcknowledged resolves when it is durable as well, as whoever says "accepted" needs it; otherwise it becomes so soon
   * @throws TURNO_DISK_FULL, TURNO_SYSTEM
   */
  save(job: PackedJob, isAcknowledged: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, isAcknowledged, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#batches.size >= this.#lines.count || this.#waiting.length === 0) return;
    const batch = this.#saveAll(this.#waiting.splice(0, MOST_AT_ONCE)).then(() => {
      this.#batches.delete(batch);
      this.#next();
    });
    this.#batches.add(batch);
  }

  /** Never rejects: everyone in the batch is told. */
  async #saveAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const isAcknowledged = batch.some((one) => one.isAcknowledged);
      const answers = await this.#lines.ask({ kind: 'save', jobs: batch.map(({ job }) => job), isAcknowledged });
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index];
        if (answer?.kind === 'done') {
          this.#committed = Math.max(this.#committed, answer.value);
          resolve();
        } else
          reject(answer ? failureOf(answer) : new RangeError(`${answers.length} answers for ${batch.length} jobs`));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * Resolves when the journal is durable up to a position. One sync for all: who comes while one is under way shares the
   * next with everybody else who came meanwhile.
   */
  async commit(position: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, position);
    while (this.#committed < position) {
      this.#committing ??= this.#commitWanted();
      await this.#committing;
    }
  }

  /** Has the journal's ring written out. @throws TURNO_DISK_FULL when it cannot be */
  async makeRoom(): Promise<void> {
    await this.#run({ kind: 'make-room' });
  }

  /** @throws TURNO_PACKAGE, TURNO_DISK_FULL, TURNO_SYSTEM */
  async addProblem(problem: AddTask): Promise<void> {
    await this.#run({ kind: 'add-problem', problem });
  }

  /** Waits for what is to be written, then ends the threads. */
  async stop(): Promise<void> {
    while (this.#batches.size > 0) await Promise.all(this.#batches);
    await this.#lines.end();
  }

  async #commitWanted(): Promise<void> {
    try {
      this.#committed = Math.max(this.#committed, await this.#run({ kind: 'commit', position: this.#wanted }));
    } finally {
      this.#committing = undefined;
    }
  }

  async #run(task: Exclude<SaverTask, { kind: 'save' }>): Promise<number> {
    const [answer] = await this.#lines.ask(task);
    if (answer === undefined) throw new RangeError(`no answer to ${task.kind}`);
    return unwrap(answer);
  }
}
