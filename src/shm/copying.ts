/**
 * Copying a table into another, and doing again what its journal says: for tables in which nobody else works, so that rows
 * are put as they are, without locks and without a journal.
 */

import { LogKind, ROWS_PER_CHUNK } from './layout.js';
import { FIRST_VERSION, type TableParts } from './parts.js';
import { VERSION } from './records.js';
import { H } from './region.js';
import type { LogRecord } from './replay.js';
import { RowImage } from './row-image.js';

/** Who hears of what a journal has besides rows and users. */
export interface ReplayListener {
  onSource?(id: Uint8Array, packed: Uint8Array): void;
  onArchived?(id: Uint8Array): void;
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
    if (!from.load(row, image)) throw from.region.damaged(`row ${row} was never written`, from.rows.offset(row));
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
      if (to.load(record.index, image)) onSource?.(image.id, record.rest);
      return;
    }
  }
}

function applyRow(to: TableParts, row: number, image: RowImage, response: Uint8Array | undefined): void {
  const there = new RowImage();
  if (to.load(row, there)) {
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
  to.link(row, image);
}
