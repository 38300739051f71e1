/**
 * The scheduler: the one place that decides whose turn it is. It looks at the process table, tells the policy what has
 * happened since it last looked, and carries out what the policy says.
 *
 *     process table --(what changed)--> policy (turns.ts, pure) --(decisions)--> words and lanes --(doorbell)--> cells
 *
 * It runs in a thread of the primary that does nothing else, and sleeps on one futex word, the bell. The bell is rung by
 * runners (somebody waits), by cells (somebody has ended while others wait, or has stopped as told) and by SIGALRM (a slice
 * is over). There is no queue of events that could overflow or be lost with its writer: each look compares the whole table
 * with what was seen before, so a scheduler that starts anew, or a bell that rang twice, makes no difference.
 */

import { constants } from 'node:os';
import { DOORBELL_SIGNAL } from '../pool/cell.js';
import { SlotState, Wanted } from '../pool/cell-layout.js';
import type { ProcessTable } from '../pool/process-table.js';
import { type Decision, type ModeName, Turns } from '../pool/turns.js';
import { native } from '../shm/native.js';
import { NS_PER_MS, NS_PER_S, type SlotIndex, slotIndex } from '../units.js';
import { Followers } from './followers.js';
import { lacksCore } from './lacks-core.js';

/** Without any bell the table is looked at this often: a process killed between its change and its bell costs no more. */
const LOOK_AGAIN_MS = 100;
/** When a lane is in the hands of a runner that is just about to say so. */
const LOOK_SOON_MS = 1;
/** A cell that has not stopped its program after this is ended: its lane is worth more to the others. */
const STOP_DEADLINE_NS = 2 * NS_PER_S;

export interface SchedulerOptions {
  readonly mode: ModeName;
  readonly sliceNs?: number;
  /** What started programs may use together. */
  readonly memoryBytes: number;
}

/** A cell that did not confirm a stop in time and was killed for it; its run goes to another cell. */
export interface StuckCell {
  readonly slot: number;
  readonly pid: number;
  readonly run: number;
}

/** workerData of its thread. */
export interface SchedulerSetup extends SchedulerOptions {
  /** Whether the thread is to go before everything of normal priority (pool/precedence.ts). */
  readonly isRealtime: boolean;
  readonly processTable: SharedArrayBuffer;
}

export class Scheduler {
  readonly #table: ProcessTable;
  readonly #turns: Turns;
  readonly #followers: Followers;
  /** Number of the run the policy knows in each slot; 0 = none. */
  readonly #known: Uint32Array;
  /** State of each slot as last seen. */
  readonly #seen: Uint32Array;
  /** Slots that were told to stop and have not said that they did, and for how long that has been waited for. */
  readonly #stopping = new Map<number, number>();
  readonly #onStuck: (cell: StuckCell) => void;
  #lookedAtNs = 0;

  constructor(
    table: ProcessTable,
    { mode, sliceNs, memoryBytes }: SchedulerOptions,
    onStuck: (cell: StuckCell) => void,
  ) {
    this.#table = table;
    this.#onStuck = onStuck;
    this.#followers = new Followers(table, (slot, run, wanted) => this.#tell(slot, run, wanted));
    this.#known = new Uint32Array(table.slotCount);
    this.#seen = new Uint32Array(table.slotCount);
    const slice = sliceNs === undefined ? {} : { sliceNs };
    this.#turns = new Turns({ slots: table.slotCount, lanes: table.laneCount, mode, memoryBytes, ...slice });
  }

  /** Looks whenever the bell rings, until the server stops. Blocks its thread. */
  run(): void {
    this.#table.ringOnAlarm();
    while (!this.#table.isStopping) {
      const seen = this.#table.bell; // before the look: what happens during it rings for another
      const waitMs = this.look(now());
      this.#table.waitForBell(seen, waitMs);
    }
    native.setAlarm(0);
  }

