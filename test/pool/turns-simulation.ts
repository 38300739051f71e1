/**
 * A machine in simulated time, driven by the policy of turns, and a book-keeper who believes nothing: it keeps its own
 * record of who is on which lane, since when, and how much each program has had, and throws at the first decision that
 * breaks a promise of turns.ts. A schedule is plain data, so that fast-check can make thousands and shrink one that fails.
 *
 *     schedule (what happens when) --> machine --(events)--> Turns --(decisions)--> machine, checked one by one
 */

import type { Decision, KnownProgram, ModeName, Turns } from '../../src/pool/turns.js';

export type TurnsClass = new (...args: ConstructorParameters<typeof Turns>) => Turns;

export type Happening =
  | { kind: 'arrive'; user: number; priority: number; demandNs: number; limitBytes: number; useBytes: number }
  | { kind: 'cancel'; which: number }
  | { kind: 'lanes'; count: number }
  /** All programs of one of three fronts are lost, and run again from the beginning. */
  | { kind: 'front dies'; which: number }
  /** The primary starts anew and knows what the process table says. */
  | { kind: 'rebuild' };

export interface Schedule {
  readonly mode: ModeName;
  readonly lanes: number;
  readonly memoryBytes: number;
  /** How long stops take, in turn. */
  readonly stopNs: readonly number[];
  /** Whether a newcomer that finds an idle lane takes it by itself, in turn. */
  readonly takes: readonly boolean[];
  /** How many of the first `run`s find their lane in other hands for a moment. */
  readonly denials: number;
  readonly happenings: readonly { readonly afterNs: number; readonly what: Happening }[];
}

interface Job {
  readonly id: number;
  readonly user: number;
  readonly priority: number;
  readonly demandNs: number;
  readonly limitBytes: number;
  readonly useBytes: number;
  slot: number;
  serviceNs: number;
  turns: number;
  lane: number;
  sinceNs: number;
  /** When its stop takes effect; undefined = it is not being stopped. */
  stopsAtNs: number | undefined;
  waitsSinceNs: number;
  isStarted: boolean;
  isCancelled: boolean;
}

export interface Outcome {
  readonly ended: number;
  readonly cancelled: number;
  readonly refused: number;
  readonly stops: number;
  readonly runs: number;
  readonly longestWaitNs: number;
}

const SLOTS = 64;
const MAX_STEPS = 200_000;

export class Machine {
  readonly turns: Turns;
  readonly #schedule: Schedule;
  readonly #bySlot: (Job | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** Arrived while all slots were in use. */
  readonly #outside: Job[] = [];
  readonly #lanes = new Map<number, Job>();
  readonly #stopNs: () => number;
  readonly #takes: () => boolean;
  #denials: number;
  #laneCount: number;
  #fewestLanes: number;
  #nowNs = 0;
  #alarmNs = Number.POSITIVE_INFINITY;
  #jobs = 0;
  #peak = { programs: 0, ofUser: 0, users: new Set<string>() };
  #outcome = { ended: 0, cancelled: 0, refused: 0, stops: 0, runs: 0, longestWaitNs: 0 };

  constructor(Policy: TurnsClass, schedule: Schedule) {
    const { mode, lanes, memoryBytes } = schedule;
    this.#schedule = schedule;
    this.turns = new Policy({ slots: SLOTS, lanes, mode, memoryBytes });
    this.#laneCount = lanes;
    this.#fewestLanes = lanes;
    this.#denials = schedule.denials;
    this.#stopNs = inTurn(schedule.stopNs, 0);
    this.#takes = inTurn(schedule.takes, false);
  }

  /** Runs the schedule until every program has ended. @throws Error that says which promise was broken, and when */
  run(): Outcome {
    let next = 0;
    let atNs = this.#schedule.happenings[0]?.afterNs ?? 0;
    for (let step = 0; ; step++) {
      if (step > MAX_STEPS) this.#broken('it comes to no end');
      const machineNs = this.#nextNs();
      const happening = this.#schedule.happenings[next];
      if (happening && atNs <= machineNs) {
        this.#nowNs = atNs;
        this.#happen(happening.what);
        next++;
        atNs += this.#schedule.happenings[next]?.afterNs ?? 0;
      } else if (machineNs < Number.POSITIVE_INFINITY) {
        this.#nowNs = machineNs;
        this.#proceed();
      } else break;
      this.#decide();
      this.#check();
    }
    const left = this.#live();
    if (left.length > 0) this.#broken(`lost: ${left.map(({ id }) => id).join(', ')} never end, and nothing is to come`);
    if (this.turns.live !== 0 || this.turns.waiting !== 0) this.#broken('the policy knows programs that have ended');
    return this.#outcome;
  }

  // ---- what happens -------------------------------------------------------------------------------------------------

