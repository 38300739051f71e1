/**
 * Programs that wait for a lane, sorted so that the next one is found at once.
 *
 *     rings: priority 0: [ < 10 ms | < 50 ms | < 500 ms | the rest ]   priority 1: [ ... ]   ... a better ring goes first
 *                             |
 *                 shares of accounts, least service first (a heap)          equal between users
 *                             |
 *                 lists of the account: newcomers, level 0, 1, 2, 3         in turn
 *
 * An account is a user (and a priority of theirs). It has a share in each ring where a program of it waits. A share is
 * charged for a whole slice when a stay begins and gets back what was not used when it ends, so of two accounts that wait
 * all along none is ever more than one slice ahead: the one with less is served, and one service is one slice.
 * An account that comes back to a ring is put where a share stands that has just been served (`clock` + a slice), or where
 * it was if that is near: time spent away is neither saved up nor held against it.
 *
 * Better rings go first, so a user could send short programs for ever and leave nothing to the loops of others. Hence the
 * allowance: it is spent by all lane time of the account and filled again at half of all lanes. Who has spent it waits in
 * the last ring with everything, newcomers first among their own, and lives from the equal shares there.
 */

import { Heap } from './heap.js';
import { type Mode, patienceNs } from './modes.js';
import { type Program, ProgramList } from './program.js';

/** Priorities from this on are as this. */
export const MAX_PRIORITY = 9;

class Share {
  readonly ring: Ring;
  readonly classIndex: number;
  readonly account: Account;
  /** Lane time had in this ring, in the ring's own reckoning. */
  hadNs = Number.POSITIVE_INFINITY;
  sequence = 0;
  ready = 0;
  heapAt = -1;

  constructor(account: Account, classIndex: number, ring: Ring) {
    this.account = account;
    this.classIndex = classIndex;
    this.ring = ring;
  }
}

class Ring {
  readonly shares = new Heap<Share>((a, b) => a.hadNs < b.hadNs || (a.hadNs === b.hadNs && a.sequence < b.sequence));
  readonly sliceNs: number;
  /** What the share served last had had then; never falls. */
  clockNs = 0;
  ready = 0;

  constructor(sliceNs: number) {
    this.sliceNs = sliceNs;
  }
}

export class Account {
  readonly key: string;
  readonly lists: readonly ProgramList[];
  readonly shares: readonly Share[];
  /** Programs that have arrived and not ended. */
  live = 0;
  /** Memory its started programs are charged with. */
  heldBytes = 0;
  allowanceNs: number;
  refilledAtNs: number;
  hasSpentAllowance = false;

  constructor(key: string, rings: readonly Ring[], allowanceNs: number, nowNs: number) {
    this.key = key;
    this.shares = rings.map((ring, classIndex) => new Share(this, classIndex, ring));
    this.lists = Array.from({ length: rings.length + 1 }, () => new ProgramList());
    this.allowanceNs = allowanceNs;
    this.refilledAtNs = nowNs;
  }
}

export class Accounts {
  readonly #mode: Mode;
  readonly #rings: Ring[] = [];
  readonly #accounts = new Map<string, Account>();
  readonly #overdue = new Heap<Program>((a, b) => a.dueNs < b.dueNs);
  readonly #classes: number;
  #lanes = 1;
  #sequence = 0;
  #live = 0;
  #liveAccounts = 0;
  /** Programs that wait, the parked ones not counted. */
  ready = 0;

  constructor(mode: Mode) {
    this.#mode = mode;
    this.#classes = mode.levels.length;
    const priorities = mode.isSharedByUser ? MAX_PRIORITY + 1 : 1;
    for (let priority = 0; priority < priorities; priority++) {
      for (const level of mode.levels) this.#rings.push(new Ring(level.sliceNs));
    }
  }

  set lanes(count: number) {
    this.#lanes = count;
  }

  // ---- coming and going ---------------------------------------------------------------------------------------------

