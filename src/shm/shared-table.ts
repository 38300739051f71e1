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
import { TurnoError } from '../errors.js';
import { type Arrival, arrival, type RowIndex, rowIndex } from '../units.js';
import { Agents } from './agents.js';
import {
  applyRecord,
  copyTable,
  FIRST_VERSION,
  linkRow,
  loadRow,
  type ReplayListener,
  type TableParts,
} from './copying.js';
import { freeBytes } from './disk.js';
import { faultPoint } from './fault-points.js';
import { forgetArchived, releaseUnused } from './forgetting.js';
import { HashIndex, hashWords } from './hash-index.js';
import { Journal } from './journal.js';
import {
  AGENT,
  AGENTS,
  CHUNK_BYTES,
  LogKind,
  MAX_RESPONSE_BYTES,
  RecordKind,
  ResponseKind,
  ROW,
  STATES,
  STRIPE_WORDS,
  STRIPES,
  type State,
  USER,
} from './layout.js';
import { loadNative } from './native.js';
import { intentOf, type Log, Records, VERSION, WORDS } from './records.js';
import { H, type Region, type RegionOptions } from './region.js';
import type { LogRecord } from './replay.js';
import { Responses } from './responses.js';
import { type ResponsePlace, type Result, type Row, RowImage } from './row-image.js';
import { type User, type UserIndex, Users } from './users.js';
import { WordLock } from './word-lock.js';

const ID_WORD = ROW.fields.ID.offset / 4;
const ID_WORDS = ROW.fields.ID.bytes / 4;
const STATE_WORD = ROW.fields.STATE.offset / 4;
const ARCHIVED = STATES.indexOf('archived');
const ARCHIVED_WORD = H.ARCHIVED.offset / 4;
const ORDINAL_WORD = ROW.fields.ORDINAL.offset / 4;
const RESPONSE_AT_WORD = ROW.fields.RESPONSE_AT.offset / 4;
const RESPONSE_BYTES_WORD = ROW.fields.RESPONSE_BYTES.offset / 4;
const NO_IMAGE = new Int32Array();
/** Of native.findRow(). */
const NOBODY = -1;
const LOOK_YOURSELF = -2;

export interface Submission {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  readonly user: UserIndex;
  /** At most 31 bytes. */
  readonly language: string;
  readonly sentAtMs: number;
  /** Pid of the front that looks after it. */
  readonly owner?: number;
  /** Path of the source, relative to the data directory, at most 127 bytes; or later, by setPaths. */
  readonly source?: string;
}

export interface Accepted {
  readonly row: RowIndex;
  readonly arrival: Arrival;
}

export interface Counts {
  /** Accepted so far, those archived included: also the number of the next row. */
  readonly rows: number;
  readonly users: number;
  readonly queued: number;
  readonly running: number;
  /** Still here. */
  readonly done: number;
  /** Gone into archive files. */
  readonly archived: number;
  readonly maxRows: number;
  /** Bytes of the file in use. */
  readonly bytes: number;
}

export class Table {
  readonly #native = loadNative();
  readonly #region: Region;
  readonly #agents: Agents;
  readonly #stripes: readonly WordLock[];
  /** All of them, those first that others need for their repair. */
  readonly #locks: readonly { readonly name: string; readonly lock: WordLock }[];
  readonly #acceptLock: WordLock;
  readonly #usersLock: WordLock;
  readonly #growLock: WordLock;
  readonly #rows: Records;
  readonly #users: Users;
  readonly #userRecords: Records;
  readonly #ids: HashIndex;
  readonly #responses: Responses;
  readonly #log: Log;
  readonly #journal: Journal;
  readonly #parts: TableParts;
  /** Images for this thread's one change or read at a time. */
  readonly #image = new RowImage();
  readonly #probe = new RowImage();
  readonly #key = new Int32Array(ID_WORDS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);

