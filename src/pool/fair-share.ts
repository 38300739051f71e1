/**
 * How many of something scarce each user may hold: no more than stay free besides. One user alone gets half, two a third each,
 * and there is always one for the next user's first (dynamic thresholds, as in the buffers of network switches;
 * turns/memory.ts does the same with memory).
 *
 * All who are behind others by priority together hold no more than stay free, either: what a retest of many users has begun
 * must not keep the live contest out.
 */

export interface Holder {
  readonly user: number;
  /** 0 goes first. */
  readonly priority: number;
}

export class FairShare {
  readonly #capacity: number;
  #held = 0;
  /** By priority, and of these by user; what nobody holds is not in it. */
  readonly #heldBy = new Map<number, Map<number, number>>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get isFull(): boolean {
    return this.#held >= this.#capacity;
  }

  /** Whether somebody may have so many more. */
  mayHave(holder: Holder, count: number): boolean {
    const free = this.#capacity - this.#held;
    const shared = this.#sharedBy(holder);
    return count <= free && (shared === 0 || shared + count <= free);
  }

  /** Somebody has taken so many, or given back so many if negative. */
  count({ user, priority }: Holder, change: number): void {
    this.#held += change;
    const users = this.#heldBy.get(priority) ?? new Map<number, number>();
    const held = (users.get(user) ?? 0) + change;
    if (held === 0) users.delete(user);
    else users.set(user, held);
    if (users.size === 0) this.#heldBy.delete(priority);
    else this.#heldBy.set(priority, users);
  }

  #sharedBy({ user, priority }: Holder): number {
    const own = this.#heldBy.get(priority)?.get(user) ?? 0;
    if (priority === 0) return own;
    let behind = 0;
    for (const [other, users] of this.#heldBy) {
      if (other < priority) continue;
      for (const held of users.values()) behind += held;
    }
    return own + behind;
  }
}
