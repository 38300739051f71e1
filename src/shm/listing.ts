/** Looking at many rows: those of a user, those that are not done, and how many there are of each kind. */

import { TurnoError } from '../errors.js';
import type { Arrival } from '../units.js';
import { AGENT, CHUNK_BYTES, type State } from './layout.js';
import type { TableParts } from './parts.js';
import type { Reading } from './reading.js';
import { H } from './region.js';
import { type Row, RowImage } from './row-image.js';
import type { UserIndex } from './users.js';

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

export class Listing {
  readonly #parts: TableParts;
  readonly #reading: Reading;
  readonly #probe = new RowImage();

  constructor(parts: TableParts, reading: Reading) {
    this.#parts = parts;
    this.#reading = reading;
  }

  /** See Table.ofUser. */
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

  /** See Table.chainOf. */
  *chainOf(user: UserIndex, before?: Arrival): Generator<Row> {
    let next = this.#parts.newestOf(user);
    if (before !== undefined) {
      const start = this.#reading.rowOfArrival(before);
      if (start !== undefined && this.#parts.load(start, this.#probe) && this.#probe.user === user)
        next = this.#probe.previous;
    }
    while (next > this.#parts.region.load(H.FIRST_ROW)) {
      const isHis = this.#parts.load(next - 1, this.#probe) && this.#probe.user === user;
      // Rows are linked backwards: anything else would be somebody else's row, or a circle.
      if (!isHis || this.#probe.previous >= next) {
        if (next <= this.#parts.region.load(H.FIRST_ROW)) return; // forgotten while we looked
        throw this.#parts.region.damaged(`chain of user ${user}`, this.#parts.rows.offset(next - 1));
      }
      const row = this.#probe.toRow(next - 1);
      next = this.#probe.previous;
      if (before === undefined || row.arrival < before) yield row;
    }
  }

  /** See Table.unfinished. */
  *unfinished(): Generator<Row> {
    const first = Math.max(this.#parts.region.load(H.FIRST_UNFINISHED), this.#parts.region.load(H.FIRST_ROW));
    const end = this.#parts.region.load(H.ROWS);
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
      return this.#parts.load(row, this.#probe) ? this.#probe.state : 'damaged';
    } catch (error) {
      if (error instanceof TurnoError && error.code === 'TURNO_TABLE_DAMAGED') return 'damaged';
      throw error;
    }
  }

  /** Done is for ever, so the mark only moves up; if another moved it meanwhile, his is as good. */
  #allDoneBefore(old: number, row: number): void {
    Atomics.compareExchange(this.#parts.region.words, H.FIRST_UNFINISHED.offset / 4, old, row);
  }

  counts(): Counts {
    const rows = this.#parts.region.load(H.ROWS);
    const running = (this.#parts.region.load(H.BASE_RUNNING) + this.#parts.agents.total(AGENT.fields.RUNNING)) | 0;
    const ended = (this.#parts.region.load(H.BASE_DONE) + this.#parts.agents.total(AGENT.fields.DONE)) | 0;
    const archived = this.#parts.region.load(H.ARCHIVED);
    const { maxRows } = this.#parts.region.geometry;
    const bytes = this.#parts.region.load(H.COMMITTED) * CHUNK_BYTES;
    const states = { queued: rows - running - ended, running, done: ended - archived, archived };
    return { rows, users: this.#parts.users.count, ...states, maxRows, bytes };
  }

  /** Counts what is not known to be done; cheaper and safer than to know which death left which counter how. */
  recount(): void {
    let running = 0;
    let unfinished = 0;
    for (const { state } of this.unfinished()) {
      unfinished++;
      if (state === 'running') running++;
    }
    this.#parts.agents.resetCounters();
    this.#parts.region.store(H.BASE_RUNNING, running);
    this.#parts.region.store(H.BASE_DONE, this.#parts.region.load(H.ROWS) - unfinished);
  }
}
