/**
 * Semaphore and BoundedSemaphore of a space, with the semantics of Python's multiprocessing.
 *
 *     word 0        LOCK       held for each step
 *     word 1        SIGNAL     raised with each release: futex of those who wait
 *     word 2        LIMIT      permits there are: the initial value, and one more for each release by somebody who held none
 *     word 3        BOUND      the initial value: what a bounded one may never have more of
 *     word 4        IMPATIENT  1 = somebody may have waited too long
 *     from word 16  512 x (agent, permits it holds)
 *
 * Free permits are LIMIT less the sum of what agents hold, so each step is the store of one word, and an agent that dies in
 * the middle of one has done it or not. All of them count modulo 2^32: a semaphore that only signals passes that in years, and
 * what is free is right all the same. Permits of the dead are free again as soon as somebody waits for them. Who only
 * ever acquires, as the consumer of a signal does, holds what it acquired: its death gives all of it back. In a bounded one the
 * limit stays: there a release by somebody who held none is of a permit that another held, so that his death gives back nothing
 * that was released already.
 *
 * A free permit is anybody's until somebody has waited for 20 ms (as with locks: word-lock.ts). From then on a permit is given
 * only to one who has no more patient waiter before it than there are free permits; a release wakes all who wait. One who does
 * not come for the permit that is kept for it (stopped, or busy elsewhere) loses its place after 50 ms.
 */

import { slotOf } from './agents.js';
import { AGENTS } from './layout.js';
import { native } from './native.js';
import { ObjectKind, type Space } from './space.js';
import { type Note, Waiters } from './waiters.js';
import { type Bell, Deadline, Holdable, type WaitOptions, waitFor, waitLater } from './waiting.js';
import { WordLock } from './word-lock.js';

const LOCK = 0;
const SIGNAL = 1;
const LIMIT = 2;
const BOUND = 3;
const IMPATIENT = 4;
const HOLDERS = 16;
const BYTES = (HOLDERS + AGENTS * 2) * 4;
const EVERYBODY = 2 ** 30;
const MOST_FREE = 2 ** 31 - 1;
/** In parts of the space's lookEveryMs. */
const PATIENCE = 1 / 5;
const LAPSE = 1 / 2;

interface Wait {
  readonly note: Note;
  readonly beganMs: number;
}

export class Semaphore extends Holdable {
  protected readonly space: Space;
  readonly #at: number;
  readonly #lock: WordLock;
  readonly #waiters: Waiters;
  readonly #bell: Bell;

  /** @param value permits at the beginning; what counts is that of whoever makes it first */
  constructor(space: Space, name: string, value = 1) {
    super();
    if (!Number.isInteger(value) || value < 0 || value > MOST_FREE)
      throw new RangeError(`value: expected an integer from 0 to ${MOST_FREE}, got ${value}`);
    this.space = space;
    this.#at =
      space.object(name, ObjectKind.semaphore, BYTES, (first) => {
        space.words[first + LIMIT] = value;
        space.words[first + BOUND] = value;
      }) / 4;
    this.#lock = new WordLock(space, this.#at + LOCK, space.agents, () => undefined);
    this.#waiters = new Waiters(space, space.agents);
    this.#bell = { words: space.words, index: this.#at + SIGNAL, lookEveryMs: space.lookEveryMs };
  }

  /** Permits that are free. */
  get value(): number {
    return this.#locked(() => this.#free());
  }

