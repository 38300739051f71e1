/**
 * What a table (shared-table.ts) is made of, and the repair of all of it: whoever takes a lock from the dead finishes here what
 * they had begun.
 */

import { Agents } from './agents.js';
import { faultPoint } from './fault-points.js';
import { HashIndex, hashWords } from './hash-index.js';
import { Journal } from './journal.js';
import { AGENTS, LogKind, RecordKind, ROW, STATES, STRIPE_WORDS, STRIPES, USER } from './layout.js';
import { loadNative, type TableView } from './native.js';
import { intentOf, type Log, Records, WORDS } from './records.js';
import { H, type Region } from './region.js';
import { Responses } from './responses.js';
import { RowImage } from './row-image.js';
import { Users } from './users.js';
import { WordLock } from './word-lock.js';

export const ID_WORD = ROW.fields.ID.offset / 4;
export const ID_WORDS = ROW.fields.ID.bytes / 4;
export const STATE_WORD = ROW.fields.STATE.offset / 4;
const ORDINAL_WORD = ROW.fields.ORDINAL.offset / 4;
const RESPONSE_AT_WORD = ROW.fields.RESPONSE_AT.offset / 4;
const RESPONSE_BYTES_WORD = ROW.fields.RESPONSE_BYTES.offset / 4;
/** Number of the state in a row. */
export const ARCHIVED = STATES.indexOf('archived');
/** Version of a record that was never changed. */
export const FIRST_VERSION = 2;

/** A lock that is held, and by whom; of a dead holder pid and thread may be those of others by now. */
export interface HeldLock {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly isDead: boolean;
}

export class TableParts {
  readonly region: Region;
  readonly agents: Agents;
  readonly acceptLock: WordLock;
  readonly growLock: WordLock;
  readonly stripes: readonly WordLock[];
  readonly view: TableView;
  readonly rows: Records;
  readonly users: Users;
  readonly userRecords: Records;
  readonly ids: HashIndex;
  readonly responses: Responses;
  readonly journal: Journal;
  readonly log: Log = (kind, index, image) => this.#append(kind, index, image);
  /** All of them, those first that others need for their repair. */
  readonly #locks: readonly { readonly name: string; readonly lock: WordLock }[];
  /** Those under which rows and users are added and changed. */
  readonly #changeLocks: readonly WordLock[];
  readonly #probe = new RowImage();

  constructor(region: Region) {
    this.region = region;
    const agents = new Agents(region);
    this.agents = agents;
    const { geometry } = region;
    const lock = (field: { readonly offset: number }, repair: () => void) =>
      new WordLock(region, field.offset / 4, agents, repair);
    this.growLock = lock(H.GROW_LOCK, () => region.finishGrowing());
    this.acceptLock = lock(H.ACCEPT_LOCK, () => this.#repairAccept());
    const usersLock = lock(H.USERS_LOCK, () => this.users.repair());
    this.stripes = Array.from(
      { length: STRIPES },
      (_, stripe) =>
        new WordLock(region, geometry.stripes / 4 + stripe * STRIPE_WORDS, agents, () => this.#finishUnder(stripe)),
    );
    // A dead leader leaves nothing to repair: what it wrote is written again. Nor does half a record in the ring.
    const appendLock = lock(H.APPEND_LOCK, () => undefined);
    const leaderLock = lock(H.LEADER_LOCK, () => undefined);
    this.journal = new Journal(region, appendLock, leaderLock);
    this.#locks = [
      { name: 'leader', lock: leaderLock },
      { name: 'append', lock: appendLock },
      { name: 'grow', lock: this.growLock },
      { name: 'users', lock: usersLock },
      { name: 'accept', lock: this.acceptLock },
      ...this.stripes.map((lock, number) => ({ name: `stripe ${number}`, lock })),
    ];
    this.#changeLocks = [this.acceptLock, usersLock, ...this.stripes];
    const stripe = (index: number) => this.stripe(index);
    const { TableView } = loadNative();
    const { rows: rowsArea, users: usersArea, ids: idsArea, fixedChunks } = geometry;
    const view = new TableView(region.words, rowsArea.directory, usersArea.directory, idsArea.directory, fixedChunks);
    this.view = view;
    const rows = { kind: RecordKind.row, area: geometry.rows, recordBytes: ROW.size };
    this.rows = new Records(region, view, agents, rows, stripe, this.log);
    const users = { kind: RecordKind.user, area: geometry.users, recordBytes: USER.size };
    this.userRecords = new Records(region, view, agents, users, stripe, this.log);
    this.users = new Users(region, this.userRecords, usersLock, this.growLock, this.log);
    this.ids = new HashIndex(
      region,
      geometry.ids,
      geometry.maxRows,
      this.growLock,
      (row) => this.#hashOf(row),
      (row, key) => this.#hasId(row, key),
    );
    this.responses = new Responses(region, this.growLock);
    agents.onReclaim = (slot) => this.#finishIntent(slot);
    agents.claim();
  }

  /** The lock under which a record is changed. */
  stripe(index: number): WordLock {
    const stripe = this.stripes[index % STRIPES];
    if (stripe === undefined) throw new Error(`no stripe for ${index}`);
    return stripe;
  }

  /** Reads a row that is there: accepted, and not forgotten. @throws TURNO_TABLE_DAMAGED */
  load(row: number, image: RowImage): boolean {
    const { region } = this;
    return row >= region.load(H.FIRST_ROW) && row < region.load(H.ROWS) && this.rows.read(row, image.words);
  }

  /** What follows the commit of a row; idempotent. */
  link(row: number, image: RowImage): void {
    this.ids.add(row, hashWords(image.words, ID_WORD, ID_WORDS));
    faultPoint('accept.after-index');
    if (this.users.newest(image.user) < row + 1) this.users.setNewest(image.user, row + 1);
    faultPoint('accept.after-chain');
  }

  /** Row + 1 of a user's newest submission that is not forgotten, 0 = none. */
  newestOf(user: number): number {
    const newest = this.users.newest(user);
    return newest > this.region.load(H.FIRST_ROW) ? newest : 0;
  }

  /** How many its user had with it. Immutable from the commit on, so a plain word will do. */
  ordinalOf(row: number): number {
    return this.rows.view(row)?.[this.rows.at(row) + ORDINAL_WORD] ?? 0;
  }

  /** For ever, so a plain word will do. */
  isArchived(row: number): boolean {
    return this.rows.view(row)?.[this.rows.at(row) + STATE_WORD] === ARCHIVED;
  }

  #hashOf(row: number): number | undefined {
    // The room of one that is forgotten may be a hole by now: a million keys of zeros would all want the same place.
    if (row < this.region.load(H.FIRST_ROW)) return undefined;
    const view = this.rows.view(row);
    return view === undefined ? undefined : hashWords(view, this.rows.at(row) + ID_WORD, ID_WORDS);
  }

