/**
 * The process table: every cell and every lane of the server, in one small mapped file (`turns.turno`) that all threads and
 * processes, and PID 1 of each cell, share. The picture and the rules of hand-over are in cell-layout.ts.
 *
 * The file lives as long as the primary: it describes processes, and they end with it. Nothing in it is durable.
 *
 * An object of this class is only a view; it keeps no state, so each thread makes its own over the same buffer.
 */

import { closeSync, constants, ftruncateSync, openSync, rmSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import type { Field } from '../shm/fields.js';
import { native } from '../shm/native.js';
import { type RowIndex, type SlotIndex, slotIndex } from '../units.js';
import {
  CELL_SIGNATURE,
  CLAIM_RUN_MASK,
  CLAIM_RUN_SHIFT,
  MAX_LANES,
  SLOT,
  SlotState,
  TURNS_HEADER,
  TURNS_MAGIC,
  Wanted,
} from './cell-layout.js';

const HEADER = TURNS_HEADER.fields;
const FIELDS = SLOT.fields;
/** RUN numbers go round below this: they share a word with the state. */
const RUN_NUMBERS = 2 ** 28;

/** What a list shows of one slot. */
export interface ProcessEntry {
  readonly slot: SlotIndex;
  readonly pid: number;
  readonly state: keyof typeof SlotState;
  readonly run: number;
  readonly owner: number;
  readonly user: number;
  readonly row: number;
  readonly priority: number;
  readonly lane: number | undefined;
  readonly level: number;
  readonly turns: number;
  readonly cpuNs: number;
  readonly serviceNs: number;
  readonly memoryBytes: number;
  readonly limitBytes: number;
  readonly waitingSinceNs: number;
  readonly laneSinceNs: number;
  readonly title: string;
}

/** What the order of turns follows from. */
export type Standing = Pick<
  ProcessEntry,
  'row' | 'user' | 'priority' | 'level' | 'turns' | 'waitingSinceNs' | 'laneSinceNs'
> & {
  readonly hasLane: boolean;
};

/** What a runner says of a run it wants a lane for. */
export interface RunPosting {
  readonly user: number;
  readonly row: number;
  readonly priority: number;
  readonly memoryLimitBytes: number;
  readonly title: string;
  /**
   * Slot whose lane this run shares: the two talk with each other, so that mostly one of them waits (an interactor and its
   * program). It wants no lane of its own, and runs when and only when that slot's run does; see server/followers.ts.
   */
  readonly leader?: SlotIndex;
  /** The slot that shares this run's lane: posted before. */
  readonly follower?: SlotIndex;
}

/** PRIORITY holds two things: the priority, and behind it leader + 1 of a run that shares another's lane. */
const LEADER_SHIFT = 8;
const PRIORITY_MASK = 0xff;

/** Whether a slot has a program, or one that is to start. */
export function isLive(state: SlotState): boolean {
  return state === SlotState.waiting || state === SlotState.running || state === SlotState.stopped;
}

/** A lane's word or a slot's LANE: who, and for which run. `index` is the slot, or the lane. */
function claimOf(index: number, run: number): number {
  return ((run & CLAIM_RUN_MASK) << CLAIM_RUN_SHIFT) | (index + 1);
}

/** The slot, or the lane, of a claim; undefined for 0. */
function inClaim(claim: number): number | undefined {
  return claim === 0 ? undefined : (claim & ((1 << CLAIM_RUN_SHIFT) - 1)) - 1;
}

export class ProcessTable {
  readonly buffer: SharedArrayBuffer;
  readonly slotCount: number;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #bytes: Uint8Array;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#longs = new BigInt64Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.slotCount = this.#header(HEADER.SLOT_COUNT);
  }

  /** Makes the file anew (an old one belongs to processes that are gone). For the primary. */
  static create(path: string, slotCount: number, laneCount: number): ProcessTable {
    if (laneCount < 1 || laneCount > MAX_LANES)
      throw new RangeError(`lanes: expected 1 to ${MAX_LANES}, got ${laneCount}`);
    rmSync(path, { force: true });
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const length = ProcessTable.#length(slotCount);
      ftruncateSync(fd, length);
      native.allocate(fd, 0, length); // a full disk must be an error here, not a SIGBUS at the first store
      const buffer = native.map(fd, length);
      const words = new Int32Array(buffer);
      words[HEADER.SLOT_COUNT.offset / 4] = slotCount;
      words[HEADER.LANE_COUNT.offset / 4] = laneCount;
      words[HEADER.SIGNATURE.offset / 4] = CELL_SIGNATURE | 0;
      Atomics.store(words, HEADER.MAGIC.offset / 4, TURNS_MAGIC);
      return new ProcessTable(buffer);
    } finally {
      closeSync(fd);
    }
  }

  /** Maps the file the primary made. For fronts; their threads get the buffer and call `attach`. */
  static open(path: string, slotCount: number): ProcessTable {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      return ProcessTable.attach(native.map(fd, ProcessTable.#length(slotCount)));
    } finally {
      closeSync(fd);
    }
  }

  static attach(buffer: SharedArrayBuffer): ProcessTable {
    const words = new Int32Array(buffer);
    const found = (words[HEADER.SIGNATURE.offset / 4] ?? 0) >>> 0;
    if (words[HEADER.MAGIC.offset / 4] !== TURNS_MAGIC || found !== CELL_SIGNATURE) {
      throw new TurnoError('TURNO_TABLE_LAYOUT', { path: 'turns.turno', found, expected: CELL_SIGNATURE });
    }
    return new ProcessTable(buffer);
  }

  static #length(slotCount: number): number {
    return Math.ceil((TURNS_HEADER.size + slotCount * SLOT.size) / 4_096) * 4_096;
  }

  /**
   * From now on so many lanes. Those that are too many are given up by whoever has them at the end of a turn.
   * @throws RangeError unless it is 1 to 1,024
   */
  setLaneCount(count: number): void {
    if (!Number.isInteger(count) || count < 1 || count > MAX_LANES) {
      throw new RangeError(`lanes: expected 1 to ${MAX_LANES}, got ${count}`);
    }
    Atomics.store(this.#words, HEADER.LANE_COUNT.offset / 4, count);
    this.ring();
  }

  // ---- slots: one a cell --------------------------------------------------------------------------------------------

  /** Takes a free slot for a cell of the front `owner` (its pid), or undefined when all are in use. */
  claim(owner: number): SlotIndex | undefined {
    const hint = this.#header(HEADER.SLOT_HINT);
    for (let step = 0; step < this.slotCount; step++) {
      const slot = slotIndex((hint + step) % this.slotCount);
      if (Atomics.compareExchange(this.#words, this.#at(slot, FIELDS.OWNER), 0, owner) !== 0) continue;
      Atomics.store(this.#words, HEADER.SLOT_HINT.offset / 4, (slot + 1) % this.slotCount);
      return slot;
    }
    return undefined;
  }

  /** Gives a slot back when its cell has ended, whatever state the cell left it in, and frees its lane. */
  release(slot: SlotIndex): void {
    const run = this.run(slot);
    this.#store(slot, FIELDS.CELL_PID, 0);
    this.#store(slot, FIELDS.STATE, run * 8 + SlotState.free);
    this.#store(slot, FIELDS.LANE, 0);
    // All of them, not only the one noted: who took a lane may have been killed before the note.
    for (let lane = 0; lane < MAX_LANES; lane++) {
      const claim = Atomics.load(this.#words, this.#laneAt(lane));
      if (inClaim(claim) === slot) Atomics.compareExchange(this.#words, this.#laneAt(lane), claim, 0);
    }
    Atomics.store(this.#words, this.#at(slot, FIELDS.OWNER), 0); // last: from here on somebody else may claim it
    this.ring();
  }

  /** Makes the slot known as a living cell without a program. */
  setCell(slot: SlotIndex, pid: number): void {
    this.#store(slot, FIELDS.CELL_PID, pid);
    this.#store(slot, FIELDS.STATE, this.run(slot) * 8 + SlotState.idle);
  }

  owner(slot: SlotIndex): number {
    return this.#load(slot, FIELDS.OWNER);
  }

  run(slot: SlotIndex): number {
    return this.#load(slot, FIELDS.STATE) >>> 3;
  }

  state(slot: SlotIndex): SlotState {
    return (this.#load(slot, FIELDS.STATE) & 7) as SlotState;
  }

  cellPid(slot: SlotIndex): number {
    return this.#load(slot, FIELDS.CELL_PID);
  }

  /**
   * Asks for a lane for the next run of this slot, and takes an idle one on the spot if nobody else waits.
   * @returns the number of the run, for the request. The cell starts when the word says so, now or later.
   */
  post(slot: SlotIndex, posting: RunPosting, nowNs: bigint): number {
    const run = (this.run(slot) % (RUN_NUMBERS - 1)) + 1;
    this.#store(slot, FIELDS.USER, posting.user);
    this.#store(slot, FIELDS.ROW, posting.row);
    const leader = posting.leader === undefined ? 0 : posting.leader + 1;
    this.#store(slot, FIELDS.PRIORITY, (posting.priority & PRIORITY_MASK) | (leader << LEADER_SHIFT));
    this.#store(slot, FIELDS.LEVEL, 0);
    this.#store(slot, FIELDS.TURNS, 0);
    this.#storeLong(slot, FIELDS.CPU_NS, 0n);
    this.#storeLong(slot, FIELDS.SERVICE_NS, 0n);
    this.#storeLong(slot, FIELDS.MEMORY_BYTES, 0n);
    this.#storeLong(slot, FIELDS.LIMIT_BYTES, BigInt(posting.memoryLimitBytes));
    this.#storeLong(slot, FIELDS.WAITING_SINCE_NS, nowNs);
    this.#storeTitle(slot, posting.title);
    const hasLane = leader === 0 && this.waiters === 0 && this.#takeIdleLane(slot, run, nowNs);
    this.#store(slot, FIELDS.TURNS, hasLane ? 1 : 0);
    this.setWanted(slot, run, hasLane ? Wanted.run : Wanted.wait);
    // The state comes after the lane: a scheduler that saw `waiting` first would give this slot a second one.
    this.#store(slot, FIELDS.STATE, run * 8 + SlotState.waiting);
    if (hasLane && posting.follower !== undefined) {
      this.setWanted(posting.follower, this.run(posting.follower), Wanted.run);
    }
    if (!hasLane && leader === 0) {
      // The count goes up before the bell: a cell that gives a lane back from now on rings for us.
      Atomics.add(this.#words, HEADER.WAITERS.offset / 4, 1);
      this.ring();
    }
    return run;
  }

  /** The slot whose lane a slot's run shares, or undefined. */
  leader(slot: SlotIndex): SlotIndex | undefined {
    const leader = this.#load(slot, FIELDS.PRIORITY) >>> LEADER_SHIFT;
    return leader === 0 ? undefined : slotIndex(leader - 1);
  }

  row(slot: SlotIndex): number {
    return this.#load(slot, FIELDS.ROW);
  }

  /**
   * The decision about a run. The caller rings the cell's doorbell when the cell may be running or stopped already.
   * `kill` is the last word on a run: whoever cancels it need not ask the scheduler, which may be writing just now.
   */
  setWanted(slot: SlotIndex, run: number, wanted: Wanted): void {
    const at = this.#at(slot, FIELDS.WANTED);
    for (;;) {
      const old = Atomics.load(this.#words, at);
      if (old === run * 4 + Wanted.kill) return;
      if (Atomics.compareExchange(this.#words, at, old, run * 4 + wanted) === old) return;
    }
  }

  /**
   * Wants every run of a submission killed, wherever it is: waiting, running or stopped; compilations too.
   * @returns the pids of the cells to ring. A run posted from now on is not among them: its runner looks for itself.
   */
  killRow(row: RowIndex): number[] {
    const pids: number[] = [];
    for (const slot of this.slots()) {
      const run = this.run(slot);
      if (!isLive(this.state(slot)) || this.#load(slot, FIELDS.ROW) !== row) continue;
      // Between the two looks the slot may have gone on to the next run: then the word is no longer about this one.
      const wanted = this.#load(slot, FIELDS.WANTED);
      if (wanted >>> 2 !== run) continue;
      this.#killIfStill(slot, run, wanted);
      pids.push(this.cellPid(slot));
    }
    return pids.filter((pid) => pid !== 0);
  }

  #killIfStill(slot: SlotIndex, run: number, seen: number): void {
    const at = this.#at(slot, FIELDS.WANTED);
    for (let wanted = seen; wanted >>> 2 === run; ) {
      const found = Atomics.compareExchange(this.#words, at, wanted, run * 4 + Wanted.kill) >>> 0;
      if (found === wanted) return;
      wanted = found;
    }
  }

  wanted(slot: SlotIndex): Wanted {
    return (this.#load(slot, FIELDS.WANTED) & 3) as Wanted;
  }

  /** Scheduler's notes for lists. */
  note(slot: SlotIndex, { level, turns, serviceNs }: { level: number; turns: number; serviceNs: number }): void {
    this.#store(slot, FIELDS.LEVEL, level);
    this.#store(slot, FIELDS.TURNS, turns);
    this.#storeLong(slot, FIELDS.SERVICE_NS, BigInt(Math.round(serviceNs)));
  }

  entry(slot: SlotIndex): ProcessEntry {
    const state = this.state(slot);
    return {
      slot,
      pid: this.cellPid(slot),
      state: (Object.keys(SlotState) as (keyof typeof SlotState)[]).find((key) => SlotState[key] === state) ?? 'free',
      run: this.run(slot),
      owner: this.owner(slot),
      user: this.#load(slot, FIELDS.USER),
      row: this.#load(slot, FIELDS.ROW),
      priority: this.#load(slot, FIELDS.PRIORITY) & PRIORITY_MASK,
      lane: inClaim(this.#load(slot, FIELDS.LANE)),
      level: this.#load(slot, FIELDS.LEVEL),
      turns: this.#load(slot, FIELDS.TURNS),
      cpuNs: this.#loadLong(slot, FIELDS.CPU_NS),
      serviceNs: this.#loadLong(slot, FIELDS.SERVICE_NS),
      memoryBytes: this.#loadLong(slot, FIELDS.MEMORY_BYTES),
      limitBytes: this.#loadLong(slot, FIELDS.LIMIT_BYTES),
      waitingSinceNs: this.#loadLong(slot, FIELDS.WAITING_SINCE_NS),
      laneSinceNs: this.#loadLong(slot, FIELDS.LANE_SINCE_NS),
      title: this.#title(slot),
    };
  }

  /** What is alive at this moment: programs, and those that are to start. A slot that changes hands meanwhile is left out. */
  *alive(): Generator<ProcessEntry> {
    for (const slot of this.slots()) {
      const entry = this.#steady(slot, () => this.entry(slot));
      if (entry) yield entry;
    }
  }

  /** The same, of each only what says when its turn is: a fraction of the time, with a thousand programs. */
  *standings(): Generator<Standing> {
    for (const slot of this.slots()) {
      const standing = this.#steady(slot, () => ({
        row: this.#load(slot, FIELDS.ROW),
        hasLane: this.hasLane(slot),
        user: this.#load(slot, FIELDS.USER),
        priority: this.#load(slot, FIELDS.PRIORITY) & PRIORITY_MASK,
        level: this.#load(slot, FIELDS.LEVEL),
        turns: this.#load(slot, FIELDS.TURNS),
        waitingSinceNs: this.#loadLong(slot, FIELDS.WAITING_SINCE_NS),
        laneSinceNs: this.#loadLong(slot, FIELDS.LANE_SINCE_NS),
      }));
      if (standing) yield standing;
    }
  }

  /**
   * Fields of one run, not of two: they are written while the slot has no live run, so that the same live run before and
   * after is proof.
   */
  #steady<T>(slot: SlotIndex, read: () => T): T | undefined {
    const run = this.run(slot);
    if (!isLive(this.state(slot))) return undefined;
    const found = read();
    return isLive(this.state(slot)) && this.run(slot) === run ? found : undefined;
  }

  /** Slots in use. */
  *slots(): Generator<SlotIndex> {
    for (let slot = 0; slot < this.slotCount; slot++) if (this.owner(slotIndex(slot)) !== 0) yield slotIndex(slot);
  }

  // ---- lanes --------------------------------------------------------------------------------------------------------

  get laneCount(): number {
    return this.#header(HEADER.LANE_COUNT);
  }

  /** The slot that holds a lane, or undefined. */
  laneHolder(lane: number): SlotIndex | undefined {
    const slot = inClaim(Atomics.load(this.#words, this.#laneAt(lane)));
    return slot === undefined ? undefined : slotIndex(slot);
  }

  #takeIdleLane(slot: SlotIndex, run: number, nowNs: bigint): boolean {
    const lanes = this.laneCount;
    for (let lane = 0; lane < lanes; lane++) if (this.takeLane(lane, slot, run, nowNs)) return true;
    return false;
  }

  /** Takes one lane for a run, if the lane is free and the slot holds none. */
  takeLane(lane: number, slot: SlotIndex, run: number, nowNs: bigint): boolean {
    const word = this.#laneAt(lane);
    if (Atomics.compareExchange(this.#words, word, 0, claimOf(slot, run)) !== 0) return false;
    if (Atomics.compareExchange(this.#words, this.#at(slot, FIELDS.LANE), 0, claimOf(lane, run)) !== 0) {
      Atomics.compareExchange(this.#words, word, claimOf(slot, run), 0);
      return false;
    }
    this.#storeLong(slot, FIELDS.LANE_SINCE_NS, nowNs);
    return true;
  }

  /**
   * The same for a run of somebody else, who may have ended it meanwhile: then nobody would give the lane back any more.
   * @returns false too when the run is over; what its slot does next, and holds for that, is left alone.
   */
  giveLane(lane: number, slot: SlotIndex, run: number, nowNs: bigint): boolean {
    if (!this.takeLane(lane, slot, run, nowNs)) return false;
    if (this.run(slot) === run && isLive(this.state(slot))) return true;
    Atomics.compareExchange(this.#words, this.#at(slot, FIELDS.LANE), claimOf(lane, run), 0);
    Atomics.compareExchange(this.#words, this.#laneAt(lane), claimOf(slot, run), 0);
    return false;
  }

  hasLane(slot: SlotIndex): boolean {
    return this.#load(slot, FIELDS.LANE) !== 0;
  }

  /** Gives back the lane a slot holds, if it holds one. */
  freeLane(slot: SlotIndex): void {
    const claim = Atomics.exchange(this.#words, this.#at(slot, FIELDS.LANE), 0);
    const lane = inClaim(claim);
    if (lane !== undefined) {
      Atomics.compareExchange(this.#words, this.#laneAt(lane), claimOf(slot, claim >>> CLAIM_RUN_SHIFT), 0);
    }
  }

  // ---- the scheduler's bell -----------------------------------------------------------------------------------------

  get waiters(): number {
    return this.#header(HEADER.WAITERS);
  }

  set waiters(count: number) {
    Atomics.store(this.#words, HEADER.WAITERS.offset / 4, count);
  }

  get isStopping(): boolean {
    return this.#header(HEADER.STOP) !== 0;
  }

  /** Says that the server ends, and wakes the scheduler. */
  announceStop(): void {
    Atomics.store(this.#words, HEADER.STOP.offset / 4, 1);
    this.ring();
  }

  get bell(): number {
    return this.#header(HEADER.BELL);
  }

  ring(): void {
    Atomics.add(this.#words, HEADER.BELL.offset / 4, 1);
    native.futexWake(this.#words, HEADER.BELL.offset / 4, 1);
  }

  /** Lets SIGALRM ring the bell too, in this process. */
  ringOnAlarm(): void {
    native.bellOnAlarm(this.#words, HEADER.BELL.offset / 4);
  }

  /** Blocks until the bell is no longer `seen`, at most `timeoutMs`. Never on an event loop that serves. */
  waitForBell(seen: number, timeoutMs: number): void {
    native.futexWait(this.#words, HEADER.BELL.offset / 4, seen, timeoutMs);
  }

  // ---- words --------------------------------------------------------------------------------------------------------

  #header(field: Field): number {
    return Atomics.load(this.#words, field.offset / 4);
  }

  #laneAt(lane: number): number {
    return HEADER.LANES.offset / 4 + lane;
  }

  #at(slot: SlotIndex, field: Field): number {
    return (TURNS_HEADER.size + slot * SLOT.size + field.offset) / 4;
  }

  #load(slot: SlotIndex, field: Field): number {
    return Atomics.load(this.#words, this.#at(slot, field)) >>> 0;
  }

  #store(slot: SlotIndex, field: Field, value: number): void {
    Atomics.store(this.#words, this.#at(slot, field), value);
  }

  #loadLong(slot: SlotIndex, field: Field): number {
    return Number(Atomics.load(this.#longs, this.#at(slot, field) / 2));
  }

  #storeLong(slot: SlotIndex, field: Field, value: bigint): void {
    Atomics.store(this.#longs, this.#at(slot, field) / 2, value);
  }

  #title(slot: SlotIndex): string {
    const start = this.#at(slot, FIELDS.TITLE) * 4;
    const text = Buffer.from(this.#bytes.slice(start, start + FIELDS.TITLE.bytes));
    const end = text.indexOf(0);
    return text.toString('utf8', 0, end < 0 ? text.length : end);
  }

  #storeTitle(slot: SlotIndex, title: string): void {
    const start = this.#at(slot, FIELDS.TITLE) * 4;
    const text = Buffer.from(title).subarray(0, FIELDS.TITLE.bytes - 1);
    this.#bytes.fill(0, start, start + FIELDS.TITLE.bytes);
    this.#bytes.set(text, start);
  }
}
