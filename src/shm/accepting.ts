/** How a submission gets its row and its arrival number; shared-table.ts says in which order. */

import { TurnoError } from '../errors.js';
import { type Arrival, arrival, type RowIndex, rowIndex } from '../units.js';
import { faultPoint } from './fault-points.js';
import { RecordKind } from './layout.js';
import { FIRST_VERSION, ID_WORDS, type TableParts } from './parts.js';
import { H } from './region.js';
import { RowImage } from './row-image.js';
import type { UserIndex } from './users.js';

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

export class Accepting {
  readonly #parts: TableParts;
  readonly #image = new RowImage();

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  /** See Table.accept. */
  accept(submission: Submission): Accepted {
    this.#parts.journal.checkAccepting(true);
    this.#parts.acceptLock.acquire();
    return this.#acceptAndRelease(submission);
  }

  /** See Table.tryAccept. */
  tryAccept(submission: Submission): Accepted | undefined {
    const { journal, acceptLock } = this.#parts;
    journal.checkAccepting(false);
    if (!journal.hasRoom || !acceptLock.tryAcquire()) return undefined;
    return this.#acceptAndRelease(submission);
  }

  /** See Table.refusal. */
  refusal(): TurnoError | undefined {
    try {
      this.#parts.journal.checkAccepting(false);
      this.#checkRoom();
      return undefined;
    } catch (error) {
      if (error instanceof TurnoError) return error;
      throw error;
    }
  }

  #acceptAndRelease(submission: Submission): Accepted {
    try {
      return this.#accept(submission);
    } finally {
      this.#parts.acceptLock.release();
    }
  }

  #checkRoom(): number {
    const { region } = this.#parts;
    const row = region.load(H.ROWS);
    if (row < region.geometry.maxRows) return row;
    throw new TurnoError('TURNO_TABLE_FULL', { path: region.path, rows: row });
  }

  #accept({ id, user, language, sentAtMs, owner = process.pid, source }: Submission): Accepted {
    const { region, rows, ids, users, growLock } = this.#parts;
    const row = this.#checkRoom();
    if (id.length !== ID_WORDS * 4) throw new RangeError(`id: expected 16 bytes, got ${id.length}`);
    if (user < 0 || user >= users.count) throw new RangeError(`user: there is no user ${user}`);
    rows.ensure(row, growLock);
    ids.prepare(row);
    const number = row + 1 + region.load(H.BASE);
    const previous = this.#parts.newestOf(user);
    const ordinal = previous === 0 ? 1 : this.#parts.ordinalOf(previous - 1) + 1;
    const image = this.#image;
    image.begin({ id, arrival: number, user, owner, previous, ordinal, language, sentAtMs });
    if (source !== undefined) image.setPaths({ source });
    rows.seal(row, image.words, FIRST_VERSION);
    rows.writeUnseen(row, image.words);
    faultPoint('accept.after-row');
    this.#parts.log(RecordKind.row, row, image.words);
    faultPoint('accept.after-log');
    region.store(H.ROWS, row + 1);
    faultPoint('accept.after-commit');
    this.#parts.link(row, image);
    return { row: rowIndex(row), arrival: arrival(number) };
  }
}