  constructor(region: Region) {
    this.#region = region;
    const agents = new Agents(region);
    this.#agents = agents;
    const { geometry } = region;
    const lock = (field: { readonly offset: number }, repair: () => void) =>
      new WordLock(region, field.offset / 4, agents, repair);
    this.#growLock = lock(H.GROW_LOCK, () => region.finishGrowing());
    this.#acceptLock = lock(H.ACCEPT_LOCK, () => this.#repairAccept());
    this.#usersLock = lock(H.USERS_LOCK, () => this.#users.repair());
    this.#stripes = Array.from(
      { length: STRIPES },
      (_, stripe) =>
        new WordLock(region, geometry.stripes / 4 + stripe * STRIPE_WORDS, agents, () => this.#finishUnder(stripe)),
    );
    const stripe = (index: number) => this.#stripe(index);
    // A dead leader leaves nothing to repair: what it wrote is written again. Nor does half a record in the ring.
    const appendLock = lock(H.APPEND_LOCK, () => undefined);
    const leaderLock = lock(H.LEADER_LOCK, () => undefined);
    this.#journal = new Journal(region, appendLock, leaderLock);
    this.#locks = [
      { name: 'leader', lock: leaderLock },
      { name: 'append', lock: appendLock },
      { name: 'grow', lock: this.#growLock },
      { name: 'users', lock: this.#usersLock },
      { name: 'accept', lock: this.#acceptLock },
      ...this.#stripes.map((lock, number) => ({ name: `stripe ${number}`, lock })),
    ];
    this.#log = (kind, index, image) => this.#append(kind, index, image);
    const rows = { kind: RecordKind.row, area: geometry.rows, recordBytes: ROW.size };
    this.#rows = new Records(region, agents, rows, stripe, this.#log);
    const users = { kind: RecordKind.user, area: geometry.users, recordBytes: USER.size };
    this.#userRecords = new Records(region, agents, users, stripe, this.#log);
    this.#users = new Users(region, this.#userRecords, this.#usersLock, this.#growLock, this.#log);
    this.#ids = new HashIndex(
      region,
      geometry.ids,
      geometry.maxRows,
      this.#growLock,
      (row) => this.#hashOf(row),
      (row, key) => this.#hasId(row, key),
    );
    this.#responses = new Responses(region, this.#growLock);
    this.#parts = {
      region,
      rows: this.#rows,
      users: this.#users,
      userRecords: this.#userRecords,
      ids: this.#ids,
      responses: this.#responses,
      growLock: this.#growLock,
    };
    agents.onReclaim = (slot) => this.#finishIntent(slot);
    agents.claim();
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
  addUser({ name, tokenHash, priority }: { name: string; tokenHash: Uint8Array; priority?: number }): UserIndex {
    this.#journal.checkAccepting(false);
    return this.#users.add(name, tokenHash, priority);
  }

  /** Says how far behind others a user's submissions go, those sent from now on. */
  setPriority(index: UserIndex, priority: number): void {
    this.#journal.checkAccepting(false);
    const stripe = this.#stripe(index);
    stripe.acquire();
    try {
      this.#users.setPriority(index, priority);
    } finally {
      stripe.release();
    }
  }

  userByToken(tokenHash: Uint8Array): User | undefined {
    return this.#users.byToken(tokenHash);
  }

  userByName(name: string): User | undefined {
    return this.#users.byName(name);
  }

  user(index: UserIndex): User | undefined {
    return this.#users.get(index);
  }

  tokenHashOf(index: UserIndex): Uint8Array | undefined {
    return this.#users.tokenHashOf(index);
  }

  /** Whether a user is found by his token; for checks. */
  hasTokenIndex(index: UserIndex): boolean {
    const hash = this.#users.tokenHashOf(index);
    return hash !== undefined && this.#users.byToken(hash)?.index === index;
  }

  /** Row + 1 of a user's newest submission, 0 = none; it may be forgotten. */
  newestOf(user: UserIndex): number {
    return this.#users.newest(user);
  }

  #newestOf(user: UserIndex): number {
    const newest = this.#users.newest(user);
    return newest > this.#region.load(H.FIRST_ROW) ? newest : 0;
  }

  /** Submissions of a user, since the table last had none of his. */
  countOf(user: UserIndex): number {
    const newest = this.#newestOf(user);
    return newest === 0 ? 0 : this.#ordinalOf(newest - 1);
  }

