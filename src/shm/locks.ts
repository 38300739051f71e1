/**
 * Lock and RLock of a space, for threads and for processes, with the semantics of Python's multiprocessing.
 *
 * A lock is one word that holds its owner (word-lock.ts); the object is only a view, so every agent makes its own, by name. If
 * the owner dies, the next one gets the lock and `wasAbandoned` says so: what the lock protects may be half done. acquire()
 * blocks the thread; on an event loop use acquireLater(), which looks again and again, at most 10 ms apart.
 *
 * Whoever waits, in either form, gets in within a bounded time, whatever the others do: after 20 ms of waiting only those who
 * began before it go first, each once. The bound and why it holds stand in word-lock.ts; it is for agents: of several
 * promises of one thread the order is not kept. Semaphores keep the same rule, and a Condition wakes in the order of waiting.
 */

import { ObjectKind, type Space } from './space.js';
import { Holdable, type WaitOptions } from './waiting.js';
import { WordLock } from './word-lock.js';

/** What a Condition needs of its lock. */
export interface Releasable {
  readonly space: Space;
  readonly isMine: boolean;
  /** Releases it however often it is held; how often that was. */
  releaseAll(): number;
  reacquire(times: number): void;
  reacquireLater(times: number): Promise<void>;
}

/** What Lock and RLock have in common: a word, and what is known of the last holder. */
abstract class OwnedLock extends Holdable {
  readonly space: Space;
  protected readonly word: WordLock;
  #wasAbandoned = false;

  constructor(space: Space, wordIndex: number, repair: () => void) {
    super();
    this.space = space;
    this.word = new WordLock(space, wordIndex, space.agents, () => {
      this.#wasAbandoned = true;
      repair();
    });
  }

  /** Whether the last acquire() took it from an owner who had died. */
  get wasAbandoned(): boolean {
    return this.#wasAbandoned;
  }

  get isMine(): boolean {
    return this.word.holder === this.space.agents.self;
  }

  protected take({ timeoutMs }: WaitOptions): boolean {
    this.#wasAbandoned = false;
    return this.word.acquire(timeoutMs);
  }

  protected takeLater(options: WaitOptions): Promise<boolean> {
    this.#wasAbandoned = false;
    return this.word.acquireLater(options);
  }
}

export class Lock extends OwnedLock implements Releasable {
  constructor(space: Space, name: string) {
    super(space, space.object(name, ObjectKind.lock, 4) / 4, () => undefined);
  }

  /** Waits for it; false when the time is over. Not recursive: a thread that has it waits for itself. */
  override acquire(options: WaitOptions = {}): boolean {
    return this.take(options);
  }

  override acquireLater(options: WaitOptions = {}): Promise<boolean> {
    return this.takeLater(options);
  }

  /** Whoever calls it, as in Python. @throws RangeError when nobody has it. */
  override release(): void {
    if (this.word.holder === 0) throw new RangeError('release: nobody has this lock');
    this.word.release();
  }

  releaseAll(): number {
    this.release();
    return 1;
  }

  reacquire(): void {
    this.acquire();
  }

  async reacquireLater(): Promise<void> {
    await this.acquireLater();
  }
}

/** A lock its owner may acquire again; it is free when it was released as often. Only the owner may release it. */
export class RLock extends OwnedLock implements Releasable {
  readonly #count: number;

  constructor(space: Space, name: string) {
    const at = space.object(name, ObjectKind.recursiveLock, 8) / 4;
    super(space, at, () => {
      space.words[at + 1] = 0;
    });
    this.#count = at + 1;
  }

  override acquire(options: WaitOptions = {}): boolean {
    if (!this.isMine && !this.take(options)) return false;
    this.#add(1);
    return true;
  }

  /** What one task of a thread holds, all its tasks hold: the owner is the thread. */
  override async acquireLater(options: WaitOptions = {}): Promise<boolean> {
    if (!this.isMine && !(await this.takeLater(options))) return false;
    this.#add(1);
    return true;
  }

  /** @throws RangeError when this thread does not have it. */
  override release(): void {
    if (!this.isMine) throw new RangeError('release: this thread does not have this lock');
    if (this.#add(-1) === 0) this.word.release();
  }

  releaseAll(): number {
    const count = this.space.words[this.#count] ?? 0;
    this.space.words[this.#count] = 0;
    this.word.release();
    return count;
  }

  reacquire(times: number): void {
    this.take({});
    this.space.words[this.#count] = times;
  }

  async reacquireLater(times: number): Promise<void> {
    await this.takeLater({});
    this.space.words[this.#count] = times;
  }

  /** Only the owner touches the count. */
  #add(step: number): number {
    const count = (this.space.words[this.#count] ?? 0) + step;
    this.space.words[this.#count] = count;
    return count;
  }
}
