/**
 * The table's own locks: one 32-bit word each, in the region, for threads and for processes.
 *
 *     0                           free
 *     agent                       held by that agent, nobody waits
 *     agent | WAITERS             held, and somebody may be waiting in the kernel
 *     agent | WAITERS | IMPATIENT held, and somebody has waited too long: the next release reserves it for him
 *     agent | IMPATIENT           reserved: nobody holds it, and that agent is to have it next
 *
 * The owner is part of the word on purpose. Were it a field of its own, an agent killed between the two stores would leave
 * a held lock with no name on it, and nobody could ever take it over.
 *
 * A waiter that finds the owner dead puts itself in its place, and `repair` finishes what the dead had begun before anything
 * else is done under the lock. The dead leave at most a state that `repair` understands: each user of a lock says which.
 *
 * Fairness. A lock that is let go is anybody's, and most often the one who let it go has it again before a sleeper is awake:
 * that is fast, and goes well for a while. But each waiter notes since when it waits (waiters.ts), and one that has waited
 * for PATIENCE (20 ms) marks the word IMPATIENT. From then on whoever releases the lock reserves it for the agent that
 * has waited longest, and until that one has come nobody else gets it. So who has waited for 20 ms is overtaken only by
 * those who began to wait before it, and by each of them once:
 *
 *     a waiter gets in within    20 ms + (1 + those who waited before it) x (longest hold + what the kernel takes to wake)
 *
 * A reservation its owner does not come for (stopped, or an event loop that is busy elsewhere) lapses: whoever has seen it
 * standing for 50 ms takes the lock, and the late one is from then on the one who came last. So each of those before costs
 * at most 200 ms (sleepers look every 100) and a hold more than that. It is the acquire() forms that wait: tryAcquire() is not
 * waiting, however often it is called. Nothing of this touches the path without contention: one exchange in, one out.
 *
 * Held for microseconds, never while waiting for anything but the disk. Not recursive. acquire() blocks: an event loop
 * uses tryAcquire(), or acquireLater().
 */

import type { AgentHost, Agents, AgentWord } from './agents.js';
import { native } from './native.js';
import { type Note, Waiters } from './waiters.js';
import { Deadline, type WaitOptions, waitLater } from './waiting.js';

const WAITERS = 2 ** 30;
const IMPATIENT = 1 << 31;
const MARKS = WAITERS | IMPATIENT;
const SPINS = 200;
const EVERYBODY = 2 ** 30;
/**
 * In parts of the host's lookEveryMs, 100 ms. A holder that was killed is noticed after the first look; one that is only slow is
 * looked at less and less often.
 */
const FIRST_LOOK = 1 / 100;
const PATIENCE = 1 / 5;
const LAPSE = 1 / 2;

/** What the dead holder left is put right here, with the lock held. */
export type Repair = (deadAgent: AgentWord) => void;

export class WordLock {
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #agents: Agents;
  readonly #waiters: Waiters;
  readonly #lookEveryMs: number;
  readonly #repair: Repair;

  constructor(host: AgentHost, wordIndex: number, agents: Agents, repair: Repair) {
    this.#words = host.words;
    this.#index = wordIndex;
    this.#agents = agents;
    this.#waiters = new Waiters(host, agents);
    this.#lookEveryMs = host.lookEveryMs;
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
    if (isReserved(found)) return this.#takeReserved(found);
    return this.#agents.isDead(found & ~MARKS) && this.#takeOver(found);
  }

