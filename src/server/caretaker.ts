/** The thread that takes care of the table, as the primary sees it: started, asked for snapshots, stopped. */

import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { type Answer, unwrap } from '../pool/answer.js';
import { snapshotDirectory } from '../shm/rebuilding.js';
import type { Table } from '../shm/table.js';
import type { CareOptions, CareOrder, CareReport } from './care.js';

/** Longer than any outcome, and all of it in one block of the disk. */
const OUTCOME_BYTES = 4_096;

export interface CareSetup extends CareOptions {
  readonly table: SharedArrayBuffer;
  /** One word, not 0 when the server ends. */
  readonly stop: Int32Array;
}

/**
 * What became of the last snapshot, for whoever asked by a signal; `number` tells it from the one before. Neither path nor
 * problem: there was none yet.
 */
export interface SnapshotOutcome {
  readonly number: string;
  readonly path?: string;
  readonly problem?: string;
}

export class Caretaker {
  readonly #worker: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #exited: Promise<unknown>;
  readonly #directory: string;
  readonly #log: Logger;
  #isStopping = false;
  #waiting: { readonly promise: Promise<string>; settle(outcome: Answer<string>): void } | undefined;

  /** @param onFailure the thread has ended by itself: nobody cares for the table any more. */
  constructor(table: Table, options: CareOptions, log: Logger, onFailure: (error: Error) => void) {
    this.#log = log;
    this.#directory = snapshotDirectory(table.path);
    this.#makeOutcome();
    const setup: CareSetup = { table: table.buffer, stop: this.#stop, ...options };
    this.#worker = new Worker(fileURLToPath(new URL('./care-thread.js', import.meta.url)), { workerData: setup });
    this.#exited = once(this.#worker, 'exit').catch(() => undefined); // a failure is told to onFailure
    this.#worker.on('message', (report: CareReport) => this.#hear(report));
    this.#worker.once('error', onFailure);
    this.#worker.once('exit', () => {
      if (!this.#isStopping) onFailure(new Error('the thread that cares for the table has ended'));
    });
  }

  /**
   * Has a snapshot written; two at once are one.
   * @returns its path
   * @throws TURNO_DISK_FULL, TURNO_TABLE_DAMAGED, TURNO_STOPPING; then the last one stands.
   */
  snapshot(): Promise<string> {
    if (this.#waiting === undefined) {
      let settle: (outcome: Answer<string>) => void = () => undefined;
      const outcome = new Promise<Answer<string>>((resolve) => {
        settle = resolve;
      });
      this.#waiting = { promise: outcome.then(unwrap), settle };
      this.#waiting.promise.catch(() => undefined); // it is in the log; whoever waits gets it, too
      this.#order({ kind: 'snapshot' });
    }
    return this.#waiting.promise;
  }

  /** Ends the thread by its own word: it is never terminated in the middle of a change. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    Atomics.store(this.#stop, 0, 1);
    this.#order({ kind: 'stop' });
    await this.#exited;
    this.#waiting?.settle({ kind: 'failed', code: 'TURNO_STOPPING', details: {} });
  }

  #order(order: CareOrder): void {
    this.#worker.postMessage(order);
  }

  #hear(report: CareReport): void {
    switch (report.kind) {
      case 'snapshot':
        this.#note(report.outcome);
        this.#waiting?.settle(report.outcome);
        this.#waiting = undefined;
        return;
      case 'swept':
        this.#log.info({ files: report.files }, 'temporary files of a former server were removed');
        return;
      case 'archived':
        this.#log.info({ rows: report.rows }, 'old submissions were archived');
        return;
      case 'trouble':
        this.#log.warn({ problem: report.message }, report.about);
    }
  }

  #note(outcome: Answer<string>): void {
    const number = String(process.hrtime.bigint());
    try {
      this.#publish({ number, path: unwrap(outcome) });
      this.#log.info({ path: unwrap(outcome) }, 'snapshot written');
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#log.error({ problem }, 'snapshot not written; the last one stands');
      this.#publish({ number, problem });
    }
  }

  /** Made while there is room: on a disk that has become full it can be written over, but no file can be made. */
  #makeOutcome(): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      if (!existsSync(outcomePath(this.#directory))) this.#publish({ number: '0' });
    } catch (error) {
      this.#log.warn(error, 'whoever asks for a snapshot by a signal may not hear of it');
    }
  }

  /** Whoever asked by a signal has no other way to know. */
  #publish(outcome: SnapshotOutcome): void {
    const path = outcomePath(this.#directory);
    const text = JSON.stringify(outcome).padEnd(OUTCOME_BYTES);
    try {
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      this.#writeOver(path, text);
    }
  }

  #writeOver(path: string, text: string): void {
    try {
      writeFileSync(path, text, { flag: 'r+' });
    } catch (error) {
      this.#log.warn(error, 'nobody can be told of the snapshot');
    }
  }
}

export function outcomePath(snapshotsDirectory: string): string {
  return join(snapshotsDirectory, 'outcome.json');
}
