/**
 * Whose turn it is: the policy, pure. Events and a clock go in, decisions come out; it touches no process, no file and no
 * shared word, so that tests run it through thousands of random schedules in simulated time.
 *
 *     arrive, took, stopped, ended, cancel, lanes --> [ Turns ] --> decide(now): run, stop, kill, refuse; alarm
 *
 * All events since the last look are told first, in any order, then `decide` is asked once; its decisions are carried out
 * in their order. A lane is passed on in two steps, `stop` now and `run` only after `stopped` or `ended` has been told for
 * the slot that held it: so there are never more runnable programs than lanes, however slow a stop is.
 *
 * What it promises (mode `las`; modes.ts has the numbers and the other modes, accounts.ts how the line is sorted):
 *
 * - A newcomer takes a lane at once from whoever has had most, unless all lanes are held by programs as new as itself.
 * - Within a level programs take turns; between users that wait in the same level lane time is equal to within one slice.
 * - Every started program has its turn within `boundNs`, whatever arrives, as long as memory suffices for its growth: one
 *   that is overdue gets a protected turn of the shortest slice, at most one in each guard period, longest overdue first.
 * - Service is time on a lane, sleeping or not; time stopped or waiting counts for nothing.
 *
 * An event costs O(log users); `decide` costs O(lanes), and O(parked programs) when memory has become free.
 */

import { Accounts } from './turns/accounts.js';
import { Lanes } from './turns/lanes.js';
import { MemoryBudget } from './turns/memory.js';
import { boundNs, type Mode, modeOf } from './turns/modes.js';
import { Program } from './turns/program.js';
import type { Arrival, Crowd, Decision, Decisions, KnownProgram, TurnsOptions } from './turns/protocol.js';

export { MAX_PRIORITY } from './turns/accounts.js';
export { levelsOf, type ModeName } from './turns/modes.js';
export type { Arrival, Crowd, Decision, Decisions, KnownProgram, TurnsOptions } from './turns/protocol.js';

export class Turns {
  readonly #mode: Mode;
  readonly #programs: readonly Program[];
  readonly #accounts: Accounts;
  readonly #memory: MemoryBudget;
  readonly #refusedAboveBytes: number;
  readonly #lanes = new Lanes();
  readonly #shortestSliceNs: number;
  #live = 0;
  #decisions: Decision[] = [];
  #memoryHasChanged = false;
  /** No protected turn before this; and one is promised to a lane that is being freed. */
  #guardAtNs = 0;
  #isGuardComing = false;

  constructor({ slots, lanes, mode = 'las', sliceNs, memoryBytes = Number.POSITIVE_INFINITY }: TurnsOptions) {
    this.#mode = modeOf(mode, sliceNs);
    this.#programs = Array.from({ length: slots }, (_, slot) => new Program(slot));
    this.#accounts = new Accounts(this.#mode);
    this.#memory = new MemoryBudget(memoryBytes, this.#mode.isSharedByUser);
    this.#refusedAboveBytes = memoryBytes;
    this.#shortestSliceNs = Math.min(...this.#mode.levels.map((level) => level.sliceNs));
    this.setLanes(lanes);
  }

  // ---- events -------------------------------------------------------------------------------------------------------

  /** A program asks for its first turn. @throws RangeError if the slot has a program already */
  arrive(arrival: Arrival, nowNs: number): void {
    const program = this.#enter(arrival, nowNs);
    if (arrival.limitBytes > this.#refusedAboveBytes) {
      this.#decisions.push({ kind: 'refuse', slot: program.slot });
      this.#forget(program);
    } else this.#wait(program, false, nowNs);
  }

  /**
   * A program that has arrived took an idle lane by itself at `sinceNs`. If the policy thought that another one was there,
   * that one is off the lane: it ended and this is about to be told, or it was never let in.
   */
  took(slot: number, lane: number, sinceNs: number): void {
    const program = this.#at(slot);
    const holder = this.#lanes.holder(lane);
    // Refused ones are forgotten already: they hold the lane until they are killed, but never get another.
    if (program.isOnLane || program.phase === 'dying' || program.phase === 'absent' || holder === program) return;
    if (holder) this.#putBack(holder, sinceNs);
    this.#takeFromLine(program);
    this.#occupy(program, lane, sinceNs, this.#accounts.sliceNs(program.serviceNs), false);
  }