  /** As tryAcquire(), but does not look whether the holder is dead: that costs a look into /proc. */
  tryAcquireAlive(): boolean {
    return Atomics.compareExchange(this.#words, this.#index, 0, this.#agents.self) === 0;
  }

  /** As acquire(), without blocking the thread; just as fair, but it comes up to 10 ms late when its turn has come. */
  async acquireLater(options: WaitOptions): Promise<boolean> {
    if (this.tryAcquire()) return true;
    const note = this.#waiters.begin(this.#index);
    const beganMs = performance.now();
    const attempt = () => {
      if (this.tryAcquire()) return true;
      const found = Atomics.load(this.#words, this.#index);
      const isPatient = performance.now() - beganMs < PATIENCE * this.#lookEveryMs;
      if (found !== 0 && !isReserved(found) && !isPatient) {
        Atomics.compareExchange(this.#words, this.#index, found, found | MARKS);
      }
      return undefined;
    };
    try {
      return (await waitLater(attempt, new Deadline(options))) ?? false;
    } finally {
      this.#endWaiting(note);
    }
  }

  release(): void {
    const { self } = this.#agents;
    if (Atomics.compareExchange(this.#words, this.#index, self, 0) !== self) this.#releaseMarked();
  }

  /** Who holds it; 0 is nobody. */
  get holder(): AgentWord {
    const found = Atomics.load(this.#words, this.#index);
    return isReserved(found) ? 0 : found & ~MARKS;
  }

  /** Takes the lock over if its holder is dead, repairs, and lets go. What a reader does that meets half a change. */
  releaseIfDead(): void {
    const found = Atomics.load(this.#words, this.#index);
    if (found === 0 || isReserved(found)) return;
    if (this.#agents.isDead(found & ~MARKS) && this.#takeOver(found)) this.release();
  }

  #acquireSlowly(timeoutMs: number): boolean {
    const { self } = this.#agents;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.#words, this.#index) !== 0) continue;
      if (Atomics.compareExchange(this.#words, this.#index, 0, self) === 0) return true;
    }
    const note = this.#waiters.begin(this.#index);
    try {
      return this.#wait(new Deadline({ timeoutMs }));
    } finally {
      this.#endWaiting(note);
    }
  }

  #wait(deadline: Deadline): boolean {
    const { self } = this.#agents;
    const impatientMs = performance.now() + PATIENCE * this.#lookEveryMs;
    for (let waitMs = FIRST_LOOK * this.#lookEveryMs; ; waitMs = Math.min(waitMs * 4, this.#lookEveryMs)) {
      // Others may be waiting behind us, so whoever has waited once marks the word: a wake too many costs little.
      const found = Atomics.compareExchange(this.#words, this.#index, 0, self | WAITERS);
      if (found === 0 || (isReserved(found) && this.#takeReserved(found))) return true;
      const patienceMs = impatientMs - performance.now();
      const marked = isReserved(found) ? found : found | WAITERS | (patienceMs <= 0 ? IMPATIENT : 0);
      // Also by one who gives up: the wake it got may have been meant for a sleeper, whose mark is gone.
      if (found !== marked && Atomics.compareExchange(this.#words, this.#index, found, marked) !== found) continue;
      const { leftMs } = deadline;
      if (leftMs === 0) return false;
      const sleepMs = Math.min(waitMs, leftMs, patienceMs > 0 ? patienceMs : leftMs);
      if (native.futexWait(this.#words, this.#index, marked, sleepMs, bitOf(self)) !== 'timed-out') continue;
      if (isReserved(marked)) continue;
      if (this.#agents.isDead(marked & ~MARKS) && this.#takeOver(marked)) return true;
    }
  }

  #endWaiting(note: Note): void {
    this.#waiters.end(note);
    // What was reserved for one who has given up is passed on at once. (Reserved just now, after this look, it lapses.)
    const found = Atomics.load(this.#words, this.#index);
    if (!isReserved(found) || (found & ~MARKS) !== this.#agents.self) return;
    if (!this.#waiters.isWaiting(this.#agents.self, this.#index)) this.#giveAway(found);
  }

  #releaseMarked(): void {
    for (;;) {
      const found = Atomics.load(this.#words, this.#index);
      if (found === 0 || isReserved(found)) return;
      if (this.#giveAway(found)) return;
    }
  }

  /** To whoever has lost patience first, or to anybody; false when the word has changed. */
  #giveAway(found: number): boolean {
    const next = found & IMPATIENT ? this.#waiters.longest(this.#index, PATIENCE * this.#lookEveryMs) : 0;
    const word = next === 0 ? 0 : next | IMPATIENT;
    if (Atomics.compareExchange(this.#words, this.#index, found, word) !== found) return false;
    if (next !== 0) native.futexWake(this.#words, this.#index, EVERYBODY, bitOf(next));
    else native.futexWake(this.#words, this.#index, 1);
    return true;
  }

  /** Ours, or that of one who does not come. There are waiters behind it, so the marks stay. */
  #takeReserved(found: number): boolean {
    const { self } = this.#agents;
    const agent = found & ~MARKS;
    if (agent !== self && !this.#waiters.hasLapsed(agent, this.#index, LAPSE * this.#lookEveryMs)) return false;
    return Atomics.compareExchange(this.#words, this.#index, found, self | MARKS) === found;
  }

  #takeOver(found: number): boolean {
    const { self } = this.#agents;
    // The marks stay: whoever waited for the dead waits for us.
    const word = self | WAITERS | (found & IMPATIENT);
    if (Atomics.compareExchange(this.#words, this.#index, found, word) !== found) return false;
    // If the repair fails the lock stays ours: nobody may work on what is half done.
    this.#repair(found & ~MARKS);
    return true;
  }
}

function isReserved(word: number): boolean {
  return (word & MARKS) === IMPATIENT;
}

/** Which wakes are meant for an agent: one in 32 has the same bit, and wakes in vain. */
function bitOf(agent: AgentWord): number {
  return (1 << (agent & 31)) >>> 0;
}
