/**
 * Retention: submissions that are done and too old, or too many, go from the table into archive files; the oldest first.
 *
 *     1  a file with the rows, whole and synced (archive.ts)
 *     2  each row is archived (a change, journalled), and the journal is committed
 *     3  their files are removed: request, sources, answer; later, all together, executables nobody names any more
 *     4  the table forgets them, and gives their room back
 *
 * Killed before 1 is complete: nothing has happened. Killed later: the next start reads the newest file and does 2 and 3
 * again, which changes nothing where they were done. So no row is lost, and none is in two files. After a power cut with
 * durability `crash` rows of several files may be done again: so it goes on to older files until all rows of one are archived.
 */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { TurnoError } from '../errors.js';
import type { Store } from '../io/store.js';
import { faultPoint } from '../shm/fault-points.js';
import { H } from '../shm/region.js';
import type { Row, Table } from '../shm/table.js';
import { arrival, rowIndex } from '../units.js';
import { Archive, type ArchivedRow } from './archive.js';

const MS_PER_DAY = 86_400_000;
const MS_PER_HOUR = 3_600_000;
/** Rows of one file at most. */
const MOST_ROWS = 10_000;
/** So many are worth a file at any time; fewer wait for the hour, or a quiet server would fill a directory with small files. */
const ENOUGH_ROWS = 1_000;

export interface RetentionOptions {
  readonly dataDirectory: string;
  /** Submissions sent longer ago are archived; 0 = age does not matter. */
  readonly keepDays: number;
  /** So many submissions are kept, and those that are not done; 0 = any number. */
  readonly keepRows: number;
}

export class Retention {
  readonly #table: Table;
  readonly #store: Store;
  readonly #options: RetentionOptions;
  readonly #archive: Archive;
  readonly #checkStop: () => void;
  #nextMs = 0;
  /** Whether every row of every file is archived: not before recover(), nor after a failure in between. */
  #isWhole = false;

  /** @param checkStop throws when the server ends: asked between two files */
  constructor(table: Table, store: Store, options: RetentionOptions, checkStop: () => void = () => undefined) {
    this.#table = table;
    this.#store = store;
    this.#options = options;
    this.#archive = new Archive(options.dataDirectory, table, store);
    this.#checkStop = checkStop;
  }

  get #isOn(): boolean {
    return this.#options.keepDays > 0 || this.#options.keepRows > 0;
  }

  /** Finishes what a former server, or a failure, had left half done; look() does it when it is needed. */
  recover(): void {
    this.#archive.removeHalfWritten();
    const files = this.#archive.files().reverse();
    for (const name of files) {
      const rows = this.#archive.read(name);
      const wereDone = rows.filter((row) => this.#isStillDone(row));
      this.#take(wereDone, rows);
      if (wereDone.length === 0) break;
    }
    if (files.length > 0) this.#table.forget();
    this.#isWhole = true;
  }

  #isStillDone({ arrival: number, id }: ArchivedRow): boolean {
    const index = this.#table.rowOfArrival(arrival(number));
    const row = index === undefined ? undefined : this.#table.read(index);
    return row?.state === 'done' && Buffer.from(row.id).toString('hex') === id;
  }

  /**
   * Archives what is due, when that is enough for a file or an hour has gone by.
   * @returns how many rows
   * @throws TURNO_DISK_FULL, TURNO_SYSTEM; then the rest stays where it is.
   */
  look(nowMs = Date.now()): number {
    if (!this.#isOn) return 0;
    // Rows that are in a file and not archived yet would get into a second one.
    if (!this.#isWhole) this.recover();
    let count = 0;
    for (;;) {
      this.#checkStop();
      const due = this.#due(nowMs);
      if (due.length < ENOUGH_ROWS && (due.length === 0 || nowMs < this.#nextMs)) break;
      this.#nextMs = nowMs + MS_PER_HOUR;
      this.#isWhole = false;
      this.#archive.write(due);
      const rows = due.map(({ row, arrival, id }) => ({ row, arrival, id: Buffer.from(id).toString('hex') }));
      this.#take(rows, rows);
      this.#isWhole = true;
      this.#table.forget();
      count += due.length;
    }
    if (count > 0) this.#removeUnusedExecutables(nowMs);
    return count;
  }

  /** Rows to archive, in order of arrival: those too old, and as many of the oldest as there are too many. */
  #due(nowMs: number): Row[] {
    const { keepDays, keepRows } = this.#options;
    const { rows, archived } = this.#table.counts();
    const tooOldMs = keepDays > 0 ? nowMs - keepDays * MS_PER_DAY : Number.NEGATIVE_INFINITY;
    let tooMany = keepRows > 0 ? rows - archived - keepRows : 0;
    const due: Row[] = [];
    for (let index = this.#table.region.load(H.FIRST_ROW); index < rows && due.length < MOST_ROWS; index++) {
      const row = this.#readWhole(index);
      if (row === undefined) continue;
      // Times follow the order of arrival, but for a clock that was set: what is not due today is tomorrow.
      if (tooMany <= 0 && row.sentAtMs >= tooOldMs) break;
      if (row.state !== 'done') continue;
      due.push(row);
      tooMany--;
    }
    return due;
  }

  /** A damaged row stays where it is: whoever reads it is told. */
  #readWhole(index: number): Row | undefined {
    try {
      return this.#table.read(rowIndex(index));
    } catch (error) {
      if (error instanceof TurnoError && error.code === 'TURNO_TABLE_DAMAGED') return undefined;
      throw error;
    }
  }

  /** Steps 2 and 3 for rows that are in a file. */
  #take(toArchive: readonly ArchivedRow[], all: readonly ArchivedRow[]): void {
    for (const { row } of toArchive) {
      this.#table.archive(rowIndex(row));
      faultPoint('archive.between-rows');
    }
    // Nothing is removed while a power cut could bring its row back.
    this.#table.commit();
    faultPoint('archive.before-files');
    for (const { id } of all) {
      this.#store.removeSubmission(id);
      faultPoint('archive.between-files');
    }
  }

  /**
   * Executables that no row names. One that was made within the hour stays: its submission may be running. An older one that is
   * used again at this moment is open; then only the file to fetch is gone, and the next submission of the source compiles.
   */
  #removeUnusedExecutables(nowMs: number): void {
    const used = new Set<string>();
    const { rows } = this.#table.counts();
    for (let index = this.#table.region.load(H.FIRST_ROW); index < rows; index++) {
      const executable = this.#readWhole(index)?.executable;
      if (executable) used.add(executable);
    }
    for (const path of this.#store.executables()) {
      const made = statSync(join(this.#options.dataDirectory, path), { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
      if (!used.has(path) && made < nowMs - MS_PER_HOUR) this.#store.removeExecutable(path);
    }
  }
}