  /** The lane of a `run` just decided was in other hands: the program waits again, at the front, as if never chosen. */
  denied(slot: number, nowNs: number): void {
    const program = this.#at(slot);
    if (program.isOnLane) this.#putBack(program, Math.min(nowNs, program.sinceNs));
  }

  /** The cell of a slot has seen all its processes stopped; `memoryBytes` is what they use. */
  stopped(slot: number, nowNs: number, memoryBytes?: number): void {
    const program = this.#at(slot);
    if (!program.isOnLane) return; // told twice, or a bell that rang late
    this.#leaveLane(program, nowNs);
    this.#memory.observe(program, memoryBytes);
    this.#memoryHasChanged = true;
    if (program.phase === 'dying') return;
    // Interrupted before it had what a turn is at least: the turn goes on next time, before its equals.
    const isCutShort = program.turnNs < Math.min(this.#shortestSliceNs, this.#accounts.sliceNs(program.serviceNs));
    if (!isCutShort) program.turnNs = 0;
    this.#wait(program, isCutShort, nowNs);
  }

  /** The program is gone: it ended, was killed, its cell or its front died. Its slot may be used again. */
  ended(slot: number, nowNs: number): void {
    const program = this.#at(slot);
    if (program.phase === 'absent') return;
    if (program.isOnLane) this.#leaveLane(program, nowNs);
    else this.#takeFromLine(program);
    this.#memoryHasChanged = true;
    this.#forget(program);
  }

  /** Nobody wants the program any more: it gets no further turn and is to be killed. It holds its lane until `ended`. */
  cancel(slot: number): void {
    const program = this.#at(slot);
    if (program.phase === 'absent' || program.phase === 'dying') return;
    if (!program.isOnLane) this.#takeFromLine(program);
    program.phase = 'dying';
    this.#decisions.push({ kind: 'kill', slot });
  }

  /** Lanes in use are 0 to count - 1. Whoever runs on a lane beyond is stopped and waits for another. */
  setLanes(count: number): void {
    this.#lanes.setCount(count);
    this.#accounts.lanes = count;
  }

  /**
   * Forgets everything and begins with these programs, in the order given (who has waited longest first). Programs with a
   * lane are taken to be running there.
   */
  rebuild(programs: Iterable<KnownProgram>, nowNs: number): void {
    for (const program of this.#programs) this.ended(program.slot, nowNs);
    this.#decisions = [];
    this.#isGuardComing = false;
    // All enter before the first one waits: patience depends on how many there are.
    const entered = [...programs].map((known) => ({ known, program: this.#enter(known, nowNs) }));
    for (const { known, program } of entered) this.#resume(program, known, nowNs);
  }

  #resume(program: Program, known: KnownProgram, nowNs: number): void {
    program.serviceNs = known.serviceNs;
    program.turns = known.turns;
    program.isStarted = known.turns > 0 || known.lane !== undefined;
    if (known.lane !== undefined && !this.#lanes.holder(known.lane)) {
      this.#occupy(program, known.lane, known.laneSinceNs, this.#accounts.sliceNs(known.serviceNs), false);
      program.turns = Math.max(1, known.turns); // the turn that goes on has been counted
      return;
    }
    if (program.isStarted) {
      this.#memory.occupy(program);
      this.#memory.observe(program, known.memoryBytes);
    }
    this.#wait(program, false, nowNs);
  }

  // ---- decisions ----------------------------------------------------------------------------------------------------

  /** What to do now. Times on the clock of the events, which never goes back. */
  decide(nowNs: number): Decisions {
    if (this.#memoryHasChanged) this.#unparkFitting(nowNs);
    this.#fillLanes(nowNs);
    this.#endSlices(nowNs);
    this.#preempt(nowNs);
    const decisions = this.#decisions;
    this.#decisions = [];
    return { decisions, alarmNs: this.waiting === 0 ? Number.POSITIVE_INFINITY : this.#lanes.nextEndNs(nowNs) };
  }

  #fillLanes(nowNs: number): void {
    for (let lane = 0; lane < this.#lanes.count; lane++) {
      if (this.#lanes.holder(lane)) continue;
      if (!this.#fill(lane, nowNs)) return;
    }
  }

  /** Gives a free lane to whoever is next; those that turn out not to fit into memory are parked on the way. */
  #fill(lane: number, nowNs: number): boolean {
    this.#isGuardComing = false; // it comes now, or there is nobody overdue any more
    for (;;) {
      const overdue = this.#dueForGuard(nowNs);
      const program = overdue ?? this.#accounts.next() ?? this.#exempt(nowNs);
      if (!program) return false;
      if (this.#memory.canRun(program)) {
        if (overdue) this.#guardAtNs = nowNs + this.#mode.guardPeriodNs;
        this.#run(program, lane, nowNs, overdue !== undefined);
        return true;
      }
      this.#accounts.remove(program);
      this.#memory.park(program);
    }
  }

  /** When memory suffices for nobody and nobody runs, one goes on all the same. */
  #exempt(nowNs: number): Program | undefined {
    if (this.#lanes.isAnyHeld) return undefined;
    const program = this.#memory.exempt();
    if (program) this.#wait(program, false, nowNs);
    return program;
  }

  /** Memory has become free: those it suffices for wait for a lane again, in the order they were parked. */
  #unparkFitting(nowNs: number): void {
    this.#memoryHasChanged = false;
    for (const program of this.#memory.fitting()) {
      this.#memory.unpark(program);
      this.#wait(program, false, nowNs);
    }
  }

  #run(program: Program, lane: number, nowNs: number, isProtected: boolean): void {
    const isServed = program === this.#accounts.next();
    this.#accounts.remove(program);
    const sliceNs = isProtected ? this.#shortestSliceNs : this.#accounts.sliceNs(program.serviceNs) - program.turnNs;
    this.#occupy(program, lane, nowNs, sliceNs, isServed);
    program.protectedUntilNs = isProtected ? nowNs + sliceNs : nowNs;
    this.#decisions.push({ kind: 'run', slot: program.slot, lane });
  }

  /** Ends the stays whose slice is over and whose lane, or memory, somebody wants who is not behind them; the others go on. */
  #endSlices(nowNs: number): void {
    for (const program of this.#lanes.running()) {
      if (program.lane >= this.#lanes.count) this.#stop(program);
      else if (program.sliceEndNs <= nowNs) this.#endSlice(program, nowNs);
    }
  }

  #endSlice(program: Program, nowNs: number): void {
    const serviceNs = program.serviceAtNs(nowNs);
    const hasSuccessor = this.#accounts.readyUpTo(this.#accounts.ringOf(program, serviceNs)) > this.#lanesComing();
    if (!hasSuccessor && !this.#isGuardComing && this.#dueForGuard(nowNs)) this.#isGuardComing = true;
    else if (!hasSuccessor && !this.#memory.mightFitBeside(program)) {
      this.#settle(program, nowNs);
      const sliceNs = this.#accounts.sliceNs(program.serviceNs);
      program.turnNs = 0;
      program.sliceEndNs = nowNs + sliceNs;
      this.#accounts.prepay(program, sliceNs, false);
      return;
    }
    this.#stop(program);
  }

  /** Takes lanes from those who have had most, one for each program that waits in a better ring. */
  #preempt(nowNs: number): void {
    for (;;) {
      const victim = this.#lanes.worst((program) => this.#accounts.ringOf(program, program.serviceAtNs(nowNs)), nowNs);
      if (!victim || this.#accounts.readyUpTo(victim.ring - 1) <= this.#lanesComing()) return;
      this.#stop(victim.program);
    }
  }

  #stop(program: Program): void {
    program.phase = 'stopping';
    this.#decisions.push({ kind: 'stop', slot: program.slot, lane: program.lane });
  }

  /** Lanes that will be free without a further decision. */
  #lanesComing(): number {
    return Math.max(0, this.#lanes.coming - (this.#isGuardComing ? 1 : 0));
  }

  #dueForGuard(nowNs: number): Program | undefined {
    return nowNs < this.#guardAtNs ? undefined : this.#accounts.overdue(nowNs);
  }

  // ---- answers ------------------------------------------------------------------------------------------------------

  /** Programs that have arrived and not ended. */
  get live(): number {
    return this.#live;
  }

  /** Programs that want a lane and have none, those without memory too: what WAITERS of the process table should be. */
  get waiting(): number {
    return this.#accounts.ready + this.#memory.parkedCount;
  }

  level(slot: number, nowNs: number): number {
    return this.#accounts.levelOf(this.#at(slot).serviceAtNs(nowNs));
  }

  turns(slot: number): number {
    return this.#at(slot).turns;
  }

  serviceNs(slot: number, nowNs: number): number {
    return this.#at(slot).serviceAtNs(nowNs);
  }

  /** Longest wait of a started program for its next turn, in ns, while the crowd is no larger than this. See modes.ts. */
  boundNs(crowd: Crowd): number {
    return boundNs(this.#mode, this.#lanes.count, crowd);
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #at(slot: number): Program {
    const program = this.#programs[slot];
    if (program === undefined) throw new RangeError(`slot: expected 0 to ${this.#programs.length - 1}, got ${slot}`);
    return program;
  }

  #enter({ slot, user, priority, limitBytes }: Arrival, nowNs: number): Program {
    const program = this.#at(slot);
    if (program.phase !== 'absent') throw new RangeError(`slot ${slot} has a program already (${program.phase})`);
    program.limitBytes = limitBytes;
    this.#accounts.enter(program, user, priority, nowNs);
    this.#live++;
    return program;
  }

  #forget(program: Program): void {
    this.#memory.release(program);
    this.#accounts.leave(program);
    program.reset();
    this.#live--;
  }

  #wait(program: Program, atFront: boolean, nowNs: number): void {
    if (!this.#memory.canRun(program)) {
      this.#memory.park(program);
      return;
    }
    program.phase = 'ready';
    this.#accounts.add(program, atFront, nowNs);
    if (!program.isStarted) this.#hurryOwn(program, nowNs);
  }