  #happen(what: Happening): void {
    switch (what.kind) {
      case 'arrive':
        this.#arrive(what);
        break;
      case 'cancel': {
        const live = this.#live();
        const job = live[what.which % Math.max(1, live.length)];
        if (!job || job.isCancelled) break;
        job.isCancelled = true;
        this.turns.cancel(job.slot);
        break;
      }
      case 'lanes':
        this.#laneCount = what.count;
        this.#fewestLanes = Math.min(this.#fewestLanes, what.count);
        this.turns.setLanes(what.count);
        break;
      case 'front dies':
        for (const job of this.#live()) {
          if (job.slot % 3 !== what.which) continue;
          this.#leave(job);
          if (!job.isCancelled) this.#arrive(job);
        }
        break;
      case 'rebuild':
        this.#rebuild();
        break;
    }
  }

  #arrive(program: Omit<Extract<Happening, { kind: 'arrive' }>, 'kind'>): void {
    const { user, priority, demandNs, limitBytes, useBytes } = program;
    const job: Job = {
      ...{ id: this.#jobs++, user, priority, demandNs, limitBytes, useBytes },
      ...{ slot: -1, serviceNs: 0, turns: 0, lane: -1, sinceNs: 0, stopsAtNs: undefined },
      ...{ waitsSinceNs: this.#nowNs, isStarted: false, isCancelled: false },
    };
    this.#outside.push(job);
    this.#admit();
  }

  #admit(): void {
    for (let slot = 0; slot < SLOTS && this.#outside.length > 0; slot++) {
      if (this.#bySlot[slot]) continue;
      const job = this.#outside.shift();
      if (!job) return;
      job.slot = slot;
      this.#bySlot[slot] = job;
      const waiters = this.turns.waiting;
      this.turns.arrive(job, this.#nowNs);
      // The rule of the process table: an idle lane is taken without asking only while nobody waits.
      const lane = this.#idleLane();
      const fits = this.#schedule.memoryBytes === Number.POSITIVE_INFINITY;
      if (waiters === 0 && lane !== undefined && fits && this.#takes()) {
        this.turns.took(slot, lane, this.#nowNs);
        this.#begin(job, lane);
      }
    }
    this.#notePeak();
  }

  #rebuild(): void {
    const known: KnownProgram[] = this.#live()
      .sort((a, b) => a.waitsSinceNs - b.waitsSinceNs)
      .map((job) => ({
        ...job,
        lane: job.lane < 0 ? undefined : job.lane,
        laneSinceNs: job.sinceNs,
        memoryBytes: job.lane < 0 ? job.useBytes : undefined,
      }));
    this.turns.rebuild(known, this.#nowNs);
    for (const job of this.#live()) {
      if (job.isCancelled) this.turns.cancel(job.slot);
      // A stop under way was forgotten with the policy: the cell goes on with it and tells when it is done.
      if (job.lane < 0) job.waitsSinceNs = this.#nowNs;
    }
  }

  /** What the machine does by itself at this moment: stops take effect, programs come to their end. */
  #proceed(): void {
    for (const job of [...this.#lanes.values()]) {
      const usedNs = this.#nowNs - job.sinceNs;
      if (job.serviceNs + usedNs >= job.demandNs) {
        this.#outcome.ended++;
        this.#leave(job);
        this.#admit();
      } else if (job.stopsAtNs !== undefined && job.stopsAtNs <= this.#nowNs) {
        job.serviceNs += usedNs;
        this.#lanes.delete(job.lane);
        job.lane = -1;
        job.stopsAtNs = undefined;
        job.waitsSinceNs = this.#nowNs;
        this.turns.stopped(job.slot, this.#nowNs, job.useBytes);
        this.turns.stopped(job.slot, this.#nowNs, job.useBytes); // a bell may ring twice
        const servedNs = this.turns.serviceNs(job.slot, this.#nowNs);
        if (servedNs !== job.serviceNs) this.#broken(`${job.id} is charged ${servedNs}, it had ${job.serviceNs}`);
      }
    }
  }

  // ---- what is decided ----------------------------------------------------------------------------------------------

  #decide(): void {
    const { decisions, alarmNs } = this.turns.decide(this.#nowNs);
    this.#alarmNs = alarmNs;
    if (alarmNs <= this.#nowNs) this.#broken('an alarm that is not to come');
    let hasChanged = false;
    for (const decision of decisions) hasChanged = this.#carryOut(decision) || hasChanged;
    if (!hasChanged) return;
    this.#admit();
    this.#decide();
  }

  /** @returns whether the policy has to be asked again */
  #carryOut(decision: Decision): boolean {
    const job = this.#bySlot[decision.slot];
    if (!job) this.#broken(`${decision.kind} of slot ${decision.slot}, which is empty`);
    switch (decision.kind) {
      case 'run':
        if (job.isCancelled) this.#broken(`${job.id} runs though it was cancelled`);
        if (job.lane >= 0) this.#broken(`${job.id} runs twice`);
        if (decision.lane >= this.#laneCount) this.#broken(`lane ${decision.lane} of ${this.#laneCount}`);
        if (this.#lanes.has(decision.lane)) this.#broken(`lane ${decision.lane} is given twice`);
        if (this.#denials-- > 0) {
          this.turns.denied(job.slot, this.#nowNs);
          return true;
        }
        this.#begin(job, decision.lane);
        return false;
      case 'stop':
        if (job.lane !== decision.lane)
          this.#broken(`${job.id} is stopped on lane ${decision.lane}, it is on ${job.lane}`);
        this.#outcome.stops++;
        job.stopsAtNs ??= this.#nowNs + this.#stopNs();
        return false;
      case 'kill':
        if (!job.isCancelled) this.#broken(`${job.id} is killed though nobody cancelled it`);
        this.#outcome.cancelled++;
        this.#leave(job);
        return true;
      case 'refuse':
        if (job.limitBytes <= this.#schedule.memoryBytes) this.#broken(`${job.id} is refused though it fits`);
        this.#outcome.refused++;
        this.#bySlot[job.slot] = undefined;
        return true;
    }
  }

  #begin(job: Job, lane: number): void {
    const waitedNs = this.#nowNs - job.waitsSinceNs;
    if (job.isStarted) this.#outcome.longestWaitNs = Math.max(this.#outcome.longestWaitNs, waitedNs);
    this.#outcome.runs++;
    job.isStarted = true;
    job.turns++;
    job.lane = lane;
    job.sinceNs = this.#nowNs;
    this.#lanes.set(lane, job);
  }

  #leave(job: Job): void {
    this.turns.ended(job.slot, this.#nowNs);
    this.#bySlot[job.slot] = undefined;
    if (job.lane >= 0) this.#lanes.delete(job.lane);
    job.lane = -1;
  }

  // ---- what must hold -----------------------------------------------------------------------------------------------

  #check(): void {
    const waiting = this.#live().filter((job) => job.lane < 0 && !job.isCancelled);
    if (waiting.length !== this.turns.waiting)
      this.#broken(`${waiting.length} wait, the policy says ${this.turns.waiting}`);
    for (const { id, lane, stopsAtNs } of this.#lanes.values()) {
      if (lane >= this.#laneCount && stopsAtNs === undefined)
        this.#broken(`${id} stays on lane ${lane}, which is gone`);
    }
    if (this.#schedule.memoryBytes !== Number.POSITIVE_INFINITY) this.#checkMemory(waiting);
    else {
      if (waiting.length > 0 && this.#idleLane() !== undefined) this.#broken('a lane is idle though somebody waits');
      this.#checkWaits(waiting);
    }
  }

  #checkWaits(waiting: readonly Job[]): void {
    const boundNs = this.#boundNs();
    for (const { id, isStarted, waitsSinceNs } of waiting) {
      if (isStarted && this.#nowNs - waitsSinceNs > boundNs) this.#broken(`${id} waits longer than ${boundNs}`);
    }
  }

  #checkMemory(waiting: readonly Job[]): void {
    const live = this.#live();
    let usedBytes = 0;
    let largestBytes = 0;
    for (const job of live) {
      if (job.isStarted) usedBytes += job.lane >= 0 ? job.limitBytes : job.useBytes;
      largestBytes = Math.max(largestBytes, job.limitBytes);
    }
    if (usedBytes > this.#schedule.memoryBytes + largestBytes) this.#broken(`${usedBytes} bytes are in use`);
    if (waiting.length > 0 && waiting.length === live.length) this.#broken('nobody runs though somebody waits');
  }

  #boundNs(): number {
    const { programs, ofUser, users } = this.#peak;
    // The smallest number of lanes there was gives the longest bound.
    const lanes = this.#laneCount;
    this.turns.setLanes(this.#fewestLanes);
    const stopNs = Math.max(0, ...this.#schedule.stopNs);
    const boundNs = this.turns.boundNs({ programs, users: users.size, ofUser, stopNs });
    this.turns.setLanes(lanes);
    return boundNs;
  }

  #notePeak(): void {
    const live = this.#live();
    const counts = new Map<string, number>();
    for (const { user, priority } of live) {
      const key = `${user}/${priority}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      this.#peak.users.add(key);
    }
    this.#peak.programs = Math.max(this.#peak.programs, live.length);
    this.#peak.ofUser = Math.max(this.#peak.ofUser, ...counts.values());
  }

  #nextNs(): number {
    let nextNs = this.#alarmNs;
    for (const job of this.#lanes.values()) {
      nextNs = Math.min(nextNs, job.sinceNs + job.demandNs - job.serviceNs, job.stopsAtNs ?? Number.POSITIVE_INFINITY);
    }
    return nextNs;
  }

  #idleLane(): number | undefined {
    for (let lane = 0; lane < this.#laneCount; lane++) if (!this.#lanes.has(lane)) return lane;
    return undefined;
  }

  #live(): Job[] {
    return this.#bySlot.filter((job) => job !== undefined);
  }

  #broken(promise: string): never {
    throw new Error(`at ${this.#nowNs / 1e6} ms: ${promise}`);
  }
}

function inTurn<T>(values: readonly T[], otherwise: T): () => T {
  let next = 0;
  return () => values[next++ % Math.max(1, values.length)] ?? otherwise;
}
