/**
 * Which programs may be started: a stopped program keeps its memory, so their number is bounded by memory.
 *
 * A program is charged with its limit while it may grow (from its start until it is seen stopped) and with what it was
 * seen to use while it is stopped; so at the end of its slice it is stopped too if somebody who waits for memory might
 * have it then. It may run if what it can still grow by is free. A newcomer may start if, besides, its
 * user would then hold no more than is left free: so a user alone gets half, two a third each, and there is always room
 * for the next user's first (dynamic thresholds, as in the buffers of network switches). The same goes for all that are
 * behind others by priority: what a retest of many users has started must not keep the live contest out.
 *
 * If nothing that waits may run and nothing runs, the started one parked longest runs all the same, and stays exempt
 * until it ends: it is the one whose end will free memory. As only one is exempt at a time, all together never have more
 * than the budget and the largest limit of one program.
 */

import { MAX_PRIORITY } from './accounts.js';
import { type Program, ProgramList } from './program.js';

export class MemoryBudget {
  readonly #budgetBytes: number;
  /** Charges of all started programs but the exempt one. */
  #usedBytes = 0;
  #exempt: Program | undefined;
  readonly #isSharedByUser: boolean;
  /** Charges by priority. */
  readonly #heldBytes: number[] = Array.from({ length: MAX_PRIORITY + 1 }, () => 0);
  /** Programs that wait for memory, not for a lane. */
  readonly #parked = new ProgramList();

  constructor(budgetBytes: number, isSharedByUser: boolean) {
    this.#budgetBytes = budgetBytes;
    this.#isSharedByUser = isSharedByUser;
  }

  canRun(program: Program): boolean {
    return program === this.#exempt || this.#fits(program, this.#budgetBytes - this.#usedBytes, 0);
  }

  /** @param givenBackBytes of what it shares with others */
  #fits(program: Program, freeBytes: number, givenBackBytes: number): boolean {
    const growthBytes = program.limitBytes - program.chargedBytes;
    if (program.isStarted) return growthBytes <= 0 || growthBytes <= freeBytes;
    const heldBytes = this.#isSharedByUser ? this.#sharedBytes(program) : 0;
    return heldBytes - givenBackBytes + program.limitBytes <= freeBytes;
  }

  /** What its user holds, who may hold no more than is free besides; and so may all together that are as far behind as it is. */
  #sharedBytes({ priority, account }: Program): number {
    const ownBytes = account?.heldBytes ?? 0;
    if (priority === 0) return ownBytes;
    return this.#heldBytes.reduce((sum, bytes, index) => (index < priority ? sum : sum + bytes), ownBytes);
  }

  /** What of it a program would give back to another's share. */
  #sharedWith({ priority, account }: Program, other: Program): number {
    if (!this.#isSharedByUser) return 0;
    const own = account === other.account ? other.chargedBytes : 0;
    return own + (priority > 0 && other.priority >= priority ? other.chargedBytes : 0);
  }

  // ---- programs that wait for memory --------------------------------------------------------------------------------

  get parkedCount(): number {
    return this.#parked.count;
  }

  park(program: Program): void {
    program.phase = 'parked';
    this.#parked.pushBack(program);
  }

  unpark(program: Program): void {
    this.#parked.remove(program);
  }

  /** Those that may run now, in the order they were parked. */
  fitting(): Program[] {
    const found: Program[] = [];
    for (let program = this.#parked.head; program; program = program.next) {
      if (this.canRun(program)) found.push(program);
    }
    return found;
  }

  /** Whether somebody parked might run if this running program turned out to use next to nothing. */
  mightFitBeside(running: Program): boolean {
    const { chargedBytes } = running;
    const freeBytes = this.#budgetBytes - this.#usedBytes + (running === this.#exempt ? 0 : chargedBytes);
    for (let program = this.#parked.head; program; program = program.next) {
      if (this.#fits(program, freeBytes, this.#sharedWith(program, running))) return true;
    }
    return false;
  }

  /** Unparks the one that may run whatever it needs, a started one before others; undefined when there is one already. */
  exempt(): Program | undefined {
    if (this.#exempt !== undefined) return undefined;
    let chosen = this.#parked.head;
    for (let program = chosen; program && !chosen?.isStarted; program = program.next) {
      if (program.isStarted) chosen = program;
    }
    if (!chosen) return undefined;
    this.#usedBytes -= chosen.chargedBytes;
    this.#exempt = chosen;
    this.#parked.remove(chosen);
    return chosen;
  }

  // ---- charges ------------------------------------------------------------------------------------------------------

  /** The program starts or goes on: it may grow up to its limit. */
  occupy(program: Program): void {
    this.#charge(program, program.limitBytes);
  }

  /** The program is stopped and was seen to use this much; undefined = not known, the limit stays charged. */
  observe(program: Program, memoryBytes: number | undefined): void {
    if (memoryBytes !== undefined) this.#charge(program, Math.min(Math.max(0, memoryBytes), program.limitBytes));
  }

  release(program: Program): void {
    this.#charge(program, 0);
    if (program === this.#exempt) this.#exempt = undefined;
  }

  #charge(program: Program, bytes: number): void {
    const change = bytes - program.chargedBytes;
    program.chargedBytes = bytes;
    if (program.account) program.account.heldBytes += change;
    this.#heldBytes[program.priority] = (this.#heldBytes[program.priority] ?? 0) + change;
    if (program !== this.#exempt) this.#usedBytes += change;
  }
}
