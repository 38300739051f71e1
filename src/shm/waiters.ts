/**
 * Who waits for what, and since when: each agent's slot has room for 8 notes (AGENT.WAITS: KEY, SINCE). So that whoever lets go
 * of something can see who has waited longest, and hold it back for him.
 *
 * KEY is the index of a word that stands for what is waited for, plus 1; 0 = a free note. SINCE counts sixteenths of a
 * millisecond of the kernel's monotonic clock, which is the same in all processes, modulo 2^32. Only its own thread makes and
 * removes a note; KEY is stored last and cleared first, so a note that is seen is whole. A note is a wish and not a right:
 * what it says may have changed since, and those who read it must be right in either case.
 */

import { type AgentHost, type Agents, type AgentWord, slotOf } from './agents.js';
import { AGENT, AGENTS } from './layout.js';

const WAITS = AGENT.fields.WAITS.offset / 4;
const NOTES = AGENT.fields.WAITS.count / 2;
const TICKS_PER_MS = 16;
/** A thread that waits for more things at once than there are notes waits for the rest without one. */
const NO_NOTE = -1;

/** The note a thread has made: index of its KEY, or NO_NOTE. */
export type Note = number;

export class Waiters {
  readonly #words: Int32Array;
  readonly #agents: Agents;
  /** Whose turn it was when this thread looked, by which note, and since when. */
  #late = { agent: 0, since: 0, fromMs: 0 };

  constructor(host: AgentHost, agents: Agents) {
    this.#words = host.words;
    this.#agents = agents;
  }

  /** Notes that this thread waits for what the word stands for, from now on. */
  begin(word: number): Note {
    const first = this.#agents.base + WAITS;
    for (let note = first; note < first + NOTES * 2; note += 2) {
      if (this.#words[note] !== 0) continue;
      this.#words[note + 1] = ticks();
      Atomics.store(this.#words, note, word + 1);
      return note;
    }
    return NO_NOTE;
  }

  end(note: Note): void {
    if (note !== NO_NOTE) Atomics.store(this.#words, note, 0);
  }

  /** Whether that agent waits for it. */
  isWaiting(agent: AgentWord, word: number): boolean {
    return this.#noteOf(slotOf(agent), word) !== NO_NOTE && !this.#agents.isDead(agent);
  }

  /**
   * Whether an agent whose turn it is does not come: it waits no longer, or this thread has seen it not coming for so long.
   * Then it loses its place: if it waits still (stopped, or busy elsewhere), it is the one who came last.
   */
  hasLapsed(agent: AgentWord, word: number, afterMs: number): boolean {
    if (!this.isWaiting(agent, word)) return true;
    const note = this.#noteOf(slotOf(agent), word);
    if (note === NO_NOTE) return true;
    const since = this.#since(note);
    const nowMs = performance.now();
    if (this.#late.agent !== agent || this.#late.since !== since) this.#late = { agent, since, fromMs: nowMs };
    if (nowMs - this.#late.fromMs < afterMs) return false;
    Atomics.store(this.#words, note + 1, ticks());
    return true;
  }

  /** The living agent that has waited longest for it, and at least so long; 0 is nobody. */
  longest(word: number, leastMs: number): AgentWord {
    let before = ticks() - leastMs * TICKS_PER_MS;
    let found = 0;
    for (let slot = 0; slot < AGENTS; slot++) {
      const note = this.#noteOf(slot, word);
      if (note === NO_NOTE || !this.#isBefore(note, before)) continue;
      const agent = this.#agents.wordOf(slot);
      if (this.#agents.isDead(agent)) continue;
      before = this.#since(note);
      found = agent;
    }
    return found;
  }

  /** How many living agents have waited for it at least so long, and longer than whoever made `own`, if anybody did. */
  countBefore(own: Note | undefined, word: number, leastMs: number): number {
    const patient = ticks() - leastMs * TICKS_PER_MS;
    let count = 0;
    for (let slot = 0; slot < AGENTS; slot++) {
      const note = this.#noteOf(slot, word);
      if (note === NO_NOTE || note === own || !this.#isBefore(note, patient)) continue;
      if (own !== undefined && own !== NO_NOTE && !this.#isBefore(note, this.#since(own))) continue;
      if (!this.#agents.isDead(this.#agents.wordOf(slot))) count++;
    }
    return count;
  }

  #noteOf(slot: number, word: number): Note {
    const first = this.#agents.at(slot) + WAITS;
    for (let note = first; note < first + NOTES * 2; note += 2) {
      if (Atomics.load(this.#words, note) === word + 1) return note;
    }
    return NO_NOTE;
  }

  #since(note: Note): number {
    return Atomics.load(this.#words, note + 1);
  }

  #isBefore(note: Note, moment: number): boolean {
    return ((this.#since(note) - moment) | 0) < 0;
  }
}

/** Now, modulo 2^32. */
function ticks(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1_000 * TICKS_PER_MS + Math.floor((nanoseconds / 1e6) * TICKS_PER_MS)) | 0;
}
