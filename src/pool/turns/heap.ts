/** A binary heap whose members know their place in it, so that one can leave, or be sorted anew, in O(log n). */

export interface HeapMember {
  /** Place in the heap, -1 outside. A member is in one heap at a time. */
  heapAt: number;
}

export class Heap<Member extends HeapMember> {
  readonly #members: Member[] = [];
  readonly #isBefore: (a: Member, b: Member) => boolean;

  constructor(isBefore: (a: Member, b: Member) => boolean) {
    this.#isBefore = isBefore;
  }

  get first(): Member | undefined {
    return this.#members[0];
  }

  get size(): number {
    return this.#members.length;
  }

  insert(member: Member): void {
    this.#members.push(member);
    this.#rise(member, this.#members.length - 1);
  }

  /** Takes a member out; one that is not in the heap is left alone. */
  remove(member: Member): void {
    const at = member.heapAt;
    if (at < 0) return;
    member.heapAt = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#rise(last, at);
    this.#sink(last, last.heapAt);
  }

  /** After the key of a member has changed. */
  update(member: Member): void {
    if (member.heapAt < 0) return;
    this.#rise(member, member.heapAt);
    this.#sink(member, member.heapAt);
  }

  #rise(member: Member, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#members[above];
      if (parent === undefined || !this.#isBefore(member, parent)) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(member, at);
  }

  #sink(member: Member, from: number): void {
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      let child = this.#members[below];
      if (child === undefined) break;
      const other = this.#members[below + 1];
      if (other !== undefined && this.#isBefore(other, child)) {
        child = other;
        below++;
      }
      if (!this.#isBefore(child, member)) break;
      this.#put(child, at);
      at = below;
    }
    this.#put(member, at);
  }

  #put(member: Member, at: number): void {
    this.#members[at] = member;
    member.heapAt = at;
  }
}