  /** Takes a permit; false when the time is over. */
  override acquire({ timeoutMs }: WaitOptions = {}): boolean {
    if (this.#tryTake()) return true;
    if (timeoutMs === 0) return this.#tryTakeFromDead();
    const wait = this.#begin();
    try {
      const attempt = () => this.#tryTake(wait) || undefined;
      const dead = () => this.#locked(() => this.#takeFromDead());
      return waitFor(this.#patientBell(wait), attempt, new Deadline({ timeoutMs }), dead) ?? false;
    } finally {
      this.#end(wait);
    }
  }

  override async acquireLater(options: WaitOptions = {}): Promise<boolean> {
    if (this.#tryTake()) return true;
    const wait = this.#begin();
    try {
      return (await waitLater(() => this.#tryTakeFromDead(wait) || undefined, new Deadline(options))) ?? false;
    } finally {
      this.#end(wait);
    }
  }

  /** @throws RangeError when a bounded one would get more permits than it had at the beginning, or any more than 2^31 - 1 */
  override release(): void {
    const isAnybodyImpatient = this.#locked(() => {
      this.#give();
      return this.space.words[this.#at + IMPATIENT] === 1;
    });
    this.#ring(isAnybodyImpatient ? EVERYBODY : 1);
  }

  /** Whether there are never more permits than at the beginning; a plain semaphore may grow. */
  protected get isBounded(): boolean {
    return false;
  }

  #ring(count: number): void {
    Atomics.add(this.space.words, this.#at + SIGNAL, 1);
    native.futexWake(this.space.words, this.#at + SIGNAL, count);
  }

  #begin(): Wait {
    return { note: this.#waiters.begin(this.#at), beganMs: performance.now() };
  }

  #end({ note }: Wait): void {
    this.#waiters.end(note);
    // A permit may have been kept for the one who gives up.
    if (this.space.words[this.#at + IMPATIENT] === 1) this.#ring(EVERYBODY);
  }

  /** The bell of one who must look again when its patience ends. */
  #patientBell({ beganMs }: Wait): Bell {
    const patienceMs = PATIENCE * this.space.lookEveryMs;
    const lookEveryMs = this.#bell.lookEveryMs;
    return {
      ...this.#bell,
      get lookEveryMs() {
        const leftMs = beganMs + patienceMs - performance.now();
        return leftMs > 0 ? leftMs : lookEveryMs;
      },
    };
  }

  #give(): void {
    const { words, agents } = this.space;
    const most = this.isBounded ? (words[this.#at + BOUND] ?? 0) : MOST_FREE;
    if (this.#free() >= most) throw new RangeError('release: called more often than acquire');
    const own = this.#holder(slotOf(agents.self));
    const isMine = words[own] === agents.self && (words[own + 1] ?? 0) > 0;
    const held = isMine ? own : this.isBounded ? this.#someHolder() : undefined;
    const word = held === undefined ? this.#at + LIMIT : held + 1;
    words[word] = (words[word] ?? 0) + (held === undefined ? 1 : -1);
  }

  #someHolder(): number | undefined {
    for (let slot = 0; slot < AGENTS; slot++) {
      const held = this.#holder(slot);
      if ((this.space.words[held + 1] ?? 0) > 0) return held;
    }
    return undefined;
  }

  #tryTake(wait?: Wait): boolean {
    return this.#locked(() => this.#take(wait));
  }

  #tryTakeFromDead(wait?: Wait): boolean {
    return this.#locked(() => this.#take(wait) || (this.#takeFromDead() && this.#take(wait)));
  }

  #take(wait?: Wait): boolean {
    const { words, agents } = this.space;
    const held = this.#holder(slotOf(agents.self));
    if (words[held] !== agents.self) {
      // Of a former owner of this slot, who is gone: first what he held, then the name, or his would be ours.
      words[held + 1] = 0;
      words[held] = agents.self;
    }
    if (!this.#isOurTurn(this.#free(), wait)) return false;
    words[held + 1] = (words[held + 1] ?? 0) + 1;
    return true;
  }

  #isOurTurn(free: number, wait: Wait | undefined): boolean {
    const { words, lookEveryMs } = this.space;
    const impatient = this.#at + IMPATIENT;
    const patienceMs = PATIENCE * lookEveryMs;
    if (wait !== undefined && performance.now() - wait.beganMs >= patienceMs) words[impatient] = 1;
    if (free <= 0 || words[impatient] === 0) return free > 0;
    const first = this.#waiters.longest(this.#at, patienceMs);
    if (first === 0) words[impatient] = 0;
    if (first === 0 || this.#waiters.countBefore(wait?.note, this.#at, patienceMs) < free) return true;
    return this.#waiters.hasLapsed(first, this.#at, LAPSE * lookEveryMs);
  }

  #free(): number {
    let held = 0;
    for (let slot = 0; slot < AGENTS; slot++) held += this.space.words[this.#holder(slot) + 1] ?? 0;
    return ((this.space.words[this.#at + LIMIT] ?? 0) - held) | 0;
  }

  /** @returns whether there was something. */
  #takeFromDead(): boolean {
    const { words, agents } = this.space;
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
  protected override get isBounded(): boolean {
    return true;
  }
}