  // ---- accepting ----------------------------------------------------------------------------------------------------

  /**
   * Adds a submission, `queued`, with the next arrival number. May wait for other threads that do the same.
   * @throws TURNO_TABLE_FULL, TURNO_DISK_FULL, TURNO_DISK_LOW, TURNO_DISK_REFUSES, TURNO_TOO_LARGE; then nothing has changed.
   */
  accept(submission: Submission): Accepted {
    this.#journal.checkAccepting(true);
    this.#acceptLock.acquire();
    try {
      return this.#accept(submission);
    } finally {
      this.#acceptLock.release();
    }
  }

  /** As accept(), but never waits: undefined when another holds the lock, or the disk is behind. For event loops. */
  tryAccept(submission: Submission): Accepted | undefined {
    this.#journal.checkAccepting(false);
    if (!this.#journal.hasRoom || !this.#acceptLock.tryAcquire()) return undefined;
    try {
      return this.#accept(submission);
    } finally {
      this.#acceptLock.release();
    }
  }

  /** Why nothing new is taken at this moment; undefined when it is. */
  refusal(): TurnoError | undefined {
    try {
      this.#journal.checkAccepting(false);
      this.#checkRoom();
      return undefined;
    } catch (error) {
      if (error instanceof TurnoError) return error;
      throw error;
    }
  }

  /** Free on the disk when the primary looked last; 0 without one. */
  get freeBytes(): number {
    return freeBytes(this.#region);
  }

  #checkRoom(): number {
    const row = this.#region.load(H.ROWS);
    if (row < this.#region.geometry.maxRows) return row;
    throw new TurnoError('TURNO_TABLE_FULL', { path: this.path, rows: row });
  }

  #accept({ id, user, language, sentAtMs, owner = process.pid, source }: Submission): Accepted {
    const row = this.#checkRoom();
    if (id.length !== ID_WORDS * 4) throw new RangeError(`id: expected 16 bytes, got ${id.length}`);
    if (user < 0 || user >= this.#users.count) throw new RangeError(`user: there is no user ${user}`);
    this.#rows.ensure(row, this.#growLock);
    this.#ids.prepare(row);
    const number = row + 1 + this.#region.load(H.BASE);
    const previous = this.#newestOf(user);
    const ordinal = previous === 0 ? 1 : this.#ordinalOf(previous - 1) + 1;
    const image = this.#image;
    image.begin({ id, arrival: number, user, owner, previous, ordinal, language, sentAtMs });
    if (source !== undefined) image.setPaths({ source });
    this.#rows.seal(row, image.words, FIRST_VERSION);
    this.#rows.writeUnseen(row, image.words);
    faultPoint('accept.after-row');
    this.#log(RecordKind.row, row, image.words);
    faultPoint('accept.after-log');
    this.#region.store(H.ROWS, row + 1);
    faultPoint('accept.after-commit');
    linkRow(this.#parts, row, image);
    return { row: rowIndex(row), arrival: arrival(number) };
  }

  #repairAccept(): void {
    const last = this.#region.load(H.ROWS) - 1;
    if (last >= 0 && this.#rows.read(last, this.#probe.words)) linkRow(this.#parts, last, this.#probe);
  }

  #hashOf(row: number): number | undefined {
    const view = this.#rows.view(row);
    return view === undefined ? undefined : hashWords(view, this.#rows.at(row) + ID_WORD, ID_WORDS);
  }

  /** Immutable from the commit on, so a plain word will do. */
  #ordinalOf(row: number): number {
    return this.#rows.view(row)?.[this.#rows.at(row) + ORDINAL_WORD] ?? 0;
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /**
   * A consistent, verified copy of a row; undefined when there is none.
   * @throws TURNO_TABLE_DAMAGED
   */
  read(row: RowIndex): Row | undefined {
    return this.#load(row, this.#probe) ? this.#probe.toRow(row) : undefined;
  }

  rowOf(id: Uint8Array): RowIndex | undefined {
    if (id.length !== ID_WORDS * 4) return undefined;
    const row = this.#find(id);
    if (row === LOOK_YOURSELF) return this.#rowOfSlowly(id);
    return row === NOBODY || this.#isArchived(row) ? undefined : rowIndex(row);
  }

  /**
   * The row of an id and, in `image`, a consistent and verified copy of all its words: what rowOf() and read() do, in one
   * step and without making an object. An image has RowImage.words or as many words of the caller's own.
   * @throws TURNO_TABLE_DAMAGED
   */
  readById(id: Uint8Array, image: Int32Array): RowIndex | undefined {
    if (id.length !== ID_WORDS * 4) return undefined;
    const row = this.#find(id, image);
    if (row >= 0) return image[STATE_WORD] === ARCHIVED ? undefined : rowIndex(row);
    const found = row === NOBODY ? undefined : this.#rowOfSlowly(id);
    return found !== undefined && this.#rows.read(found, image) ? found : undefined;
  }

  #find(id: Uint8Array, image?: Int32Array): number {
    const { words, geometry } = this.#region;
    return this.#native.findRow(
      words,
      geometry.rows.directory,
      geometry.ids.directory,
      geometry.fixedChunks,
      id,
      image,
    );
  }

  #rowOfSlowly(id: Uint8Array): RowIndex | undefined {
    for (let at = 0; at < ID_WORDS * 4; at++) this.#keyBytes[at] = id[at] ?? 0;
    const found = this.#ids.find(this.#region.load(H.ROWS), hashWords(this.#key, 0, ID_WORDS), this.#key);
    return found === -1 ? undefined : rowIndex(found);
  }

