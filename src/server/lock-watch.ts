/**
 * The watchdog's thread as the primary sees it. It has one of its own, that takes no lock of the table: the primary's other
 * threads change the table too (they take over what a dead front had), and would wait for a process that is stopped with
 * nobody left to wake it.
 */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Table } from '../shm/table.js';
import type { Intervention } from '../shm/watchdog.js';

const LOOK_MS = 1_000;

export interface LockWatchSetup {
  readonly table: SharedArrayBuffer;
  /** One word, not 0 when the server ends. */
  readonly stop: Int32Array;
  readonly lookMs: number;
}

export class LockWatch {
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #exited: Promise<unknown>;
  #isStopping = false;

  /** @param onFailure the thread has ended by itself: a stopped process may hold up the others for ever */
  constructor(
    table: Table,
    onIntervention: (done: Intervention) => void,
    onFailure: (error: Error) => void,
    { lookMs = LOOK_MS } = {},
  ) {
    const worker = new Worker(fileURLToPath(new URL('./lock-watch-thread.js', import.meta.url)), {
      workerData: { table: table.buffer, stop: this.#stop, lookMs } satisfies LockWatchSetup,
    });
    this.#exited = once(worker, 'exit').catch(() => undefined); // a failure is told to onFailure
    worker.on('message', onIntervention);
    worker.once('error', onFailure);
    worker.once('exit', () => {
      if (!this.#isStopping) onFailure(new Error('the thread that looks after the locks has ended'));
    });
  }

  /** Ends the thread by its own word. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    Atomics.store(this.#stop, 0, 1);
    Atomics.notify(this.#stop, 0);
    await this.#exited;
  }
}