  /**
   * One look: events, decisions, words, alarm.
   * @returns how long to sleep at most, in ms.
   */
  look(nowNs: number): number {
    const lanes = this.#table.laneCount;
    this.#turns.setLanes(lanes);
    this.#table.eachChanged(this.#seen, (slot) => this.#observe(slot, nowNs));
    // A cell told to stop before it began stays in the state it had.
    for (const slot of this.#stopping.keys()) this.#observe(slotIndex(slot), nowNs);
    this.#endStuckCells(nowNs);
    const { decisions, alarmNs } = this.#turns.decide(nowNs);
    let waitMs = LOOK_AGAIN_MS;
    for (const decision of decisions) waitMs = Math.min(waitMs, this.#carryOut(decision, nowNs));
    this.#followers.look();
    this.#setAlarm(alarmNs, nowNs);
    const before = this.#table.waiters;
    this.#table.waiters = this.#turns.waiting;
    // A cell that ended while the count was 0 has not rung: look again, now that it would.
    return before === 0 && this.#turns.waiting > 0 ? 0 : waitMs;
  }

  /** Tells the policy what has become of a slot. */
  #observe(slot: SlotIndex, nowNs: number): void {
    const state = this.#table.state(slot);
    const run = this.#table.run(slot);
    const isLive = state === SlotState.waiting || state === SlotState.running || state === SlotState.stopped;
    if (this.#known[slot] !== 0 && (!isLive || this.#known[slot] !== run)) {
      this.#turns.ended(slot, nowNs);
      this.#stopping.delete(slot);
      this.#known[slot] = 0;
    }
    if (!isLive || this.#followers.isOne(slot, run)) return;
    if (this.#known[slot] === 0) this.#arrive(slot, run, nowNs);
    // A cell that has not begun yet never stops: it sees that it must not (stay_may_begin in native/cell/stay.c).
    if (state !== SlotState.running && this.#stopping.delete(slot)) {
      this.#table.freeLane(slot, run);
      const memoryBytes = this.#table.entry(slot).memoryBytes + this.#followers.memoryBytes(slot);
      this.#turns.stopped(slot, nowNs, memoryBytes);
    }
  }

  /**
   * Whoever does not confirm a stop holds its lane. Only time in which this thread had its looks is counted: when the whole
   * machine stood still the cell had no chance either. Nor has it one, and is given more time, while its program only needs a core.
   */
  #endStuckCells(nowNs: number): void {
    const sinceLookNs = Math.min(nowNs - this.#lookedAtNs, 2 * LOOK_AGAIN_MS * NS_PER_MS);
    this.#lookedAtNs = nowNs;
    for (const [slot, waitedNs] of this.#stopping) {
      this.#stopping.set(slot, waitedNs + sinceLookNs);
      if (waitedNs >= STOP_DEADLINE_NS || waitedNs + sinceLookNs < STOP_DEADLINE_NS) continue; // told once
      const cell = { slot, pid: this.#table.cellPid(slotIndex(slot)), run: this.#known[slot] ?? 0 };
      if (cell.pid === 0) continue;
      if (lacksCore(cell.pid)) {
        this.#stopping.set(slot, 0);
        continue;
      }
      native.sendSignal(cell.pid, constants.signals.SIGKILL);
      this.#onStuck(cell);
    }
  }

  #arrive(slot: SlotIndex, run: number, nowNs: number): void {
    const { user, priority, limitBytes, lane, laneSinceNs } = this.#table.entry(slot);
    this.#known[slot] = run;
    this.#turns.arrive({ slot, user, priority, limitBytes }, nowNs);
    if (lane !== undefined) this.#turns.took(slot, lane, laneSinceNs);
  }

  /** @returns after how many ms to look again, if nobody rings before. */
  #carryOut(decision: Decision, nowNs: number): number {
    const slot = slotIndex(decision.slot);
    const run = this.#known[slot] ?? 0;
    switch (decision.kind) {
      case 'run':
        if (!this.#table.giveLane(decision.lane, slot, run, BigInt(nowNs))) {
          this.#turns.denied(slot, nowNs); // a runner was quicker, and is just about to say so; or the run is over
          return LOOK_SOON_MS;
        }
        this.#table.note(slot, {
          level: this.#turns.level(slot, nowNs),
          turns: this.#turns.turns(slot),
          serviceNs: this.#turns.serviceNs(slot, nowNs),
        });
        this.#tell(slot, run, Wanted.run);
        return LOOK_AGAIN_MS;
      case 'stop':
        this.#stopping.set(slot, 0);
        this.#tell(slot, run, Wanted.wait);
        return this.#table.state(slot) === SlotState.running ? LOOK_AGAIN_MS : 0;
      case 'kill':
      case 'refuse':
        this.#tell(slot, run, Wanted.kill);
        return LOOK_AGAIN_MS;
    }
  }

  #tell(slot: SlotIndex, run: number, wanted: Wanted): void {
    this.#table.setWanted(slot, run, wanted);
    const pid = this.#table.cellPid(slot);
    if (pid !== 0) native.sendSignal(pid, DOORBELL_SIGNAL);
  }

  #setAlarm(alarmNs: number, nowNs: number): void {
    const inUs = Number.isFinite(alarmNs) ? Math.max(1, Math.ceil((alarmNs - nowNs) / 1_000)) : 0;
    native.setAlarm(inUs);
  }
}

/** CLOCK_MONOTONIC, as the cells and runners use it; exact in a number for the first 104 days after boot. */
function now(): number {
  return Number(process.hrtime.bigint());
}
