/** The pool of savers, seen from a front: threads that write to disk, so that the event loop never waits for one. */

import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { type Answer, unwrap } from './answer.js';
import type { Job, SaverSetup, SaverTask } from './messages.js';

export class Savers {
  readonly #pool: Piscina<SaverTask, Answer<number>>;
  #committed = 0;
  /** The largest position somebody waits for. */
  #wanted = 0;
  #committing: Promise<void> | undefined;

  constructor(setup: SaverSetup, threads: number) {
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL('./saver-thread.js', import.meta.url)),
      workerData: setup,
      trackUnmanagedFds: false, // descriptors come from the addon: Node's book-keeping does not see them
      minThreads: threads,
      maxThreads: threads,
    });
  }

  /**
   * Resolves when the request is durable: from then on it can be run again whatever dies.
   * @throws TURNO_DISK_FULL, TURNO_SYSTEM
   */
  async save(job: Job): Promise<void> {
    await this.commit(await this.#run({ kind: 'save', job }));
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

  /** Waits for what is being written, then ends the threads. */
  async stop(): Promise<void> {
    await this.#pool.close();
  }

  async #commitWanted(): Promise<void> {
    try {
      this.#committed = await this.#run({ kind: 'commit', position: this.#wanted });
    } finally {
      this.#committing = undefined;
    }
  }

  async #run(task: SaverTask): Promise<number> {
    return unwrap(await this.#pool.run(task));
  }
}
