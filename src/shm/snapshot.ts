/**
 * Snapshots: a copy of the table that is a table itself, compact, marked clean, its indexes built anew.
 *
 * Nobody is held up. Rows and users are copied one by one, each verified, each as it is at some moment meanwhile; then the
 * journal from the beginning of the copy to its end is applied, and the snapshot is the table as it was at one journal
 * position, JOURNAL_START: the journal from there on brings it up to date. A snapshot appears under its name only when it is
 * whole and synced: temporary name, fsync, rename, fsync of the directory.
 */

import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { faultPoint } from './fault-points.js';
import { Durability } from './layout.js';
import { native } from './native.js';
import { openTable, snapshotDirectory } from './open.js';
import { H } from './region.js';
import { replay } from './replay.js';
import type { Table } from './shared-table.js';
import { syncDirectory } from './sync-directory.js';

const SNAPSHOTS_KEPT = 3;
/** A snapshot has no use for one. */
const SMALLEST_RING = 262_144;

/**
 * Writes a snapshot into `directory` (made if it is not there). Blocks the calling thread, about 10 us a row.
 * @returns its path
 * @throws TURNO_DISK_FULL, TURNO_TABLE_DAMAGED; then nothing is left behind and the last snapshot stands.
 */
export function writeSnapshot(table: Table, directory: string, now = new Date()): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `making-${process.pid}-${process.hrtime.bigint()}`);
  try {
    const position = copyTo(table, temporary);
    // The position comes first in the name: the order of names is the order of snapshots, whatever the clock did.
    const name = `table-${String(position).padStart(16, '0')}-${now.toISOString().replaceAll(/[:.]/g, '-')}.turno`;
    faultPoint('snapshot.before-rename');
    renameSync(temporary, join(directory, name));
    faultPoint('snapshot.after-rename');
    syncDirectory(directory);
    return join(directory, name);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a snapshot where the next start looks for it, keeps the last three, and drops the journal before it. What the
 * dropped journal carried for others (sources, answers in files) is synced first. Blocks; for the primary.
 */
export function checkpoint(table: Table): string {
  const directory = snapshotDirectory(table.path);
  const path = writeSnapshot(table, directory);
  const { journal, region } = table;
  native.syncFileSystem(region.fd);
  const names = readdirSync(directory).filter((name) => name.endsWith('.turno'));
  for (const name of readdirSync(directory).filter((other) => other.startsWith('making-')))
    rmSync(join(directory, name));
  for (const name of names.sort().slice(0, -SNAPSHOTS_KEPT)) rmSync(join(directory, name));
  if (region.load(H.DURABILITY) !== Durability.none) journal.segments.dropBefore(positionOf(path));
  region.storeLong(H.JOURNAL_START, positionOf(path));
  return path;
}

/** Bytes of journal since the last checkpoint: what a start after a power cut has to read. */
export function journalBytes({ region, journal }: Table): number {
  return journal.tail - region.loadLong(H.JOURNAL_START);
}

/** @returns the journal position at which the copy is the table. */
function copyTo(table: Table, path: string): number {
  const { region, journal } = table;
  const hasJournal = region.load(H.DURABILITY) !== Durability.none;
  const from = journal.tail; // before the copy: whatever changes during it is behind this position
  const copy = openTable({ path, create: true, durability: 'none', ...table.shape, ringBytes: SMALLEST_RING });
  try {
    table.copyInto(copy);
    const end = journal.tail;
    if (hasJournal) {
      journal.commit(end, true);
      replay(journal.segments, { from, to: end }, (record) => copy.apply(record, () => undefined));
      copy.recount();
    }
    copy.region.store(H.JOURNAL_SALT, region.load(H.JOURNAL_SALT));
    copy.region.storeLong(H.JOURNAL_START, end);
    copy.region.storeLong(H.RING_TAIL, end);
    copy.region.storeLong(H.RING_WRITTEN, end);
    copy.closeClean();
    return end;
  } catch (error) {
    copy.close();
    throw error;
  }
}

function positionOf(snapshot: string): number {
  return Number(/table-(\d+)-/.exec(snapshot)?.[1]);
}
