/**
 * Copying a table into another, and doing again what its journal says: for tables in which nobody else works, so that rows
 * are put as they are, without locks and without a journal.
 */

import { faultPoint } from './fault-points.js';
import { type HashIndex, hashWords } from './hash-index.js';
import { LogKind, ROW, ROWS_PER_CHUNK } from './layout.js';
import { type Records, VERSION } from './records.js';
import { H, type Region } from './region.js';
import type { LogRecord } from './replay.js';
import type { Responses } from './responses.js';
import { RowImage } from './row-image.js';
import type { Users } from './users.js';
import type { WordLock } from './word-lock.js';

const ID_WORD = ROW.fields.ID.offset / 4;
const ID_WORDS = ROW.fields.ID.bytes / 4;
/** Version of a record that was never changed. */
export const FIRST_VERSION = 2;

/** What a table (shared-table.ts) is made of, for what is done to it as a whole. */
export interface TableParts {
  readonly region: Region;
  readonly rows: Records;
  readonly users: Users;
  readonly userRecords: Records;
  readonly ids: HashIndex;
  readonly responses: Responses;
  readonly growLock: WordLock;
}

/** Who hears of what a journal has besides rows and users. */
export interface ReplayListener {
  onSource?(id: Uint8Array, packed: Uint8Array): void;
  onArchived?(id: Uint8Array): void;
}

/** Reads a row that is there: accepted, and not forgotten. @throws TURNO_TABLE_DAMAGED */
export function loadRow({ region, rows }: TableParts, row: number, image: RowImage): boolean {
  return row >= region.load(H.FIRST_ROW) && row < region.load(H.ROWS) && rows.read(row, image.words);
}

/** What follows the commit of a row; idempotent. */
export function linkRow({ ids, users }: TableParts, row: number, image: RowImage): void {
  ids.add(row, hashWords(image.words, ID_WORD, ID_WORDS));
  faultPoint('accept.after-index');
  if (users.newest(image.user) < row + 1) users.setNewest(image.user, row + 1);
  faultPoint('accept.after-chain');
}

/**
 * Copies every row and user into an empty table; each as it is at some moment meanwhile. Counters are left to the caller.
 * @param checkStop called from time to time; what it throws ends it
 */
export function copyTable(from: TableParts, to: TableParts, checkStop: () => void): void {
  // Rows are counted first: a row that is there has its user there, but not the other way round.
  const rows = from.region.load(H.ROWS);
  const users = from.users.count;
  for (let index = 0; index < users; index++) to.users.restore(index, from.users.imageOf(index));
  const image = new RowImage();
  // What is forgotten is not there to be copied; a copy is itself a table that has forgotten it.
  const first = from.region.load(H.FIRST_ROW);
  to.region.store(H.ROWS, first);
  to.region.store(H.FIRST_ROW, first);
  for (let row = first; row < rows; row++) {
    if (row % ROWS_PER_CHUNK === 0) checkStop();
    if (!loadRow(from, row, image)) throw from.region.damaged(`row ${row} was never written`, from.rows.offset(row));
    const response = image.response.at === 0 ? undefined : from.responses.get(row, image.response);
    putRow(to, row, image, response);
  }
}

/**
 * Does again what a record of the journal says. A record older than what is there changes nothing.
 * @param onSource gets the sources among them
 * @param onArchived is told of each row that is archived: its files, which onSource may have written again, are not wanted
 */
export function applyRecord(to: TableParts, record: LogRecord, { onSource, onArchived }: ReplayListener): void {
  switch (record.kind) {
    case LogKind.user: {
      const image = to.userRecords.newImage();
      image.set(record.image);
      if (record.index <= to.users.count) to.users.reapply(record.index, image);
      return;
    }
    case LogKind.row: {
      const image = new RowImage();
      image.words.set(record.image);
      if (record.index < to.region.load(H.FIRST_ROW)) return;
      applyRow(to, record.index, image, image.response.at === 0 ? undefined : record.rest);
      if (image.state === 'archived') onArchived?.(image.id);
      return;
    }
    case LogKind.source: {
      const image = new RowImage();
      if (loadRow(to, record.index, image)) onSource?.(image.id, record.rest);
      return;
    }
  }
}

function applyRow(to: TableParts, row: number, image: RowImage, response: Uint8Array | undefined): void {
  const there = new RowImage();
  if (loadRow(to, row, there)) {
    if (image.isSameSubmission(there)) {
      const isOlder = ((image.words[VERSION] ?? 0) - (there.words[VERSION] ?? 0)) | 0;
      if (isOlder < 0) return;
    } else {
      // Whoever logged the row that is there died before it was committed, and the next submission got its place.
      to.users.setNewest(there.user, there.previous);
      to.region.store(H.ROWS, row);
    }
  }
  putRow(to, row, image, response);
}

/** Writes the next row, or one that is there; `response` is what belongs into an extent. */
function putRow(to: TableParts, row: number, image: RowImage, response: Uint8Array | undefined): void {
  if (response !== undefined) image.setExtent(image.response.kind, to.responses.put(row, response));
  to.rows.ensure(row, to.growLock);
  to.ids.prepare(row);
  to.rows.seal(row, image.words, image.words[VERSION] ?? FIRST_VERSION);
  to.rows.writeUnseen(row, image.words);
  if (row < to.region.load(H.ROWS)) return;
  to.region.store(H.ROWS, row + 1);
  linkRow(to, row, image);
}