  /** The id of a committed row never changes: plain words will do, and the caller's read verifies them. */
  #hasId(row: number, key: Int32Array): boolean {
    const view = this.rows.view(row);
    if (view === undefined) return false;
    const at = this.rows.at(row) + ID_WORD;
    if (this.isArchived(row)) return false;
    return view[at] === key[0] && view[at + 1] === key[1] && view[at + 2] === key[2] && view[at + 3] === key[3];
  }

  #append(kind: RecordKind, index: number, image: Int32Array): void {
    const count = image[WORDS] ?? 0;
    if (kind === RecordKind.user) {
      this.journal.append(LogKind.user, index, image, count);
      return;
    }
    const at = (image[RESPONSE_AT_WORD] ?? 0) >>> 0;
    // The response goes along: extents are not believed after a power cut either.
    const rest = at === 0 ? undefined : this.responses.words(at, image[RESPONSE_BYTES_WORD] ?? 0);
    this.journal.append(LogKind.row, index, image, count, rest);
  }

  /**
   * Returns when each change that had been begun is done, or has not happened: waits for the living, and finishes what the dead
   * had begun. The caller holds no lock.
   */
  awaitChanges(): void {
    for (const lock of this.#changeLocks) {
      lock.acquire();
      lock.release();
    }
  }

  // ---- repair -------------------------------------------------------------------------------------------------------

  /** Takes the locks of the dead, finishes what they had begun and frees their slots; how many slots. Takes about 1 ms. */
  reclaimDead(): number {
    for (const { lock } of this.#locks) lock.releaseIfDead();
    return this.agents.reclaimDead();
  }

  /** The locks that are held at this moment, and by whom. */
  heldLocks(): HeldLock[] {
    return this.#locks
      .map(({ name, lock }) => ({ name, holder: lock.holder }))
      .filter(({ holder }) => holder !== 0)
      .map(({ name, holder }) => ({ name, ...this.agents.describe(holder), isDead: this.agents.isDead(holder) }));
  }

  #repairAccept(): void {
    const last = this.region.load(H.ROWS) - 1;
    if (last >= 0 && this.rows.read(last, this.#probe.words)) this.link(last, this.#probe);
  }

  /**
   * Finishes what was begun under a stripe we have just taken from the dead. The change need not be that of the last holder:
   * he may have died while he finished the change of another. But whoever lives has an intent only while he holds the
   * stripe, so every intent about it is one to finish.
   */
  #finishUnder(stripe: number): void {
    for (let slot = 0; slot < AGENTS; slot++) {
      const intent = intentOf(this.region, this.agents, slot);
      if (intent === undefined || intent.index % STRIPES !== stripe) continue;
      (intent.kind === RecordKind.user ? this.userRecords : this.rows).finishFor(slot);
    }
  }

  /** Before a dead agent's slot is used again. */
  #finishIntent(slot: number): void {
    const intent = intentOf(this.region, this.agents, slot);
    if (intent === undefined) return;
    // Taking the stripe repairs it, whether we are the one who takes it over or wait for the one who does.
    const stripe = this.stripe(intent.index);
    stripe.acquire();
    stripe.release();
  }
}
