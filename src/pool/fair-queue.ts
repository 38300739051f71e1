/**
 * A queue that is first come, first served for each user, and round-robin between users: who has a thousand submissions
 * waiting does not stand in front of another's first.
 */
export class FairQueue<T> {
  /** Users with something waiting, the next one to be served first: a Map keeps the order of insertion. */
  readonly #byUser = new Map<number, T[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(user: number, item: T): void {
    const items = this.#byUser.get(user);
    if (items) items.push(item);
    else this.#byUser.set(user, [item]);
    this.#length++;
  }

  /**
   * Takes the oldest item of the user whose turn it is; that user goes to the end of the round.
   * @param mayServe users it says no to are passed over, and keep their place in the round.
   */
  shift(mayServe: (user: number) => boolean = () => true): T | undefined {
    for (const [user, items] of this.#byUser) {
      if (!mayServe(user)) continue;
      const item = items.shift();
      this.#byUser.delete(user);
      if (items.length > 0) this.#byUser.set(user, items);
      this.#length--;
      return item;
    }
    return undefined;
  }

  /** Takes one item of a user out of the middle; undefined when none is meant. */
  remove(user: number, isMeant: (item: T) => boolean): T | undefined {
    const items = this.#byUser.get(user);
    const index = items?.findIndex(isMeant) ?? -1;
    if (items === undefined || index < 0) return undefined;
    const [item] = items.splice(index, 1);
    if (items.length === 0) this.#byUser.delete(user);
    this.#length--;
    return item;
  }

  /** How many are served before an item if nobody comes or goes; undefined when none is meant. */
  before(user: number, isMeant: (item: T) => boolean): number | undefined {
    const place = this.#byUser.get(user)?.findIndex(isMeant) ?? -1;
    if (place < 0) return undefined;
    let count = 0;
    let isBehind = false;
    for (const [other, { length }] of this.#byUser) {
      if (other === user) isBehind = true;
      // In each round before ours everybody has one; in ours, those whose turn is before.
      count += other === user ? place : Math.min(length, isBehind ? place : place + 1);
    }
    return count;
  }

  /** Takes everything out, in no promised order. */
  drain(): T[] {
    const all = [...this.#byUser.values()].flat();
    this.#byUser.clear();
    this.#length = 0;
    return all;
  }
}
