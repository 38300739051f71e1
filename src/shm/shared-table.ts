/**
 * The shared table: submissions and users, for every thread of every process of the server.
 *
 * There is no copy of it anywhere: each object of this class is a view of the same file. openTable() maps it (once a
 * process), attachTable() makes the view of another thread from the SharedArrayBuffer alone.
 *
 * A submission is accepted under one lock, because arrival numbers have no gap; the commit point is one word, ROWS. Later
 * changes take the row's stripe (records.ts). Both are repaired by whoever finds their holder dead, at any instruction.
 *
 *     accept    row -> ROWS (commit) -> index -> the user's newest       (the last two are done again on take-over)
 *     change    queued -> running -> done, and nothing leaves done: exactly one answer
 *
 * Reads take no lock. accept(), start() ... take locks held for microseconds and may wait for them; tryAccept() does not.
 */

import { fsyncSync } from 'node:fs';
import type { TurnoError } from '../errors.js';
import type { Arrival, RowIndex } from '../units.js';
import { type Accepted, Accepting, type Submission } from './accepting.js';
import { Changing } from './changing.js';
import { applyRecord, copyTable, type ReplayListener } from './copying.js';
import { freeBytes } from './disk.js';
import { forgetArchived, releaseUnused } from './forgetting.js';
import type { Journal } from './journal.js';
import { LogKind } from './layout.js';
import { type Counts, Listing } from './listing.js';
import { type HeldLock, TableParts } from './parts.js';
import { Reading } from './reading.js';
import { H, type Region, type RegionOptions } from './region.js';
import type { LogRecord } from './replay.js';
import type { ResponsePlace, Result, Row } from './row-image.js';
import type { User, UserIndex, UserTerms } from './users.js';

export type { Accepted, Submission } from './accepting.js';
export type { Counts } from './listing.js';

const NO_IMAGE = new Int32Array();

export class Table {
  readonly #parts: TableParts;
  readonly #region: Region;
  readonly #journal: Journal;
  readonly #accepting: Accepting;
  readonly #reading: Reading;
  readonly #listing: Listing;
  readonly #changing: Changing;

  constructor(region: Region) {
    this.#parts = new TableParts(region);
    this.#region = region;
    this.#journal = this.#parts.journal;
    this.#accepting = new Accepting(this.#parts);
    this.#reading = new Reading(this.#parts);
    this.#listing = new Listing(this.#parts, this.#reading);
    this.#changing = new Changing(this.#parts, this.#reading);
  }

  /** The mapping: for attachTable in other threads. */
  get buffer(): SharedArrayBuffer {
    return this.#region.buffer;
  }

  /** Absolute path of the file. */
  get path(): string {
    return this.#region.path;
  }

  // ---- users --------------------------------------------------------------------------------------------------------

  /** See Users.add. */
  addUser({ name, tokenHash, ...terms }: { name: string; tokenHash: Uint8Array } & Partial<UserTerms>): UserIndex {
    this.#journal.checkAccepting(false);
    return this.#parts.users.add(name, tokenHash, terms);
  }

  /** Changes what is said of a user, for the submissions sent from now on; what is not among `terms` stays. */
  changeUser(index: UserIndex, terms: Partial<UserTerms>): void {
    this.#journal.checkAccepting(false);
    const stripe = this.#parts.stripe(index);
    stripe.acquire();
    try {
      this.#parts.users.change(index, terms);
    } finally {
      stripe.release();
    }
  }

  userByToken(tokenHash: Uint8Array): User | undefined {
    return this.#parts.users.byToken(tokenHash);
  }

  userByName(name: string): User | undefined {
    return this.#parts.users.byName(name);
  }

  user(index: UserIndex): User | undefined {
    return this.#parts.users.get(index);
  }

  tokenHashOf(index: UserIndex): Uint8Array | undefined {
    return this.#parts.users.tokenHashOf(index);
  }

  /** Whether a user is found by his token; for checks. */
  hasTokenIndex(index: UserIndex): boolean {
    const hash = this.#parts.users.tokenHashOf(index);
    return hash !== undefined && this.#parts.users.byToken(hash)?.index === index;
  }

  /** Row + 1 of a user's newest submission, 0 = none; it may be forgotten. */
  newestOf(user: UserIndex): number {
    return this.#parts.users.newest(user);
  }

  /** Submissions of a user, since the table last had none of his. */
  countOf(user: UserIndex): number {
    const newest = this.#parts.newestOf(user);
    return newest === 0 ? 0 : this.#parts.ordinalOf(newest - 1);
  }

  // ---- accepting ----------------------------------------------------------------------------------------------------

