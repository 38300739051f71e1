/**
 * How many submissions a user has unfinished, in the whole server, so that one user cannot fill it.
 *
 * Nobody keeps this number in shared memory: it would be wrong after every crash. It is found in the table: a user's rows
 * are linked newest to oldest, so what has come since the last question (from whatever front) is at the beginning, and what
 * was unfinished then is remembered here and looked at again only when the bound seems to be reached.
 */

import { isEnded, type Row, type Table } from '../shm/table.js';
import type { RowIndex } from '../units.js';

const FIRST_PAGE = 4;
const PAGE = 256;
/** So many that have ended are forgotten at once: enough not to look again at each question. */
const FORGOTTEN_AT_ONCE = 64;
/** Users remembered; when there are more, all are found anew. */
const MOST_USERS = 10_000;

interface Known {
  /** Arrival of the newest row that was looked at. */
  upTo: number;
  /** Unfinished when they were looked at; oldest first. */
  readonly rows: Set<RowIndex>;
}

export class Unfinished {
  readonly #table: Table;
  readonly #users = new Map<number, Known>();

  constructor(table: Table) {
    this.#table = table;
  }

  /**
   * Whether a user has `count` submissions unfinished, or more. Exact but for those other fronts accept in this moment.
   * A few microseconds, at the bound one or two for each of them.
   */
  hasAsMany(user: number, count: number): boolean {
    const known = this.#known(user);
    this.#lookAtNew(user, known);
    if (known.rows.size < count) return false;
    this.#forgetDone(known);
    return known.rows.size >= count;
  }

  #known(user: number): Known {
    const found = this.#users.get(user);
    if (found) return found;
    if (this.#users.size >= MOST_USERS) this.#users.clear();
    const known = { upTo: this.#firstUnfinished() - 1, rows: new Set<RowIndex>() };
    this.#users.set(user, known);
    return known;
  }

  /** Arrival before which all is done: nothing older need be looked at. */
  #firstUnfinished(): number {
    for (const { arrival } of this.#table.unfinished()) return arrival;
    return this.#table.counts().rows + 1;
  }

  #lookAtNew(user: number, known: Known): void {
    const fresh: Row[] = [];
    let page = this.#table.ofUser(user, { limit: FIRST_PAGE });
    const newest = page[0]?.arrival ?? known.upTo;
    for (;;) {
      fresh.push(...page.filter(({ arrival }) => arrival > known.upTo));
      const last = page.at(-1);
      if (last === undefined || last.arrival <= known.upTo) break;
      page = this.#table.ofUser(user, { before: last.arrival, limit: PAGE });
    }
    for (const row of fresh.reverse()) if (!isEnded(row)) known.rows.add(row.row);
    known.upTo = Math.max(known.upTo, newest);
  }

  #forgetDone({ rows }: Known): void {
    let forgotten = 0;
    for (const row of rows) {
      if (isEnded(this.#table.read(row)) && rows.delete(row) && ++forgotten === FORGOTTEN_AT_ONCE) return;
    }
  }
}
