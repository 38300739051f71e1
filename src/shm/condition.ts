/**
 * Condition of a space, with the semantics of Python's multiprocessing.
 *
 *     word 0        TICKETS   number of the last one who began to wait
 *     from word 16  512 x (state, agent, ticket, 0): 0 nobody, 1 waits, 2 was notified
 *
 * Each wait has a word of its own, given out with the lock held. So notify() wakes exactly whom it chose, the one who waits
 * longest; there are no wake-ups without a reason, and one who gives up or dies cannot swallow what was meant for another:
 * notify() passes the dead over, and giving up is an exchange of the state that either comes before the notification or finds it.
 */

import { AGENTS } from './layout.js';
import type { Releasable } from './locks.js';
import { native } from './native.js';
import { ObjectKind, type Space } from './space.js';
import { Deadline, type WaitOptions, waitFor, waitLater } from './waiting.js';

const TICKETS = 0;
const WAITERS = 16;
const WAITS = AGENTS;
const STRIDE = 4;
const State = { nobody: 0, waits: 1, notified: 2 } as const;

export class Condition {
  readonly lock: Releasable;
  readonly #space: Space;
  readonly #at: number;

  constructor(lock: Releasable, name: string) {
    this.lock = lock;
    this.#space = lock.space;
    this.#at = this.#space.object(name, ObjectKind.condition, (WAITERS + WAITS * STRIDE) * 4) / 4;
  }

  /**
   * Releases the lock, waits to be notified, and acquires the lock again (for that it waits however long it takes).
   * @returns false when the time is over
   * @throws RangeError when this thread does not have the lock, or when 512 wait already
   */
  wait(options: WaitOptions = {}): boolean {
    const deadline = new Deadline(options);
    const waiter = this.#begin();
    const times = this.lock.releaseAll();
    const { words, lookEveryMs } = this.#space;
    waitFor({ words, index: waiter, lookEveryMs }, () => this.#isNotified(waiter) || undefined, deadline);
    const isNotified = this.#end(waiter);
    this.lock.reacquire(times);
    return isNotified;
  }

  /** As wait(), without blocking the thread. */
  async waitLater(options: WaitOptions = {}): Promise<boolean> {
    const deadline = new Deadline(options);
    const waiter = this.#begin();
    const times = this.lock.releaseAll();
    await waitLater(() => this.#isNotified(waiter) || undefined, deadline);
    const isNotified = this.#end(waiter);
    await this.lock.reacquireLater(times);
    return isNotified;
  }

  /** Waits until `isTrue` says so, looked at with the lock held; its last word when the time is over. */
  waitFor(isTrue: () => boolean, options: WaitOptions = {}): boolean {
    const deadline = new Deadline(options);
    while (!isTrue()) {
      const timeoutMs = deadline.leftMs;
      if (timeoutMs === 0) return false;
      this.wait({ timeoutMs });
    }
    return true;
  }

  /** As waitFor(), without blocking the thread. */
  async waitForLater(isTrue: () => boolean, options: WaitOptions = {}): Promise<boolean> {
    const deadline = new Deadline(options);
    while (!isTrue()) {
      const timeoutMs = deadline.leftMs;
      if (timeoutMs === 0) return false;
      await this.waitLater({ timeoutMs });
    }
    return true;
  }

  /** Wakes the `count` who have waited longest. @throws RangeError when this thread does not have the lock */
  notify(count = 1): void {
    this.#check('notify');
    for (let n = 0; n < count; n++) {
      const waiter = this.#longestWaiting();
      if (waiter === undefined) return;
      const { words } = this.#space;
      // Unless it has just given up: then the next one is meant.
      if (Atomics.compareExchange(words, waiter, State.waits, State.notified) !== State.waits) n--;
      else native.futexWake(words, waiter, 1);
    }
  }

  notifyAll(): void {
    this.notify(WAITS);
  }

  /** Takes a place among those who wait: with the lock held, so nobody else does. */
  #begin(): number {
    this.#check('wait');
    const { words, agents } = this.#space;
    const waiter = this.#freePlace();
    words[waiter + 1] = agents.self;
    words[waiter + 2] = Atomics.add(words, this.#at + TICKETS, 1);
    Atomics.store(words, waiter, State.waits);
    return waiter;
  }

  #freePlace(): number {
    for (let place = 0; place < WAITS; place++) if (this.#isFree(this.#place(place))) return this.#place(place);
    throw new RangeError(`wait: ${WAITS} wait already`);
  }

  /** Nobody's, or of one who died after he had been notified. */
  #isFree(waiter: number): boolean {
    const { words, agents } = this.#space;
    const state = Atomics.load(words, waiter);
    return state === State.nobody || (state === State.notified && agents.isDead(words[waiter + 1] ?? 0));
  }

  #isNotified(waiter: number): boolean {
    return Atomics.load(this.#space.words, waiter) === State.notified;
  }

  #end(waiter: number): boolean {
    return Atomics.exchange(this.#space.words, waiter, State.nobody) === State.notified;
  }

  #longestWaiting(): number | undefined {
    const { words, agents } = this.#space;
    let first: number | undefined;
    for (let place = 0; place < WAITS; place++) {
      const waiter = this.#place(place);
      if (Atomics.load(words, waiter) !== State.waits) continue;
      const isEarlier = first === undefined || (((words[waiter + 2] ?? 0) - (words[first + 2] ?? 0)) | 0) < 0;
      if (!isEarlier) continue;
      if (agents.isDead(words[waiter + 1] ?? 0)) Atomics.store(words, waiter, State.nobody);
      else first = waiter;
    }
    return first;
  }

  #check(what: string): void {
    if (!this.lock.isMine) throw new RangeError(`${what}: this thread does not have the lock of the condition`);
  }

  #place(number: number): number {
    return this.#at + WAITERS + number * STRIDE;
  }
}
