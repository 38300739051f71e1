/**
 * Lock and RLock of a space, for threads and for processes, with the semantics of Python's multiprocessing.
 *
 * A lock is one word that holds its owner (word-lock.ts); the object is only a view, so every agent makes its own, by name. If
 * the owner dies, the next one gets the lock and `wasAbandoned` says so: what the lock protects may be half done. acquire()
 * blocks the thread; on an event loop use acquireLater(), which looks again and again, at most 10 ms apart.
 */

import { ObjectKind, type Space } from './space.js';
import { WordLock } from './word-lock.js';

export interface WaitOptions {
  /** Gives up after so long; for ever unless told. 0 does not wait. */
  readonly timeoutMs?: number | undefined;
}

/** What a Condition needs of its lock. */
export interface Releasable {
  readonly space: Space;
  readonly isMine: boolean;
  /** Releases it however often it is held; how often that was. */
  releaseAll(): number;
  reacquire(times: number): void;
}

export class Lock implements Releasable {
  readonly space: Space;
  readonly #word: WordLock;
  #wasAbandoned = false;

  constructor(space: Space, name: string) {
    this.space = space;
    const at = space.object(name, ObjectKind.lock, 4);
    this.#word = new WordLock(space, at / 4, space.agents, () => {
      this.#wasAbandoned = true;
    });
  }

  /** Whether the last acquire() took it from an owner who had died. */
  get wasAbandoned(): boolean {
    return this.#wasAbandoned;
  }

  get isMine(): boolean {
    return this.#word.holder === this.space.agents.self;
  }

  /** Waits for it; false when the time is over. Not recursive: a thread that has it waits for itself. */
  acquire({ timeoutMs }: WaitOptions = {}): boolean {
    this.#wasAbandoned = false;
    return this.#word.acquire(timeoutMs);
  }

  acquireLater(options: WaitOptions = {}): Promise<boolean> {
    return later(() => this.acquire({ timeoutMs: 0 }), options);
  }

  /** Whoever calls it, as in Python. @throws RangeError when nobody has it. */
  release(): void {
    if (this.#word.holder === 0) throw new RangeError('release: nobody has this lock');
    this.#word.release();
  }

  /** Calls `body` with the lock held. */
  with<T>(body: () => T): T {
    this.acquire();
    try {
      return body();
    } finally {
      this.release();
    }
  }

  releaseAll(): number {
    this.release();
    return 1;
  }

  reacquire(): void {
    this.acquire();
  }
}

/** A lock its owner may acquire again; it is free when it was released as often. Only the owner may release it. */
export class RLock implements Releasable {
  readonly space: Space;
  readonly #word: WordLock;
  readonly #count: number;
  #wasAbandoned = false;

  constructor(space: Space, name: string) {
    this.space = space;
    const at = space.object(name, ObjectKind.recursiveLock, 8) / 4;
    this.#count = at + 1;
    this.#word = new WordLock(space, at, space.agents, () => {
      this.#wasAbandoned = true;
      space.words[this.#count] = 0;
    });
  }

  get wasAbandoned(): boolean {
    return this.#wasAbandoned;
  }

  get isMine(): boolean {
    return this.#word.holder === this.space.agents.self;
  }

  acquire({ timeoutMs }: WaitOptions = {}): boolean {
    if (!this.isMine) {
      this.#wasAbandoned = false;
      if (!this.#word.acquire(timeoutMs)) return false;
    }
    // Only the owner touches the count.
    this.space.words[this.#count] = (this.space.words[this.#count] ?? 0) + 1;
    return true;
  }

  acquireLater(options: WaitOptions = {}): Promise<boolean> {
    return later(() => this.acquire({ timeoutMs: 0 }), options);
  }

  /** @throws RangeError when this thread does not have it. */
  release(): void {
    if (!this.isMine) throw new RangeError('release: this thread does not have this lock');
    const count = (this.space.words[this.#count] ?? 0) - 1;
    this.space.words[this.#count] = count;
    if (count === 0) this.#word.release();
  }

  with<T>(body: () => T): T {
    this.acquire();
    try {
      return body();
    } finally {
      this.release();
    }
  }

  releaseAll(): number {
    const count = this.space.words[this.#count] ?? 0;
    this.space.words[this.#count] = 0;
    this.#word.release();
    return count;
  }

  reacquire(times: number): void {
    this.acquire();
    this.space.words[this.#count] = times;
  }
}

const LONGEST_PAUSE_MS = 10;

/** Tries until it succeeds or the time is over, without blocking the thread: for event loops. */
export async function later(
  attempt: () => boolean,
  { timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions,
): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    if (attempt()) return true;
    if (performance.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
