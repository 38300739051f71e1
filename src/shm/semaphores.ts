/**
 * Semaphore and BoundedSemaphore of a space, with the semantics of Python's multiprocessing.
 *
 *     word 0        LOCK     held for each step
 *     word 1        SIGNAL   raised with each release: futex of those who wait
 *     word 2        LIMIT    permits there are: the initial value, and one more for each release by somebody who held none
 *     from word 16  512 x (agent, permits it holds)
 *
 * Free permits are LIMIT less the sum of what agents hold, so each step is the store of one word, and an agent that dies in
 * the middle of one has done it or not. Permits of the dead are free again as soon as somebody waits for them. Who only
 * ever acquires, as the consumer of a signal does, holds what it acquired: its death gives all of it back.
 */

import { slotOf } from './agents.js';
import { AGENTS } from './layout.js';
import { later, type WaitOptions } from './locks.js';
import { native } from './native.js';
import { ObjectKind, type Space } from './space.js';
import { WordLock } from './word-lock.js';

const LOCK = 0;
const SIGNAL = 1;
const LIMIT = 2;
const HOLDERS = 16;
const BYTES = (HOLDERS + AGENTS * 2) * 4;
const LOOK_FOR_DEAD_MS = 100;

export class Semaphore {
  readonly #space: Space;
  readonly #at: number;
  readonly #lock: WordLock;

  /** @param value permits at the beginning; what counts is that of whoever makes it first */
  constructor(space: Space, name: string, value = 1) {
    if (!Number.isInteger(value) || value < 0) throw new RangeError(`value: expected an integer from 0, got ${value}`);
    this.#space = space;
    this.#at =
      space.object(name, ObjectKind.semaphore, BYTES, (first) => {
        space.words[first + LIMIT] = value;
      }) / 4;
    this.#lock = new WordLock(space, this.#at + LOCK, space.agents, () => undefined);
  }

  /** Permits that are free. */
  get value(): number {
    return this.#locked(() => this.#free());
  }

  /** Takes a permit; false when the time is over. */
  acquire({ timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions = {}): boolean {
    const { words } = this.#space;
    const end = performance.now() + timeoutMs;
    for (;;) {
      const seen = Atomics.load(words, this.#at + SIGNAL);
      if (this.#tryTake()) return true;
      const leftMs = end - performance.now();
      if (leftMs <= 0) return false;
      const result = native.futexWait(words, this.#at + SIGNAL, seen, Math.min(leftMs, LOOK_FOR_DEAD_MS));
      if (result === 'timed-out') this.#locked(() => this.#takeFromDead());
    }
  }

  acquireLater(options: WaitOptions = {}): Promise<boolean> {
    return later(() => this.#tryTake() || this.#locked(() => this.#takeFromDead() && this.#take()), options);
  }

  release(): void {
    this.#locked(() => this.#give());
    Atomics.add(this.#space.words, this.#at + SIGNAL, 1);
    native.futexWake(this.#space.words, this.#at + SIGNAL, 1);
  }

  with<T>(body: () => T): T {
    this.acquire();
    try {
      return body();
    } finally {
      this.release();
    }
  }

  #give(): void {
    const { words } = this.#space;
    this.checkRelease(this.#free());
    const held = this.#holder(slotOf(this.#space.agents.self));
    const isMine = words[held] === this.#space.agents.self && (words[held + 1] ?? 0) > 0;
    const word = isMine ? held + 1 : this.#at + LIMIT;
    words[word] = (words[word] ?? 0) + (isMine ? -1 : 1);
  }

  /** Whether a release is allowed with so many permits free. */
  protected checkRelease(_free: number): void {
    // A plain semaphore may grow.
  }

  #tryTake(): boolean {
    return this.#locked(() => this.#take());
  }

  #take(): boolean {
    const { words, agents } = this.#space;
    const held = this.#holder(slotOf(agents.self));
    if (words[held] !== agents.self) {
      // Of a former owner of this slot, who is gone: first what he held, then the name, or his would be ours.
      words[held + 1] = 0;
      words[held] = agents.self;
    }
    if (this.#free() <= 0) return false;
    words[held + 1] = (words[held + 1] ?? 0) + 1;
    return true;
  }

  #free(): number {
    let held = 0;
    for (let slot = 0; slot < AGENTS; slot++) held += this.#space.words[this.#holder(slot) + 1] ?? 0;
    return (this.#space.words[this.#at + LIMIT] ?? 0) - held;
  }

  /** @returns whether there was something. */
  #takeFromDead(): boolean {
    const { words, agents } = this.#space;
    let hasFound = false;
    for (let slot = 0; slot < AGENTS; slot++) {
      const held = this.#holder(slot);
      if ((words[held + 1] ?? 0) === 0 || !agents.isDead(words[held] ?? 0)) continue;
      words[held + 1] = 0;
      hasFound = true;
    }
    return hasFound;
  }

  #holder(slot: number): number {
    return this.#at + HOLDERS + slot * 2;
  }

  #locked<T>(body: () => T): T {
    this.#lock.acquire();
    try {
      return body();
    } finally {
      this.#lock.release();
    }
  }
}

/** A semaphore that refuses one release too many: never more permits than at the beginning. */
export class BoundedSemaphore extends Semaphore {
  readonly #bound: number;

  constructor(space: Space, name: string, value = 1) {
    super(space, name, value);
    this.#bound = value;
  }

  /** @throws RangeError */
  protected override checkRelease(free: number): void {
    if (free >= this.#bound) throw new RangeError('release: called more often than acquire');
  }
}