  /** A newcomer whose user has spent the allowance preempts nobody else's program, but one of its own user's. */
  #hurryOwn(newcomer: Program, nowNs: number): void {
    if (!newcomer.account?.hasSpentAllowance) return;
    let oldest: Program | undefined;
    for (const program of this.#lanes.running()) {
      if (program.account !== newcomer.account) continue;
      if (program.sliceEndNs <= nowNs) continue; // its lane is for somebody already
      if (this.#accounts.levelOf(program.serviceAtNs(nowNs)) === 0) continue;
      if (!oldest || program.serviceAtNs(nowNs) > oldest.serviceAtNs(nowNs)) oldest = program;
    }
    if (oldest) oldest.sliceEndNs = Math.min(oldest.sliceEndNs, Math.max(nowNs, oldest.protectedUntilNs));
  }

  #takeFromLine(program: Program): void {
    if (program.phase === 'ready') this.#accounts.remove(program);
    else if (program.phase === 'parked') this.#memory.unpark(program);
  }

  #occupy(program: Program, lane: number, sinceNs: number, sliceNs: number, isServed: boolean): void {
    program.phase = 'running';
    program.isStarted = true;
    program.lane = lane;
    program.sinceNs = sinceNs;
    program.sliceEndNs = sinceNs + sliceNs;
    program.protectedUntilNs = sinceNs;
    if (program.turnNs === 0) program.turns++;
    this.#lanes.hold(lane, program);
    this.#memory.occupy(program);
    this.#accounts.prepay(program, sliceNs, isServed);
  }

  #settle(program: Program, nowNs: number): void {
    const usedNs = Math.max(0, nowNs - program.sinceNs);
    program.serviceNs += usedNs;
    program.turnNs += usedNs;
    program.sinceNs = nowNs;
    this.#accounts.settle(program, usedNs, nowNs);
  }

  #leaveLane(program: Program, nowNs: number): void {
    this.#settle(program, nowNs);
    this.#lanes.leave(program.lane);
    program.lane = -1;
  }

  /** Takes a program off a lane on which it did not get to run after `nowNs`. */
  #putBack(program: Program, nowNs: number): void {
    const hasRun = nowNs > program.sinceNs;
    this.#leaveLane(program, nowNs);
    if (!hasRun && program.turnNs === 0) {
      program.turns--;
      program.isStarted = program.turns > 0;
      if (!program.isStarted) this.#memory.release(program);
    }
    this.#memoryHasChanged = true;
    if (program.phase !== 'dying') this.#wait(program, true, nowNs);
  }
}