  /** The id of a committed row never changes: plain words will do, and the caller's read verifies them. */
  #hasId(row: number, key: Int32Array): boolean {
    const view = this.#rows.view(row);
    if (view === undefined) return false;
    const at = this.#rows.at(row) + ID_WORD;
    if (this.#isArchived(row)) return false;
    return view[at] === key[0] && view[at + 1] === key[1] && view[at + 2] === key[2] && view[at + 3] === key[3];
  }

  /** For ever, so a plain word will do. */
  #isArchived(row: number): boolean {
    return this.#rows.view(row)?.[this.#rows.at(row) + STATE_WORD] === ARCHIVED;
  }

  rowOfArrival(number: Arrival): RowIndex | undefined {
    const row = number - 1 - this.#region.load(H.BASE);
    return row >= this.#region.load(H.FIRST_ROW) && row < this.#region.load(H.ROWS) ? rowIndex(row) : undefined;
  }

  /**
   * The response that was recorded, or undefined when there is none yet.
   * @throws TURNO_TABLE_DAMAGED
   */
  response(row: RowIndex): Uint8Array | { file: string } | undefined {
    for (;;) {
      if (!this.#load(row, this.#probe)) return undefined;
      const version = this.#probe.words[VERSION];
      try {
        return this.#responseOf(row, this.#probe);
      } catch (error) {
        // Archived, and its extent given back, while we looked: then the row says so now.
        if (!this.#load(row, this.#probe) || this.#probe.words[VERSION] !== version) continue;
        throw error;
      }
    }
  }

  /**
   * Copies the response that lies in the row itself into `target`, as words: nothing is allocated.
   * @returns its length in bytes, or -1 when there is none, or it lies elsewhere (then response() has it)
   */
  responseInto(row: RowIndex, target: Int32Array): number {
    if (!this.#load(row, this.#probe)) return -1;
    return this.#probe.copyInline(target);
  }

  #responseOf(row: number, image: RowImage): Uint8Array | { file: string } | undefined {
    const { response } = image;
    if (response.kind === ResponseKind.none) return undefined;
    const content =
      response.at === 0 ? image.slice(response.offset, response.length) : this.#responses.get(row, response);
    return response.kind === ResponseKind.file ? { file: Buffer.from(content).toString() } : content;
  }

  /** Submissions of a user, newest first, those before an arrival if given; in time proportional to what is shown. */
  ofUser(user: UserIndex, { before, limit }: { before?: Arrival | undefined; limit: number }): Row[] {
    const found: Row[] = [];
    if (limit <= 0) return found;
    for (const row of this.chainOf(user, before)) {
      if (row.state === 'archived') continue;
      found.push(row);
      if (found.length === limit) break;
    }
    return found;
  }

  /** Every row of a user that is not forgotten, newest first, those before an arrival if given. */
  *chainOf(user: UserIndex, before?: Arrival): Generator<Row> {
    let next = this.#newestOf(user);
    if (before !== undefined) {
      const start = this.rowOfArrival(before);
      if (start !== undefined && this.#load(start, this.#probe) && this.#probe.user === user)
        next = this.#probe.previous;
    }
    while (next > this.#region.load(H.FIRST_ROW)) {
      const isHis = this.#load(next - 1, this.#probe) && this.#probe.user === user;
      // Rows are linked backwards: anything else would be somebody else's row, or a circle.
      if (!isHis || this.#probe.previous >= next) {
        if (next <= this.#region.load(H.FIRST_ROW)) return; // forgotten while we looked
        throw this.#region.damaged(`chain of user ${user}`, this.#rows.offset(next - 1));
      }
      const row = this.#probe.toRow(next - 1);
      next = this.#probe.previous;
      if (before === undefined || row.arrival < before) yield row;
    }
  }

  /**
   * Rows that are not done, in order of arrival. Damaged ones are passed over, and looked at again the next time: whoever
   * reads them is told.
   */
  *unfinished(): Generator<Row> {
    const first = Math.max(this.#region.load(H.FIRST_UNFINISHED), this.#region.load(H.FIRST_ROW));
    const end = this.#region.load(H.ROWS);
    let isFirst = true;
    for (let row = first; row < end; row++) {
      const state = this.#stateOf(row);
      if (state === 'done' || state === 'archived') continue;
      if (isFirst) this.#allDoneBefore(first, row);
      isFirst = false;
      if (state !== 'damaged') yield this.#probe.toRow(row);
    }
    if (isFirst) this.#allDoneBefore(first, end);
  }

  #stateOf(row: number): State | 'damaged' {
    try {
      return this.#load(row, this.#probe) ? this.#probe.state : 'damaged';
    } catch (error) {
      if (error instanceof TurnoError && error.code === 'TURNO_TABLE_DAMAGED') return 'damaged';
      throw error;
    }
  }

  /** Done is for ever, so the mark only moves up; if another moved it meanwhile, his is as good. */
  #allDoneBefore(old: number, row: number): void {
    Atomics.compareExchange(this.#region.words, H.FIRST_UNFINISHED.offset / 4, old, row);
  }

  counts(): Counts {
    const rows = this.#region.load(H.ROWS);
    const running = (this.#region.load(H.BASE_RUNNING) + this.#agents.total(AGENT.fields.RUNNING)) | 0;
    const ended = (this.#region.load(H.BASE_DONE) + this.#agents.total(AGENT.fields.DONE)) | 0;
    const archived = this.#region.load(H.ARCHIVED);
    const { maxRows } = this.#region.geometry;
    const bytes = this.#region.load(H.COMMITTED) * CHUNK_BYTES;
    const states = { queued: rows - running - ended, running, done: ended - archived, archived };
    return { rows, users: this.#users.count, ...states, maxRows, bytes };
  }

  #load(row: number, image: RowImage): boolean {
    return loadRow(this.#parts, row, image);
  }

  // ---- changing -----------------------------------------------------------------------------------------------------

  /** The row is being run. False when it is done already. */
  start(row: RowIndex): boolean {
    return this.#change(row, (image) => {
      image.state = 'running';
    });
  }

  /** Another front looks after the row now. */
  setOwner(row: RowIndex, pid: number): boolean {
    return this.#change(row, (image) => {
      image.owner = pid;
    });
  }

  /** Says where source or executable lie; undefined leaves a path as it is. */
  setPaths(row: RowIndex, paths: { source?: string | null; executable?: string | null }): boolean {
    return this.#change(row, (image) => {
      const response = this.#responseOf(row, image);
      image.setPaths(paths);
      if (response !== undefined) this.#putResponse(row, image, response);
    });
  }

  /** Writes what the run left into the row, which stays unfinished until settle(). False when it is done already. */
  record(row: RowIndex, result: Result): boolean {
    return this.#change(row, (image) => this.#fill(row, image, result));
  }

  /** Replaces the response alone. False when the row is done already. */
  setResponse(row: RowIndex, response: Uint8Array): boolean {
    return this.#change(row, (image) => this.#putResponse(row, image, response));
  }

  /** The row is done. False when it was: exactly one caller gets true. */
  settle(row: RowIndex): boolean {
    return this.#change(row, (image) => {
      image.state = 'done';
    });
  }

  /** record() and settle() as one change. */
  finish(row: RowIndex, result: Result): boolean {
    return this.#change(row, (image) => {
      this.#fill(row, image, result);
      image.state = 'done';
    });
  }

  /**
   * The row is in an archive file: it is found no more, and its room is given back (forget). False when it is not done, or was
   * archived already.
   */
  archive(row: RowIndex): boolean {
    const stripe = this.#stripe(row);
    stripe.acquire();
    try {
      const image = this.#image;
      if (!this.#load(row, image) || image.state !== 'done') return false;
      image.archive();
      Atomics.add(this.#region.words, ARCHIVED_WORD, 1);
      try {
        this.#rows.change(row, image.words, 0, 0);
      } catch (error) {
        Atomics.sub(this.#region.words, ARCHIVED_WORD, 1); // the journal takes nothing: it is not archived
        throw error;
      }
      return true;
    } finally {
      stripe.release();
    }
  }

  /**
   * Gives back to the file system what archived rows had, and forgets those that nobody stands before. For one thread at a
   * time, when what was archived is durable. Takes about 0.1 us a row that is there.
   */
  forget(): void {
    forgetArchived(this.#parts);
    // Whoever had taken room in the extents has named it in his row, or is finished by us: then rows tell what is used.
    const extents = this.#region.load(H.EXTENTS);
    for (const stripe of this.#stripes) {
      stripe.acquire();
      stripe.release();
    }
    releaseUnused(this.#parts, extents);
  }

  #fill(row: number, image: RowImage, result: Result): void {
    image.setPaths(result);
    image.setNumbers(result);
    this.#putResponse(row, image, result.response);
  }

  #putResponse(row: number, image: RowImage, response: Uint8Array | { readonly file: string }): void {
    const isFile = !(response instanceof Uint8Array);
    const kind = isFile ? ResponseKind.file : ResponseKind.bytes;
    const content = isFile ? Buffer.from(response.file) : response;
    if (content.length > MAX_RESPONSE_BYTES) {
      throw new TurnoError('TURNO_TOO_LARGE', { field: 'response', limit: MAX_RESPONSE_BYTES, found: content.length });
    }
    if (!image.tryInline(kind, content)) image.setExtent(kind, this.#responses.put(row, content));
  }

  /** Changes a row that is not done, under its stripe. */
  #change(row: number, edit: (image: RowImage) => void): boolean {
    const stripe = this.#stripe(row);
    stripe.acquire();
    try {
      const image = this.#image;
      if (row < this.#region.load(H.FIRST_ROW)) return false;
      if (!this.#load(row, image)) throw new RangeError(`there is no row ${row}`);
      const before = image.state;
      if (before === 'done' || before === 'archived') return false;
      edit(image);
      const after = image.state;
      this.#rows.change(row, image.words, as(after === 'running') - as(before === 'running'), as(after === 'done'));
      return true;
    } finally {
      stripe.release();
    }
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
   * @returns false when it is too long (over a quarter of the ring): then the caller syncs its files himself.
   */
  logSource(row: RowIndex, packed: Uint8Array): boolean {
    if (packed.length > this.#journal.mostBytes) return false;
    const words = new Int32Array(Math.ceil(packed.length / 4));
    new Uint8Array(words.buffer).set(packed);
    this.#journal.append(LogKind.source, row, NO_IMAGE, 0, { words, from: 0, bytes: packed.length });
    return true;
  }

  #append(kind: RecordKind, index: number, image: Int32Array): void {
    const count = image[WORDS] ?? 0;
    if (kind === RecordKind.user) {
      this.#journal.append(LogKind.user, index, image, count);
      return;
    }
    const at = (image[RESPONSE_AT_WORD] ?? 0) >>> 0;
    // The response goes along: extents are not believed after a power cut either.
    const rest = at === 0 ? undefined : this.#responses.words(at, image[RESPONSE_BYTES_WORD] ?? 0);
    this.#journal.append(LogKind.row, index, image, count, rest);
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
    return this.#rows.offset(row);
  }

  /** Where the response of a row lies in the extents; undefined when it lies elsewhere. */
  extentOf(row: RowIndex): ResponsePlace | undefined {
    const place = this.#load(row, this.#probe) ? this.#probe.response : undefined;
    return place === undefined || place.at === 0 ? undefined : place;
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
    this.#recount();
    forgetArchived(this.#parts);
  }

  // ---- repair and end -----------------------------------------------------------------------------------------------

  /** Takes the locks of the dead, finishes what they had begun and frees their slots; how many slots. Takes about 1 ms. */
  reclaimDead(): number {
    for (const { lock } of this.#locks) lock.releaseIfDead();
    return this.#agents.reclaimDead();
  }

  /** The locks that are held at this moment, and by whom. */
  heldLocks(): { name: string; pid: number; tid: number }[] {
    return this.#locks
      .filter(({ lock }) => lock.holder !== 0)
      .map(({ name, lock }) => ({ name, ...this.#agents.describe(lock.holder) }));
  }

  /** For the primary, alone with the file: whoever is in the agent table is dead, whatever /proc says. */
  repairAll(): void {
    this.#agents.condemnOthers();
    this.reclaimDead();
    this.#recount();
    if (this.#region.load(H.ARCHIVED) !== 0) forgetArchived(this.#parts);
  }

  /** Counts what is not known to be done; cheaper and safer than to know which death left which counter how. */
  #recount(): void {
    let running = 0;
    let unfinished = 0;
    for (const { state } of this.unfinished()) {
      unfinished++;
      if (state === 'running') running++;
    }
    this.#agents.resetCounters();
    this.#region.store(H.BASE_RUNNING, running);
    this.#region.store(H.BASE_DONE, this.#region.load(H.ROWS) - unfinished);
  }

  #stripe(index: number): WordLock {
    const stripe = this.#stripes[index % STRIPES];
    if (stripe === undefined) throw new Error(`no stripe for ${index}`);
    return stripe;
  }

  /**
   * Finishes what was begun under a stripe we have just taken from the dead. The change need not be that of the last holder:
   * he may have died while he finished the change of another. But whoever lives has an intent only while he holds the
   * stripe, so every intent about it is one to finish.
   */
  #finishUnder(stripe: number): void {
    for (let slot = 0; slot < AGENTS; slot++) {
      const intent = intentOf(this.#region, this.#agents, slot);
      if (intent === undefined || intent.index % STRIPES !== stripe) continue;
      (intent.kind === RecordKind.user ? this.#userRecords : this.#rows).finishFor(slot);
    }
  }

  /** Before a dead agent's slot is used again. */
  #finishIntent(slot: number): void {
    const intent = intentOf(this.#region, this.#agents, slot);
    if (intent === undefined) return;
    // Taking the stripe repairs it, whether we are the one who takes it over or wait for the one who does.
    const stripe = this.#stripe(intent.index);
    stripe.acquire();
    stripe.release();
  }

  /** The thread is through with the table. `keepFile` leaves the descriptor open. */
  close({ keepFile = false }: { keepFile?: boolean } = {}): void {
    this.#agents.retire();
    this.#journal.close();
    if (!keepFile) this.#region.close();
  }

  /** The primary ends the table in order: everything synced, then the mark. All others have closed it. */
  closeClean(): void {
    this.repairAll();
    this.#journal.flush();
    fsyncSync(this.#region.fd);
    this.#region.markClean();
    fsyncSync(this.#region.fd);
    this.close();
  }
}

function as(truth: boolean): number {
  return truth ? 1 : 0;
}