  /** A program of a user has arrived: gives it its account. */
  enter(program: Program, user: number, priority: number, nowNs: number): void {
    program.priority = this.#mode.isSharedByUser ? Math.min(Math.max(0, priority), MAX_PRIORITY) : 0;
    const key = this.#mode.isSharedByUser ? `${user}/${program.priority}` : '';
    let account = this.#accounts.get(key);
    if (account === undefined) {
      this.#forgetIdle(nowNs);
      const from = program.priority * this.#classes;
      account = new Account(key, this.#rings.slice(from, from + this.#classes), this.#burstNs, nowNs);
      this.#accounts.set(key, account);
    }
    this.#touch(account, nowNs);
    program.account = account;
    if (account.live++ === 0) this.#liveAccounts++;
    this.#live++;
  }

  leave(program: Program): void {
    const { account } = program;
    if (account === undefined) return;
    if (--account.live === 0) this.#liveAccounts--;
    this.#live--;
    program.account = undefined;
  }

  /** Puts a program into the line; `atFront`: before others of its account and level (its turn was cut short). */
  add(program: Program, atFront: boolean, nowNs: number): void {
    const account = accountOf(program);
    const level = this.levelOf(program.serviceNs);
    program.list = this.#mode.hasNewcomersFirst && !program.isStarted ? 0 : level + 1;
    const list = listOf(account, program.list);
    if (atFront) list.pushFront(program);
    else list.pushBack(program);
    this.#count(shareOf(account, this.#classOfList(account, program.list)), 1);
    if (!program.isStarted || this.#mode.guardPeriodNs === Number.POSITIVE_INFINITY) return;
    const crowd = { users: this.#liveAccounts, ofUser: account.live };
    program.dueNs = nowNs + patienceNs(this.#mode, this.#lanes, crowd);
    this.#overdue.insert(program);
  }

  remove(program: Program): void {
    const account = accountOf(program);
    listOf(account, program.list).remove(program);
    this.#count(shareOf(account, this.#classOfList(account, program.list)), -1);
    this.#overdue.remove(program);
    program.list = -1;
  }

  // ---- who is next --------------------------------------------------------------------------------------------------

  /** The program to run next, without taking it out. */
  next(): Program | undefined {
    for (const ring of this.#rings) {
      if (ring.ready === 0) continue;
      const share = ring.shares.first;
      if (share === undefined) continue;
      const { lists } = share.account;
      for (let index = 0; index < lists.length; index++) {
        const head = lists[index]?.head;
        if (head && this.#classOfList(share.account, index) === share.classIndex) return head;
      }
    }
    return undefined;
  }

  /** The started program that has waited longest beyond its patience, if any. */
  overdue(nowNs: number): Program | undefined {
    const { first } = this.#overdue;
    return first !== undefined && first.dueNs <= nowNs ? first : undefined;
  }

  /** Place of the ring in which a program would wait, or take its turn, after this much service. 0 goes first. */
  ringOf(program: Program, serviceNs: number): number {
    const spent = accountOf(program).hasSpentAllowance;
    return program.priority * this.#classes + (spent ? this.#classes - 1 : this.levelOf(serviceNs));
  }

  /** Programs that wait in rings up to and with `ring`. */
  readyUpTo(ring: number): number {
    let ready = 0;
    for (let index = 0; index <= ring; index++) ready += this.#rings[index]?.ready ?? 0;
    return ready;
  }

  levelOf(serviceNs: number): number {
    let level = 0;
    while (level < this.#classes - 1 && serviceNs >= this.#level(level).belowNs) level++;
    return level;
  }

  sliceNs(serviceNs: number): number {
    return this.#level(this.levelOf(serviceNs)).sliceNs;
  }

  // ---- what a stay costs --------------------------------------------------------------------------------------------

  /** Charges a stay that begins. `isServed`: the program was next, not out of line; then the ring's clock follows. */
  prepay(program: Program, sliceNs: number, isServed: boolean): void {
    const ring = this.ringOf(program, program.serviceNs);
    const share = shareOf(accountOf(program), ring % this.#classes);
    if (share.hadNs === Number.POSITIVE_INFINITY) share.hadNs = share.ring.clockNs;
    if (isServed) share.ring.clockNs = Math.max(share.ring.clockNs, share.hadNs);
    program.prepaidClass = share.classIndex;
    program.prepaidNs = Number.isFinite(sliceNs) ? sliceNs : 0;
    this.#charge(share, program.prepaidNs);
  }

  /** Puts right what was prepaid when `usedNs` have been used. */
  settle(program: Program, usedNs: number, nowNs: number): void {
    const account = accountOf(program);
    this.#charge(shareOf(account, program.prepaidClass), usedNs - program.prepaidNs);
    program.prepaidNs = 0;
    account.allowanceNs -= usedNs;
    this.#touch(account, nowNs);
  }

  #charge(share: Share, ns: number): void {
    share.hadNs += ns;
    share.ring.shares.update(share);
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  get #burstNs(): number {
    return this.#mode.burstNs * this.#lanes;
  }

  #level(index: number) {
    const level = this.#mode.levels[index];
    if (level === undefined) throw new RangeError(`level ${index} of ${this.#classes}`);
    return level;
  }

  #classOfList(account: Account, list: number): number {
    return account.hasSpentAllowance ? this.#classes - 1 : Math.max(0, list - 1);
  }

  /** Counts programs into or out of a share, and the share into or out of its ring. */
  #count(share: Share, change: number): void {
    const { ring } = share;
    const before = share.ready;
    share.ready += change;
    ring.ready += change;
    this.ready += change;
    if (before === 0 && share.ready > 0) {
      const tailNs = ring.clockNs + (Number.isFinite(ring.sliceNs) ? ring.sliceNs : 0);
      if (share.hadNs === Number.POSITIVE_INFINITY) share.hadNs = tailNs;
      else share.hadNs = Math.min(Math.max(share.hadNs, ring.clockNs), 2 * tailNs - ring.clockNs);
      share.sequence = ++this.#sequence;
      ring.shares.insert(share);
    } else if (share.ready === 0) ring.shares.remove(share);
  }

  /** Fills the allowance for the time gone by, and moves the account's programs if it is spent now, or no longer. */
  #touch(account: Account, nowNs: number): void {
    const burstNs = this.#burstNs;
    if (!Number.isFinite(burstNs)) return;
    const filledNs = this.#mode.burstShare * this.#lanes * Math.max(0, nowNs - account.refilledAtNs);
    account.allowanceNs = Math.min(burstNs, account.allowanceNs + filledNs);
    account.refilledAtNs = Math.max(nowNs, account.refilledAtNs);
    // Half full before it counts again: otherwise an account would move to and fro with every slice.
    const isSpent = account.allowanceNs <= 0 || (account.hasSpentAllowance && account.allowanceNs < burstNs / 2);
    if (isSpent === account.hasSpentAllowance) return;
    const { lists } = account;
    lists.forEach((list, index) => {
      if (list.count > 0) this.#count(shareOf(account, this.#classOfList(account, index)), -list.count);
    });
    account.hasSpentAllowance = isSpent;
    lists.forEach((list, index) => {
      if (list.count > 0) this.#count(shareOf(account, this.#classOfList(account, index)), list.count);
    });
  }

  /** Accounts without programs and with a full allowance are as good as new: forgotten when they pile up. */
  #forgetIdle(nowNs: number): void {
    if (this.#accounts.size < 2 * this.#live + 64) return;
    for (const [key, account] of this.#accounts) {
      if (account.live > 0) continue;
      this.#touch(account, nowNs);
      if (account.allowanceNs >= this.#burstNs) this.#accounts.delete(key);
    }
  }
}

function accountOf(program: Program): Account {
  if (program.account === undefined) throw new RangeError(`slot ${program.slot} has no program`);
  return program.account;
}

function shareOf(account: Account, classIndex: number): Share {
  const share = account.shares[classIndex];
  if (share === undefined) throw new RangeError(`class ${classIndex} of ${account.shares.length}`);
  return share;
}

function listOf(account: Account, index: number): ProgramList {
  const list = account.lists[index];
  if (list === undefined) throw new RangeError(`list ${index} of ${account.lists.length}`);
  return list;
}
