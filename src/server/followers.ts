/**
 * Runs that share the lane of another: an interactor and its program talk with each other, so that mostly one of them waits
 * for the other. They count as one program: one lane, one turn, stopped and let go together. So a conversation goes as fast
 * as two processes can talk, on a machine of one lane too, and never waits for a lane between a question and its answer.
 *
 * The policy knows nothing of a follower; its memory counts as its leader's. Whenever the scheduler has looked, each follower's word is made what its leader's
 * is; a leader that has ended leaves its follower running, to say what it thinks of it.
 *
 * Which run of the leader's slot is meant is found at the first look that sees both alive. When the leader's was over before
 * that, its slot may have the next run of the same submission: then the follower keeps in step with that one, which costs
 * it a turn at most.
 */

import { SlotState, Wanted } from '../pool/cell-layout.js';
import { isLive, type ProcessTable } from '../pool/process-table.js';
import type { SlotIndex } from '../units.js';

interface Following {
  readonly run: number;
  readonly leader: SlotIndex;
  /** undefined: not seen alive yet. */
  leaderRun: number | undefined;
}

export class Followers {
  readonly #table: ProcessTable;
  readonly #tell: (slot: SlotIndex, run: number, wanted: Wanted) => void;
  readonly #known = new Map<SlotIndex, Following>();

  constructor(table: ProcessTable, tell: (slot: SlotIndex, run: number, wanted: Wanted) => void) {
    this.#table = table;
    this.#tell = tell;
  }

  /** Whether a live run is a follower; it is remembered then. */
  isOne(slot: SlotIndex, run: number): boolean {
    const leader = this.#table.leader(slot);
    if (leader === undefined) return false;
    if (this.#known.get(slot)?.run !== run) this.#known.set(slot, { run, leader, leaderRun: undefined });
    return true;
  }

  /** What the followers of a slot were seen to use at their last stop; before the first one, what they may. */
  memoryBytes(leader: SlotIndex): number {
    let bytes = 0;
    for (const [slot, following] of this.#known) {
      if (following.leader !== leader) continue;
      const { memoryBytes, limitBytes } = this.#table.entry(slot);
      bytes += memoryBytes || limitBytes;
    }
    return bytes;
  }

  /** Makes every follower do as its leader does. */
  look(): void {
    for (const [slot, following] of this.#known) {
      const state = this.#table.state(slot);
      if (!isLive(state) || this.#table.run(slot) !== following.run) {
        this.#known.delete(slot);
        continue;
      }
      const wanted = this.#wantedBy(slot, following);
      const isSo = wanted === undefined || this.#table.wanted(slot) === wanted;
      if (!isSo && this.#table.wanted(slot) !== Wanted.kill) this.#tell(slot, following.run, wanted);
    }
  }

  /** undefined: the leader has not been posted yet. */
  #wantedBy(slot: SlotIndex, following: Following): Wanted | undefined {
    const { leader } = following;
    const run = this.#table.run(leader);
    const isAlive = isLive(this.#table.state(leader)) && this.#table.row(leader) === this.#table.row(slot);
    if (following.leaderRun === undefined && isAlive) following.leaderRun = run;
    if (following.leaderRun === undefined) {
      // Over before it was seen: its runner has let this one go already.
      return this.#table.state(slot) === SlotState.waiting ? undefined : Wanted.run;
    }
    if (!isAlive || run !== following.leaderRun) return Wanted.run;
    return this.#table.wanted(leader) === Wanted.run ? Wanted.run : Wanted.wait;
  }
}
