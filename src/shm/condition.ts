/**
 * Condition of a space, with the semantics of Python's multiprocessing.
 *
 *     word 0        TICKETS   number of the last one who began to wait
 *     from word 16  512 x (state, agent, ticket, 0): 0 nobody, 1 waits, 2 was notified
 *
 * Each agent waits on a word of its own. So notify() wakes exactly whom it chose, the one who waits longest; there are no
 * wake-ups without a reason, and one who gives up or dies cannot swallow what was meant for another: notify() passes the
 * dead over, and giving up is an exchange of the state that either comes before the notification or finds it.
 */

import { slotOf } from './agents.js';
import { AGENTS } from './layout.js';
import type { Releasable, WaitOptions } from './locks.js';
import { native } from './native.js';
import { ObjectKind, type Space } from './space.js';

const TICKETS = 0;
const WAITERS = 16;
const STRIDE = 4;
const State = { nobody: 0, waits: 1, notified: 2 } as const;
const LONGEST_WAIT_MS = 100;

export class Condition {
  readonly lock: Releasable;
  readonly #space: Space;
  readonly #at: number;

  constructor(lock: Releasable, name: string) {
    this.lock = lock;
    this.#space = lock.space;
    this.#at = this.#space.object(name, ObjectKind.condition, (WAITERS + AGENTS * STRIDE) * 4) / 4;
  }

  /**
   * Releases the lock, waits to be notified, and acquires the lock again.
   * @returns false when the time is over
   * @throws RangeError when this thread does not have the lock
   */
  wait({ timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions = {}): boolean {
    this.#check('wait');
    const { words, agents } = this.#space;
    const own = this.#waiter(slotOf(agents.self));
    words[own + 1] = agents.self;
    words[own + 2] = Atomics.add(words, this.#at + TICKETS, 1);
    Atomics.store(words, own, State.waits);
    const times = this.lock.releaseAll();
    const end = performance.now() + timeoutMs;
    for (let leftMs = timeoutMs; Atomics.load(words, own) === State.waits && leftMs > 0; ) {
      native.futexWait(words, own, State.waits, Math.min(leftMs, LONGEST_WAIT_MS));
      leftMs = end - performance.now();
    }
    const isNotified = Atomics.exchange(words, own, State.nobody) === State.notified;
    this.lock.reacquire(times);
    return isNotified;
  }

  /** Waits until `isTrue` says so, looked at with the lock held; its last word when the time is over. */
  waitFor(isTrue: () => boolean, { timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions = {}): boolean {
    const end = performance.now() + timeoutMs;
    while (!isTrue()) {
      const leftMs = end - performance.now();
      if (leftMs <= 0) return isTrue();
      this.wait({ timeoutMs: leftMs });
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
    this.notify(AGENTS);
  }

  #longestWaiting(): number | undefined {
    const { words, agents } = this.#space;
    let first: number | undefined;
    for (let slot = 0; slot < AGENTS; slot++) {
      const waiter = this.#waiter(slot);
      if (Atomics.load(words, waiter) !== State.waits) continue;
      const isEarlier = first === undefined || (words[waiter + 2] ?? 0) - (words[first + 2] ?? 0) < 0;
      if (!isEarlier) continue;
      if (agents.isDead(words[waiter + 1] ?? 0)) Atomics.store(words, waiter, State.nobody);
      else first = waiter;
    }
    return first;
  }

  #check(what: string): void {
    if (!this.lock.isMine) throw new RangeError(`${what}: this thread does not have the lock of the condition`);
  }

  #waiter(slot: number): number {
    return this.#at + WAITERS + slot * STRIDE;
  }
}
