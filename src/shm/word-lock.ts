/**
 * The table's own locks: one 32-bit word each, in the region, for threads and for processes.
 *
 *     0                free
 *     agent            held by that agent, nobody waits
 *     agent | WAITERS  held, and somebody may be waiting in the kernel
 *
 * The owner is part of the word on purpose. Were it a field of its own, an agent killed between the two stores would leave
 * a held lock with no name on it, and nobody could ever take it over.
 *
 * A waiter that finds the owner dead puts itself in its place, and `repair` finishes what the dead had begun before anything
 * else is done under the lock. The dead leave at most a state that `repair` understands: each user of a lock says which.
 *
 * Held for microseconds, never while waiting for anything but the disk. Not recursive. acquire() blocks: an event loop
 * uses tryAcquire().
 */

import type { AgentHost, Agents, AgentWord } from './agents.js';
import { native } from './native.js';

export const WAITERS = 2 ** 30;
const SPINS = 200;
/** A holder that was killed is noticed after the first of these; one that is only slow is looked at less and less often. */
const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 100;

/** What the dead holder left is put right here, with the lock held. */
export type Repair = (deadAgent: AgentWord) => void;

export class WordLock {
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #agents: Agents;
  readonly #repair: Repair;

  constructor(host: AgentHost, wordIndex: number, agents: Agents, repair: Repair) {
    this.#words = host.words;
    this.#index = wordIndex;
    this.#agents = agents;
    this.#repair = repair;
  }

  /**
   * @param timeoutMs gives up after so long; for ever unless told. 0 is tryAcquire()
   * @returns whether it was acquired
   */
  acquire(timeoutMs = Number.POSITIVE_INFINITY): boolean {
    if (Atomics.compareExchange(this.#words, this.#index, 0, this.#agents.self) === 0) return true;
    return timeoutMs === 0 ? this.tryAcquire() : this.#acquireSlowly(timeoutMs);
  }

  /**
   * Never waits; also takes over from the dead.
   * @returns false when somebody holds it.
   */
  tryAcquire(): boolean {
    const found = Atomics.compareExchange(this.#words, this.#index, 0, this.#agents.self);
    if (found === 0) return true;
    return this.#agents.isDead(found & ~WAITERS) && this.#takeOver(found);
  }

  /** As tryAcquire(), but does not look whether the holder is dead: that costs a look into /proc. */
  tryAcquireAlive(): boolean {
    return Atomics.compareExchange(this.#words, this.#index, 0, this.#agents.self) === 0;
  }

  release(): void {
    const word = Atomics.exchange(this.#words, this.#index, 0);
    if (word & WAITERS) native.futexWake(this.#words, this.#index, 1);
  }

  /** Who holds it; 0 is nobody. */
  get holder(): AgentWord {
    return Atomics.load(this.#words, this.#index) & ~WAITERS;
  }

  /** Takes the lock over if its holder is dead, repairs, and lets go. What a reader does that meets half a change. */
  releaseIfDead(): void {
    const found = Atomics.load(this.#words, this.#index);
    if (found !== 0 && this.#agents.isDead(found & ~WAITERS) && this.#takeOver(found)) this.release();
  }

  #acquireSlowly(timeoutMs: number): boolean {
    const { self } = this.#agents;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.#words, this.#index) !== 0) continue;
      if (Atomics.compareExchange(this.#words, this.#index, 0, self) === 0) return true;
    }
    const end = performance.now() + timeoutMs;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 4, LONGEST_WAIT_MS)) {
      // Others may be waiting behind us, so whoever has waited once marks the word: a wake too many costs little.
      const found = Atomics.compareExchange(this.#words, this.#index, 0, self | WAITERS);
      if (found === 0) return true;
      const leftMs = end - performance.now();
      if (leftMs <= 0) return false;
      const marked = found | WAITERS;
      if (found !== marked && Atomics.compareExchange(this.#words, this.#index, found, marked) !== found) continue;
      if (native.futexWait(this.#words, this.#index, marked, Math.min(waitMs, leftMs)) !== 'timed-out') continue;
      if (this.#agents.isDead(found & ~WAITERS) && this.#takeOver(marked)) return true;
    }
  }

  #takeOver(found: number): boolean {
    const { self } = this.#agents;
    if (Atomics.compareExchange(this.#words, this.#index, found, self | WAITERS) !== found) return false;
    // If the repair fails the lock stays ours: nobody may work on what is half done.
    this.#repair(found & ~WAITERS);
    return true;
  }
}
