/**
 * A queue that is first come, first served for each user, and round-robin between users: who has a thousand submissions
 * waiting does not stand in front of another's first. A lower priority number goes before all of a higher one.
 */
export class FairQueue<T> {
  /** By priority: users with something waiting, the next one to be served first: a Map keeps the order of insertion. */
  readonly #rounds: Map<number, T[]>[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param priority a small integer; 0 goes first */
  push(user: number, item: T, priority = 0): void {
    while (this.#rounds.length <= priority) this.#rounds.push(new Map());
    const round = this.#rounds[priority] as Map<number, T[]>;
    const items = round.get(user);
    if (items) items.push(item);
    else round.set(user, [item]);
    this.#length++;
  }

  /**
   * Takes the oldest item of the user whose turn it is; that user goes to the end of the round.
   * @param mayServe users to whose oldest item it says no are passed over, and keep their place in the round.
   */
  shift(mayServe: (item: T) => boolean = () => true): T | undefined {
    for (const round of this.#rounds) {
      for (const [user, items] of round) {
        const [oldest] = items;
        if (oldest === undefined || !mayServe(oldest)) continue;
        const item = items.shift();
        round.delete(user);
        if (items.length > 0) round.set(user, items);
        this.#length--;
        return item;
      }
    }
    return undefined;
  }

  /** Takes one item of a user out of the middle; undefined when none is meant. */
  remove(user: number, isMeant: (item: T) => boolean): T | undefined {
    for (const round of this.#rounds) {
      const items = round.get(user);
      const index = items?.findIndex(isMeant) ?? -1;
      if (items === undefined || index < 0) continue;
      const [item] = items.splice(index, 1);
      if (items.length === 0) round.delete(user);
      this.#length--;
      return item;
    }
    return undefined;
  }

  /** How many are served before an item if nobody comes or goes; undefined when none is meant. */
  before(user: number, isMeant: (item: T) => boolean): number | undefined {
    let count = 0;
    for (const round of this.#rounds) {
      const place = round.get(user)?.findIndex(isMeant) ?? -1;
      if (place >= 0) return count + placeInRound(round, user, place);
      for (const { length } of round.values()) count += length;
    }
    return undefined;
  }

  /** Takes everything out, in no promised order. */
  drain(): T[] {
    const all = this.#rounds.flatMap((round) => [...round.values()].flat());
    for (const round of this.#rounds) round.clear();
    this.#length = 0;
    return all;
  }
}

/** In each round before ours everybody has one; in ours, those whose turn is before. */
function placeInRound<T>(round: ReadonlyMap<number, T[]>, user: number, place: number): number {
  let count = 0;
  let isBehind = false;
  for (const [other, { length }] of round) {
    if (other === user) isBehind = true;
    count += other === user ? place : Math.min(length, isBehind ? place : place + 1);
  }
  return count;
}
