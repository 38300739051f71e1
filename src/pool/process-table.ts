/**
 * The process table: every cell and every lane of the server, in one small mapped file (`turns.turno`) that all threads and
 * processes, and PID 1 of each cell, share. The picture and the rules of hand-over are in cell-layout.ts.
 *
 * The file lives as long as the primary: it describes processes, and they end with it. Nothing in it is durable.
 *
 * An object of this class is only a view; it keeps no state, so each thread makes its own over the same buffer.
 */

import { native } from '../shm/native.js';
import { type RowIndex, type SlotIndex, slotIndex } from '../units.js';
import { MAX_LANES, SLOT, SlotState, TURNS_HEADER, Wanted } from './cell-layout.js';
import { claimOf, inClaim, LEADER_SHIFT, PRIORITY_MASK } from './claims.js';
import { entryOf, type ProcessEntry, type Standing, standingOf } from './process-entry.js';
import { createTurnsFile, mapTurnsFile, TurnsWords } from './turns-words.js';

export type { ProcessEntry, Standing } from './process-entry.js';

const HEADER = TURNS_HEADER.fields;
const FIELDS = SLOT.fields;
/** RUN numbers go round below this: they share a word with the state. */
const RUN_NUMBERS = 2 ** 28;

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

/** Whether a slot has a program, or one that is to start. */
export function isLive(state: SlotState): boolean {
  return state === SlotState.waiting || state === SlotState.running || state === SlotState.stopped;
}

export class ProcessTable {
  readonly #words: TurnsWords;

  private constructor(buffer: SharedArrayBuffer) {
    this.#words = new TurnsWords(buffer);
  }

  /** Makes the file anew. For the primary. */
  static create(path: string, slotCount: number, laneCount: number): ProcessTable {
    if (laneCount < 1 || laneCount > MAX_LANES)
      throw new RangeError(`lanes: expected 1 to ${MAX_LANES}, got ${laneCount}`);
    return new ProcessTable(createTurnsFile(path, slotCount, laneCount));
  }

  /** Maps the file the primary made. For fronts; their threads get the buffer and call `attach`. */
  static open(path: string, slotCount: number): ProcessTable {
    return new ProcessTable(mapTurnsFile(path, slotCount));
  }

  static attach(buffer: SharedArrayBuffer): ProcessTable {
    return new ProcessTable(buffer);
  }

  get buffer(): SharedArrayBuffer {
    return this.#words.buffer;
  }

  get slotCount(): number {
    return this.#words.slotCount;
  }

  /**
   * From now on so many lanes. Those that are too many are given up by whoever has them at the end of a turn.
   * @throws RangeError unless it is 1 to 1,024
   */
  setLaneCount(count: number): void {
    if (!Number.isInteger(count) || count < 1 || count > MAX_LANES) {
      throw new RangeError(`lanes: expected 1 to ${MAX_LANES}, got ${count}`);
    }
    this.#words.setHeader(HEADER.LANE_COUNT, count);
    this.ring();
  }

  // ---- slots: one a cell --------------------------------------------------------------------------------------------

