/**
 * The threads of one pool, seen from a front: each has its line, and a task goes to the thread with the fewest.
 *
 * A thread that dies fails whoever it was asked by (judge.ts runs what it had once more), and nobody after that: piscina
 * makes another, which gets a line of its own when the next task comes.
 */

import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { Line, type LineTask } from './line.js';

export class Lines<Task, Reply> {
  readonly #pool: Piscina<LineTask, void>;
  readonly #lines: Line<Task, Reply>[];
  readonly #onReplaced: (line: Line<Task, Reply>) => void;

  /**
   * @param threadFile what the threads run: a module that holds the line (`holdLine`)
   * @param threads at least 1
   * @param onReplaced gets a line in place of a broken one before it is asked anything: what all threads were told, it was not
   */
  constructor(
    threadFile: URL,
    workerData: object,
    threads: number,
    onReplaced: (line: Line<Task, Reply>) => void = () => undefined,
  ) {
    this.#pool = new Piscina({
      filename: fileURLToPath(threadFile),
      workerData,
      trackUnmanagedFds: false, // descriptors come from the addon and go to cells: Node's book-keeping does not see them
      minThreads: threads,
      maxThreads: threads,
      // A thread must keep listening to its line and its cells: with piscina's default it would sleep in Atomics.wait.
      atomics: 'disabled',
    });
    this.#lines = Array.from({ length: threads }, () => new Line(this.#pool));
    this.#onReplaced = onReplaced;
  }

  get count(): number {
    return this.#lines.length;
  }

  /** Resolves with what the thread with the fewest tasks answers. @throws ThreadDied when it did so meanwhile */
  ask(task: Task): Promise<Reply> {
    this.#replaceBroken();
    const best = this.#lines.reduce((least, line) => (line.waiting < least.waiting ? line : least));
    return best.ask(task);
  }

  /** Calls `tell` with the line of every thread that lives. */
  tellAll(tell: (line: Line<Task, Reply>) => void): void {
    for (const line of this.#lines) if (!line.isBroken) tell(line);
  }

  /** Ends the threads when they have answered everything. */
  async end(): Promise<void> {
    // A thread that has died, or dies now, has let go of its line: those who asked it were told.
    await Promise.all(this.#lines.map((line) => line.end().catch(() => undefined)));
    await this.#pool.close();
  }

  #replaceBroken(): void {
    for (const [index, line] of this.#lines.entries()) {
      if (!line.isBroken) continue;
      const whole = new Line<Task, Reply>(this.#pool);
      this.#lines[index] = whole;
      this.#onReplaced(whole);
    }
  }
}
