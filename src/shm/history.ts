/**
 * Whether a table's file and what lies beside it, journal and snapshots, belong together. Each of them may have been copied, put
 * back or removed by somebody: the file is a snapshot of the table at any moment, and people use it as one.
 *
 *     the journal goes on behind the table, or      the file is an older one, put back: to go on with it would write over what
 *     a snapshot is of a later moment               came after it, and after a power cut both would be mixed
 *     journal or snapshot of another table          what is written now would not be found again among the other's records
 *     neither reaches up to the table               the file came alone: after a power cut there would be nothing to start from,
 *                                                   so a snapshot is wanted first (secure() in snapshot.ts)
 */

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { journalDirectory } from './journal.js';
import { JOURNAL_RECORD } from './layout.js';
import { positionOf, snapshotsOf } from './rebuilding.js';
import { H, type Region } from './region.js';
import { replay } from './replay.js';
import { SEGMENT_DATA, type Segment, Segments } from './segments.js';

/**
 * For the primary, alone with a file that is whole in itself.
 * @throws TURNO_TABLE_DAMAGED when the journal is not the one of this table, or the file is not the latest
 */
export function checkHistory(region: Region, path: string): void {
  const segments = new Segments(journalDirectory(path));
  const all = segments.list();
  if (all.some(({ salt }) => salt !== region.load(H.JOURNAL_SALT))) {
    throw region.damaged('the journal beside it is of another table', H.JOURNAL_SALT.offset);
  }
  const tail = region.loadLong(H.RING_TAIL);
  const newest = Math.max(0, ...all.map(({ start }) => start), ...positionsIn(path));
  if (newest > tail || goesOnAt(segments, all, tail)) {
    throw region.damaged('it is older than the journal or a snapshot beside it', H.RING_TAIL.offset);
  }
}

/** Whether the journal has a record at a position. Mostly not: then only its head is read. */
function goesOnAt(segments: Segments, all: readonly Segment[], position: number): boolean {
  const segment = all.findLast(({ start }) => start <= position);
  if (segment === undefined) return false;
  const head = Buffer.alloc(JOURNAL_RECORD.size);
  const fd = openSync(segments.path(segment.number), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    readSync(fd, head, 0, head.length, SEGMENT_DATA + position - segment.start);
  } finally {
    closeSync(fd);
  }
  if (Number(head.readBigUInt64LE(JOURNAL_RECORD.fields.POSITION.offset)) !== position) return false;
  return replay(segments, { from: position }, () => undefined) > position;
}

/** Of the snapshots; others' files may lie there, too. */
function positionsIn(path: string): number[] {
  return snapshotsOf(path)
    .map(positionOf)
    .filter((position) => !Number.isNaN(position));
}

/** Whether the table could be built anew from a snapshot and the journal, as far as their names and heads tell. */
export function reachesBack(region: Region): boolean {
  const all = new Segments(journalDirectory(region.path)).list();
  const base = Math.max(0, ...positionsIn(region.path));
  if (base > 0 && base === region.loadLong(H.RING_TAIL)) return true; // the snapshot is the table
  const hasAll = all[0] !== undefined && all[0].start <= base;
  return hasAll && (all.at(-1)?.number ?? 0) >= region.load(H.SEGMENT_NUMBER);
}