  /** Takes a free slot for a cell of the thread `owner` (the kernel's number of it), or undefined when all are in use. */
  claim(owner: number): SlotIndex | undefined {
    const hint = this.#words.header(HEADER.SLOT_HINT);
    for (let step = 0; step < this.slotCount; step++) {
      const slot = slotIndex((hint + step) % this.slotCount);
      if (Atomics.compareExchange(this.#words.words, this.#words.at(slot, FIELDS.OWNER), 0, owner) !== 0) continue;
      this.#words.setHeader(HEADER.SLOT_HINT, (slot + 1) % this.slotCount);
      return slot;
    }
    return undefined;
  }

  /** Gives a slot back when its cell has ended, whatever state the cell left it in, and frees its lane. */
  release(slot: SlotIndex): void {
    const run = this.run(slot);
    this.#words.store(slot, FIELDS.CELL_PID, 0);
    this.#words.store(slot, FIELDS.STATE, run * 8 + SlotState.free);
    this.#words.store(slot, FIELDS.LANE, 0);
    // All of them, not only the one noted: who took a lane may have been killed before the note.
    for (let lane = 0; lane < MAX_LANES; lane++) {
      const claim = Atomics.load(this.#words.words, this.#words.laneAt(lane));
      if (inClaim(claim) === slot) Atomics.compareExchange(this.#words.words, this.#words.laneAt(lane), claim, 0);
    }
    Atomics.store(this.#words.words, this.#words.at(slot, FIELDS.OWNER), 0); // last: from here on somebody else may claim it
    this.ring();
  }

  /** Makes the slot known as a living cell without a program. */
  setCell(slot: SlotIndex, pid: number): void {
    this.#words.store(slot, FIELDS.CELL_PID, pid);
    this.#words.store(slot, FIELDS.STATE, this.run(slot) * 8 + SlotState.idle);
  }

  owner(slot: SlotIndex): number {
    return this.#words.load(slot, FIELDS.OWNER);
  }

  run(slot: SlotIndex): number {
    return this.#words.load(slot, FIELDS.STATE) >>> 3;
  }

  state(slot: SlotIndex): SlotState {
    return (this.#words.load(slot, FIELDS.STATE) & 7) as SlotState;
  }

  cellPid(slot: SlotIndex): number {
    return this.#words.load(slot, FIELDS.CELL_PID);
  }

  /**
   * Asks for a lane for the next run of this slot, and takes an idle one on the spot if nobody else waits.
   * @returns the number of the run, for the request. The cell starts when the word says so, now or later.
   */
  post(slot: SlotIndex, posting: RunPosting, nowNs: bigint): number {
    const run = (this.run(slot) % (RUN_NUMBERS - 1)) + 1;
    this.#words.store(slot, FIELDS.USER, posting.user);
    this.#words.store(slot, FIELDS.ROW, posting.row);
    const leader = posting.leader === undefined ? 0 : posting.leader + 1;
    this.#words.store(slot, FIELDS.PRIORITY, (posting.priority & PRIORITY_MASK) | (leader << LEADER_SHIFT));
    this.#words.store(slot, FIELDS.LEVEL, 0);
    this.#words.store(slot, FIELDS.TURNS, 0);
    this.#words.storeLong(slot, FIELDS.CPU_NS, 0n);
    this.#words.storeLong(slot, FIELDS.SERVICE_NS, 0n);
    this.#words.storeLong(slot, FIELDS.MEMORY_BYTES, 0n);
    this.#words.storeLong(slot, FIELDS.LIMIT_BYTES, BigInt(posting.memoryLimitBytes));
    this.#words.storeLong(slot, FIELDS.WAITING_SINCE_NS, nowNs);
    this.#words.storeText(slot, FIELDS.TITLE, posting.title);
    const hasLane = leader === 0 && this.waiters === 0 && this.#takeIdleLane(slot, run, nowNs);
    this.#words.store(slot, FIELDS.TURNS, hasLane ? 1 : 0);
    this.#words.store(slot, FIELDS.WANTED, run * 4 + (hasLane ? Wanted.run : Wanted.wait));
    // The state comes after the lane: a scheduler that saw `waiting` first would give this slot a second one.
    this.#words.store(slot, FIELDS.STATE, run * 8 + SlotState.waiting);
    if (hasLane && posting.follower !== undefined) {
      this.setWanted(posting.follower, this.run(posting.follower), Wanted.run);
    }
    if (!hasLane && leader === 0) {
      // The count goes up before the bell: a cell that gives a lane back from now on rings for us.
      Atomics.add(this.#words.words, HEADER.WAITERS.offset / 4, 1);
      this.ring();
    }
    return run;
  }

  /** The slot whose lane a slot's run shares, or undefined. */
  leader(slot: SlotIndex): SlotIndex | undefined {
    const leader = this.#words.load(slot, FIELDS.PRIORITY) >>> LEADER_SHIFT;
    return leader === 0 ? undefined : slotIndex(leader - 1);
  }

  row(slot: SlotIndex): number {
    return this.#words.load(slot, FIELDS.ROW);
  }

  /**
   * The decision about a run. The caller rings the cell's doorbell when the cell may be running or stopped already.
   * `kill` is the last word on a run: whoever cancels it need not ask the scheduler, which may be writing just now. A slot
   * that has gone on to its next run keeps its word: with one of the run before its cell would wait for ever.
   */
  setWanted(slot: SlotIndex, run: number, wanted: Wanted): void {
    const at = this.#words.at(slot, FIELDS.WANTED);
    for (;;) {
      const old = Atomics.load(this.#words.words, at);
      if (old >>> 2 !== run || old === run * 4 + Wanted.kill) return;
      if (Atomics.compareExchange(this.#words.words, at, old, run * 4 + wanted) === old) return;
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
      if (!isLive(this.state(slot)) || this.#words.load(slot, FIELDS.ROW) !== row) continue;
      // Between the two looks the slot may have gone on to the next run: then the word is no longer about this one.
      const wanted = this.#words.load(slot, FIELDS.WANTED);
      if (wanted >>> 2 !== run) continue;
      this.#killIfStill(slot, run, wanted);
      pids.push(this.cellPid(slot));
    }
    return pids.filter((pid) => pid !== 0);
  }

  #killIfStill(slot: SlotIndex, run: number, seen: number): void {
    const at = this.#words.at(slot, FIELDS.WANTED);
    for (let wanted = seen; wanted >>> 2 === run; ) {
      const found = Atomics.compareExchange(this.#words.words, at, wanted, run * 4 + Wanted.kill) >>> 0;
      if (found === wanted) return;
      wanted = found;
    }
  }

  wanted(slot: SlotIndex): Wanted {
    return (this.#words.load(slot, FIELDS.WANTED) & 3) as Wanted;
  }

  /** Scheduler's notes for lists. */
  note(slot: SlotIndex, { level, turns, serviceNs }: { level: number; turns: number; serviceNs: number }): void {
    this.#words.store(slot, FIELDS.LEVEL, level);
    this.#words.store(slot, FIELDS.TURNS, turns);
    this.#words.storeLong(slot, FIELDS.SERVICE_NS, BigInt(Math.round(serviceNs)));
  }

  entry(slot: SlotIndex): ProcessEntry {
    return entryOf(this.#words, slot);
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
      const standing = this.#steady(slot, () => standingOf(this.#words, slot));
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

  /** Visits each slot whose state or run is no longer the one in `seen` (a word a slot), which is brought up to date. */
  eachChanged(seen: Uint32Array, visit: (slot: SlotIndex) => void): void {
    const step = SLOT.size / 4;
    const { words } = this.#words;
    for (let slot = 0, at = this.#words.at(slotIndex(0), FIELDS.STATE); slot < seen.length; slot++, at += step) {
      const found = Atomics.load(words, at) >>> 0;
      if (found === seen[slot]) continue;
      seen[slot] = found; // before the visit: what changes during it is visited again
      visit(slotIndex(slot));
    }
  }

  /** Slots in use. */
  *slots(): Generator<SlotIndex> {
    for (let slot = 0; slot < this.slotCount; slot++) if (this.owner(slotIndex(slot)) !== 0) yield slotIndex(slot);
  }

  // ---- lanes --------------------------------------------------------------------------------------------------------

  get laneCount(): number {
    return this.#words.header(HEADER.LANE_COUNT);
  }

  /** The slot that holds a lane, or undefined. */
  laneHolder(lane: number): SlotIndex | undefined {
    const slot = inClaim(Atomics.load(this.#words.words, this.#words.laneAt(lane)));
    return slot === undefined ? undefined : slotIndex(slot);
  }

  #takeIdleLane(slot: SlotIndex, run: number, nowNs: bigint): boolean {
    const lanes = this.laneCount;
    for (let lane = 0; lane < lanes; lane++) if (this.takeLane(lane, slot, run, nowNs)) return true;
    return false;
  }

  /** Takes one lane for a run, if the lane is free and the slot holds none. */
  takeLane(lane: number, slot: SlotIndex, run: number, nowNs: bigint): boolean {
    const word = this.#words.laneAt(lane);
    if (Atomics.compareExchange(this.#words.words, word, 0, claimOf(slot, run)) !== 0) return false;
    if (Atomics.compareExchange(this.#words.words, this.#words.at(slot, FIELDS.LANE), 0, claimOf(lane, run)) !== 0) {
      Atomics.compareExchange(this.#words.words, word, claimOf(slot, run), 0);
      return false;
    }
    this.#words.storeLong(slot, FIELDS.LANE_SINCE_NS, nowNs);
    return true;
  }

  /**
   * The same for a run of somebody else, who may have ended it meanwhile: then nobody would give the lane back any more.
   * @returns false too when the run is over; what its slot does next, and holds for that, is left alone.
   */
  giveLane(lane: number, slot: SlotIndex, run: number, nowNs: bigint): boolean {
    if (!this.takeLane(lane, slot, run, nowNs)) return false;
    if (this.run(slot) === run && isLive(this.state(slot))) return true;
    Atomics.compareExchange(this.#words.words, this.#words.at(slot, FIELDS.LANE), claimOf(lane, run), 0);
    Atomics.compareExchange(this.#words.words, this.#words.laneAt(lane), claimOf(slot, run), 0);
    return false;
  }

  hasLane(slot: SlotIndex): boolean {
    return this.#words.load(slot, FIELDS.LANE) !== 0;
  }

  /** Gives back the lane a run holds, if it holds one; not one that its slot has taken for the next run meanwhile. */
  freeLane(slot: SlotIndex, run: number): void {
    const at = this.#words.at(slot, FIELDS.LANE);
    const claim = Atomics.load(this.#words.words, at);
    const lane = inClaim(claim);
    if (lane === undefined || claim !== claimOf(lane, run)) return;
    if (Atomics.compareExchange(this.#words.words, at, claim, 0) !== claim) return;
    Atomics.compareExchange(this.#words.words, this.#words.laneAt(lane), claimOf(slot, run), 0);
  }

  // ---- the scheduler's bell -----------------------------------------------------------------------------------------

  get waiters(): number {
    return this.#words.header(HEADER.WAITERS);
  }

  set waiters(count: number) {
    this.#words.setHeader(HEADER.WAITERS, count);
  }

  get isStopping(): boolean {
    return this.#words.header(HEADER.STOP) !== 0;
  }

  /** Says that the server ends, and wakes the scheduler. */
  announceStop(): void {
    this.#words.setHeader(HEADER.STOP, 1);
    this.ring();
  }

  get bell(): number {
    return this.#words.header(HEADER.BELL);
  }

  ring(): void {
    Atomics.add(this.#words.words, HEADER.BELL.offset / 4, 1);
    native.futexWake(this.#words.words, HEADER.BELL.offset / 4, 1);
  }

  /** Lets SIGALRM ring the bell too, in this process. */
  ringOnAlarm(): void {
    native.bellOnAlarm(this.#words.words, HEADER.BELL.offset / 4);
  }

  /** Blocks until the bell is no longer `seen`, at most `timeoutMs`. Never on an event loop that serves. */
  waitForBell(seen: number, timeoutMs: number): void {
    native.futexWait(this.#words.words, HEADER.BELL.offset / 4, seen, timeoutMs);
  }
}
