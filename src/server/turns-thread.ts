/** The scheduler's thread as the primary sees it: started, watched, stopped. */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ProcessTable } from '../pool/process-table.js';
import type { SchedulerSetup, StuckCell } from './scheduler.js';

export class TurnsThread {
  readonly #table: ProcessTable;
  readonly #exited: Promise<unknown>;
  #isStopping = false;

  /**
   * @param onFailure the thread has ended by itself: nobody gets a turn any more.
   * @param onStuck a cell was killed because it did not stop its program; its runner knows what to do.
   */
  constructor(
    table: ProcessTable,
    options: Omit<SchedulerSetup, 'processTable'>,
    onFailure: (error: Error) => void,
    onStuck: (cell: StuckCell) => void = () => undefined,
  ) {
    this.#table = table;
    const worker = new Worker(fileURLToPath(new URL('./scheduler-thread.js', import.meta.url)), {
      workerData: { processTable: table.buffer, ...options } satisfies SchedulerSetup,
    });
    this.#exited = once(worker, 'exit').catch(() => undefined); // a failure is told to onFailure
    worker.on('message', onStuck);
    worker.once('error', onFailure);
    worker.once('exit', () => {
      if (!this.#isStopping) onFailure(new Error('the scheduler has ended'));
    });
  }

  /** Ends the thread by its own word: it is never terminated in the middle of a change. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#table.announceStop();
    await this.#exited;
  }
}
