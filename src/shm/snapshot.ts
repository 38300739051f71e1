/**
 * Snapshots: a copy of the table that is a table itself, compact, marked clean, its indexes built anew.
 *
 * Nobody is held up. What was logged before and is not done yet is waited for (each lock once); rows and users are copied one by
 * one, each verified, each as it is at some moment meanwhile; then the journal from the beginning of the copy to its end is
 * applied, and the snapshot is the table as it was at one journal position, JOURNAL_START: the journal from there on brings it
 * up to date. A snapshot appears under its name only when it is whole, synced and read back without a problem, and when what the
 * journal before it carried for others (sources) is synced: temporary name, fsync, check, syncfs, rename, fsync of the directory.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { faultPoint } from './fault-points.js';
import { reachesBack } from './history.js';
import { Durability } from './layout.js';
import { native } from './native.js';
import { openTable } from './open.js';
import { openSnapshot, positionOf, snapshotDirectory } from './rebuilding.js';
import { H } from './region.js';
import { replay } from './replay.js';
import type { Table } from './shared-table.js';
import { syncDirectory } from './sync-directory.js';

const SNAPSHOTS_KEPT = 2;
/** A snapshot has no use for one. */
const SMALLEST_RING = 262_144;

/**
 * Writes a snapshot into `directory` (made if it is not there), and reads it back whole before it gets its name. Blocks the
 * calling thread, about 15 us a row.
 * @returns its path
 * @throws TURNO_DISK_FULL, TURNO_TABLE_DAMAGED; then nothing is left behind and the last snapshot stands.
 */
export function writeSnapshot(table: Table, directory: string, checkStop: () => void = () => undefined): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `making-${process.pid}-${process.hrtime.bigint()}`);
  try {
    const position = copyTo(table, temporary, checkStop);
    verify(temporary, checkStop);
    // A start from this snapshot reads no record from before it: what those carried for others must last before it has a name.
    syncBeside(table.path);
    // The position comes first in the name: the order of names is the order of snapshots, whatever the clock did.
    const name = `table-${String(position).padStart(16, '0')}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.turno`;
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
 * Writes a snapshot where the next start looks for it, keeps the last few, and drops the journal before the oldest of them:
 * each of them can be started from, should a later one be damaged. Blocks, about 15 us a row.
 * @param checkStop called from time to time; what it throws ends it
 */
export function checkpoint(table: Table, kept = SNAPSHOTS_KEPT, checkStop: () => void = () => undefined): string {
  const directory = snapshotDirectory(table.path);
  const path = writeSnapshot(table, directory, checkStop);
  const { journal, region } = table;
  for (const name of readdirSync(directory).filter((other) => other.startsWith('making-')))
    rmSync(join(directory, name));
  const names = readdirSync(directory).filter((name) => name.endsWith('.turno'));
  names.sort();
  for (const name of names.slice(0, -kept)) rmSync(join(directory, name));
  const oldest = names.at(-kept) ?? names[0] ?? path;
  if (region.load(H.DURABILITY) !== Durability.none) journal.segments.dropBefore(positionOf(oldest));
  region.storeLong(H.JOURNAL_START, positionOf(path));
  return path;
}

/**
 * For the start of a server, before anything is accepted: a snapshot when the table could not be built anew without its file, because
 * that was put here without journal and snapshots, or these were removed.
 * @returns its path; undefined when none was needed
 */
export function secure(table: Table, kept = SNAPSHOTS_KEPT): string | undefined {
  return reachesBack(table.region) ? undefined : checkpoint(table, kept);
}

/** Bytes of journal since the last checkpoint: what a start after a power cut has to read. */
export function journalBytes({ region, journal }: Table): number {
  return journal.tail - region.loadLong(H.JOURNAL_START);
}

/** @returns the journal position at which the copy is the table. */
function copyTo(table: Table, path: string, checkStop: () => void): number {
  const { region, journal } = table;
  const hasJournal = region.load(H.DURABILITY) !== Durability.none;
  const from = journal.tail; // before the copy: whatever is logged during it is behind this position ...
  table.awaitChanges(); // ... and what was logged before it is in the table now: a change is logged first, and then done
  const copy = openTable({ path, create: true, durability: 'none', ...table.shape, ringBytes: SMALLEST_RING });
  try {
    table.copyInto(copy, checkStop);
    const end = journal.tail;
    if (hasJournal) {
      journal.commit(end, true);
      replay(journal.segments, { from, to: end }, (record) => copy.apply(record, {}));
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

/** @throws TURNO_TABLE_DAMAGED */
function verify(path: string, checkStop: () => void): void {
  openSnapshot(path, checkStop).close();
}

/** Makes all that lies beside the table last, on whatever file systems it is. Waits for the disk. */
function syncBeside(tablePath: string): void {
  const data = dirname(tablePath);
  const below = readdirSync(data, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const synced = new Set<number>();
  for (const directory of [data, ...below.map(({ name }) => join(data, name))]) {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const { dev } = fstatSync(fd);
      if (!synced.has(dev)) native.syncFileSystem(fd);
      synced.add(dev);
    } finally {
      closeSync(fd);
    }
  }
}
