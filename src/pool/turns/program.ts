/**
 * One program as the policy sees it. There is one object per slot, made once and used again: an event allocates nothing.
 *
 *              arrive                run                    stop
 *     absent --------> ready ----------------> running ------------> stopping
 *        ^            ^  ^ |  parked: memory     |  cancel             |  |
 *        | ended      |  +-+  does not suffice   v                     |  |
 *        +------------|------------------------ dying <----------------+  |
 *                     +------------------- stopped -----------------------+
 *
 * A program keeps its lane while it is `stopping`, and while it is `dying` on one: the lane is free only when the cell has
 * said that nothing of the program can run any more.
 */

import type { Account } from './accounts.js';

export type Phase = 'absent' | 'ready' | 'parked' | 'running' | 'stopping' | 'dying';

export class Program {
  readonly slot: number;
  phase: Phase = 'absent';
  account: Account | undefined = undefined;
  priority = 0;
  limitBytes = 0;
  /** Memory it is charged with: its limit while it may grow, what it was seen to use while it is stopped. */
  chargedBytes = 0;
  /** Time on lanes, the present stay not counted. */
  serviceNs = 0;
  turns = 0;
  isStarted = false;

  /** The present stay; `lane` is -1 off the lanes. */
  lane = -1;
  sinceNs = 0;
  sliceEndNs = 0;
  /** Nobody may have the lane before this. */
  protectedUntilNs = 0;
  /** What its account was charged for this stay in advance, and which of the account's shares. */
  prepaidNs = 0;
  prepaidClass = 0;
  /** Time it has had in the turn that goes on: a turn interrupted too early is continued, not counted again. */
  turnNs = 0;

  /** Where it waits: list of its account, neighbours there, and when it is overdue. */
  list = -1;
  previous: Program | undefined = undefined;
  next: Program | undefined = undefined;
  dueNs = Number.POSITIVE_INFINITY;
  heapAt = -1;

  constructor(slot: number) {
    this.slot = slot;
  }

  /** Service up to now, the present stay counted. */
  serviceAtNs(nowNs: number): number {
    return this.lane < 0 ? this.serviceNs : this.serviceNs + nowNs - this.sinceNs;
  }

  get isOnLane(): boolean {
    return this.lane >= 0;
  }

  reset(): void {
    this.phase = 'absent';
    this.account = undefined;
    this.priority = 0;
    this.limitBytes = 0;
    this.chargedBytes = 0;
    this.serviceNs = 0;
    this.turns = 0;
    this.isStarted = false;
    this.lane = -1;
    this.protectedUntilNs = 0;
    this.prepaidNs = 0;
    this.turnNs = 0;
    this.list = -1;
    this.dueNs = Number.POSITIVE_INFINITY;
  }
}

/** A queue of programs, linked through the programs themselves, so that one leaves from the middle at no cost. */
export class ProgramList {
  head: Program | undefined = undefined;
  #tail: Program | undefined = undefined;
  count = 0;

  pushBack(program: Program): void {
    program.previous = this.#tail;
    program.next = undefined;
    if (this.#tail) this.#tail.next = program;
    else this.head = program;
    this.#tail = program;
    this.count++;
  }

  pushFront(program: Program): void {
    program.previous = undefined;
    program.next = this.head;
    if (this.head) this.head.previous = program;
    else this.#tail = program;
    this.head = program;
    this.count++;
  }

  remove(program: Program): void {
    if (program.previous) program.previous.next = program.next;
    else this.head = program.next;
    if (program.next) program.next.previous = program.previous;
    else this.#tail = program.previous;
    program.previous = undefined;
    program.next = undefined;
    this.count--;
  }
}