  /**
   * Adds a submission, `queued`, with the next arrival number. May wait for other threads that do the same.
   * @throws TURNO_TABLE_FULL, TURNO_DISK_FULL, TURNO_DISK_LOW, TURNO_DISK_REFUSES, TURNO_TOO_LARGE; then nothing has changed.
   */
  accept(submission: Submission): Accepted {
    return this.#accepting.accept(submission);
  }

  /** As accept(), but never waits: undefined when another holds the lock, or the disk is behind. For event loops. */
  tryAccept(submission: Submission): Accepted | undefined {
    return this.#accepting.tryAccept(submission);
  }

  /** Why nothing new is taken at this moment; undefined when it is. */
  refusal(): TurnoError | undefined {
    return this.#accepting.refusal();
  }

  /** Free on the disk when the primary looked last; 0 without one. */
  get freeBytes(): number {
    return freeBytes(this.#region);
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /**
   * A consistent, verified copy of a row; undefined when there is none.
   * @throws TURNO_TABLE_DAMAGED
   */
  read(row: RowIndex): Row | undefined {
    return this.#reading.read(row);
  }

  rowOf(id: Uint8Array): RowIndex | undefined {
    return this.#reading.rowOf(id);
  }

  /**
   * The row of an id and, in `image`, a consistent and verified copy of all its words: what rowOf() and read() do, in one
   * step and without making an object. An image has RowImage.words or as many words of the caller's own.
   * @throws TURNO_TABLE_DAMAGED
   */
  readById(id: Uint8Array, image: Int32Array): RowIndex | undefined {
    return this.#reading.readById(id, image);
  }

  rowOfArrival(number: Arrival): RowIndex | undefined {
    return this.#reading.rowOfArrival(number);
  }

  /**
   * The response that was recorded, or undefined when there is none yet.
   * @throws TURNO_TABLE_DAMAGED
   */
  response(row: RowIndex): Uint8Array | { file: string } | undefined {
    return this.#reading.response(row);
  }

  /**
   * Copies the response that lies in the row itself into `target`, as words: nothing is allocated.
   * @returns its length in bytes, or -1 when there is none, or it lies elsewhere (then response() has it)
   */
  responseInto(row: RowIndex, target: Int32Array): number {
    return this.#reading.responseInto(row, target);
  }

  /** Where the response of a row lies in the extents; undefined when it lies elsewhere. */
  extentOf(row: RowIndex): ResponsePlace | undefined {
    return this.#reading.extentOf(row);
  }

  /** Submissions of a user, newest first, those before an arrival if given; in time proportional to what is shown. */
  ofUser(user: UserIndex, { before, limit }: { before?: Arrival | undefined; limit: number }): Row[] {
    return this.#listing.ofUser(user, { before, limit });
  }

  /** Every row of a user that is not forgotten, newest first, those before an arrival if given. */
  chainOf(user: UserIndex, before?: Arrival): Generator<Row> {
    return this.#listing.chainOf(user, before);
  }

  /**
   * Rows that are not done, in order of arrival. Damaged ones are passed over, and looked at again the next time: whoever
   * reads them is told.
   */
  unfinished(): Generator<Row> {
    return this.#listing.unfinished();
  }

  counts(): Counts {
    return this.#listing.counts();
  }

  // ---- changing -----------------------------------------------------------------------------------------------------

  /** The row is being run. False when it is done already. */
  start(row: RowIndex): boolean {
    return this.#changing.start(row);
  }

  /** Another front looks after the row now. */
  setOwner(row: RowIndex, pid: number): boolean {
    return this.#changing.setOwner(row, pid);
  }

  /** Says where source or executable lie; undefined leaves a path as it is. */
  setPaths(row: RowIndex, paths: { source?: string | null; executable?: string | null }): boolean {
    return this.#changing.setPaths(row, paths);
  }

  /** Writes what the run left into the row, which stays unfinished until settle(). False when it is done already. */
  record(row: RowIndex, result: Result): boolean {
    return this.#changing.record(row, result);
  }

  /** Replaces the response alone. False when the row is done already. */
  setResponse(row: RowIndex, response: Uint8Array): boolean {
    return this.#changing.setResponse(row, response);
  }

  /** The row is done. False when it was: exactly one caller gets true. */
  settle(row: RowIndex): boolean {
    return this.#changing.settle(row);
  }

  /** record() and settle() as one change. */
  finish(row: RowIndex, result: Result): boolean {
    return this.#changing.finish(row, result);
  }

  /**
   * The row is in an archive file: it is found no more, and its room is given back (forget). False when it is not done, or was
   * archived already.
   */
  archive(row: RowIndex): boolean {
    return this.#changing.archive(row);
  }

  /**
   * Gives back to the file system what archived rows had, and forgets those that nobody stands before. For one thread at a
   * time, when what was archived is durable. Takes about 0.1 us a row that is there.
   */
  forget(): void {
    forgetArchived(this.#parts);
    // Whoever had taken room in the extents has named it in his row, or is finished by us: then rows tell what is used.
    const extents = this.#region.load(H.EXTENTS);
    this.#parts.awaitChanges();
    releaseUnused(this.#parts, extents);
  }

  // ---- the journal --------------------------------------------------------------------------------------------------

  /** Journal position behind this thread's last change. */
  get position(): number {
    return this.#journal.last;
  }

  get journal(): Journal {
    return this.#journal;
  }

  /**
   * Returns when everything before `position` (by default this thread's last change, and with it all that came before) is
   * as durable as was asked for. Blocks for the disk: for savers and runners.
   * @throws TURNO_DISK_FULL, TURNO_SYSTEM: it is not durable.
   */
  commit(position = this.#journal.last): void {
    this.#journal.commit(position);
  }

  /**
   * Puts what is needed to run a submission again (its request, packed) into the journal, so that it is as durable as the
   * row. After a power cut the next start hands it to `onSource`.
   * @returns false when it is too long (over a quarter of the ring): then the caller syncs its files, and the next commit() is
   * about all that was appended up to now: the row itself was, by another thread.
   */
  logSource(row: RowIndex, packed: Uint8Array): boolean {
    if (packed.length > this.#journal.mostBytes) {
      this.#journal.catchUp();
      return false;
    }
    const words = new Int32Array(Math.ceil(packed.length / 4));
    new Uint8Array(words.buffer).set(packed);
    this.#journal.append(LogKind.source, row, NO_IMAGE, 0, { words, from: 0, bytes: packed.length });
    return true;
  }

  // ---- copies -------------------------------------------------------------------------------------------------------

  /** What another table must be opened with to hold all of this one. */
  get shape(): Required<RegionOptions> {
    const { maxRows, maxUsers, ringBytes } = this.#region.geometry;
    return { maxRows, maxUsers, ringBytes };
  }

  /** The file below, for what is done to a table as a whole (snapshot.ts, check.ts). */
  get region(): Region {
    return this.#region;
  }

  /** Offset of a row in the file, for messages. */
  offsetOf(row: number): number {
    return this.#parts.rows.offset(row);
  }

  /** See TableParts.awaitChanges. */
  awaitChanges(): void {
    this.#parts.awaitChanges();
  }

  /**
   * Copies every row and user into an empty table in which nobody else works; each as it is at some moment meanwhile.
   * @param checkStop called from time to time; what it throws ends it
   */
  copyInto(copy: Table, checkStop: () => void = () => undefined): void {
    copyTable(this.#parts, copy.#parts, checkStop);
    copy.recount();
  }

  /** See applyRecord. */
  apply(record: LogRecord, listener: ReplayListener): void {
    applyRecord(this.#parts, record, listener);
  }

  /** After a copy or a replay: states have changed without being counted. */
  recount(): void {
    this.#region.store(H.FIRST_UNFINISHED, 0);
    this.#listing.recount();
    forgetArchived(this.#parts);
  }

  // ---- repair and end -----------------------------------------------------------------------------------------------

  /** Takes the locks of the dead, finishes what they had begun and frees their slots; how many slots. Takes about 1 ms. */
  reclaimDead(): number {
    return this.#parts.reclaimDead();
  }

  /** The locks that are held at this moment, and by whom. */
  heldLocks(): HeldLock[] {
    return this.#parts.heldLocks();
  }

  /** For the primary, alone with the file: whoever is in the agent table is dead, whatever /proc says. */
  repairAll(): void {
    this.#parts.agents.condemnOthers();
    this.reclaimDead();
    this.#listing.recount();
    if (this.#region.load(H.ARCHIVED) !== 0) forgetArchived(this.#parts);
  }

  /** The thread is through with the table. `keepFile` leaves the descriptor open. */
  close({ keepFile = false }: { keepFile?: boolean } = {}): void {
    this.#parts.agents.retire();
    this.#journal.close();
    if (!keepFile) this.#region.close();
  }

  /** The primary ends the table in order: everything synced, then the mark. All others have closed it. */
  closeClean(): void {
    this.repairAll();
    this.#journal.flush();
    // In a segment whose write has failed nothing is believed anyway.
    if (this.#region.load(H.JOURNAL_STATE) === 0) this.#journal.sync();
    fsyncSync(this.#region.fd);
    this.#region.markClean();
    fsyncSync(this.#region.fd);
    this.close();
  }
}
