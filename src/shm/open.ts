/**
 * How a table starts. The primary, alone with the file, finds one of these:
 *
 *     nothing at all          a new table, and a journal without records
 *     the clean mark          mapped as it is, whatever its size
 *     the same boot id        only processes died and the page cache is whole: mapped, and what the dead had begun is
 *                             finished from their intent slots
 *     another boot id, or     power was lost, and the mapped file may hold any mixture of old and new pages: it is not looked
 *     no file but a journal   at. The table is built anew from the last good snapshot and the journal; the old file is set aside
 *
 * A file that is damaged, or older than what lies beside it (history.ts), is set aside in the same way, if journal and ring have all
 * that was acknowledged. A file that cannot be believed and nothing to build a new one from is refused, never emptied.
 */

import { existsSync, fsyncSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TurnoError } from '../errors.js';
import { bootId } from './boot.js';
import { forgetDisk } from './disk.js';
import { hasLostPower, readRing, type SaidOfJournal, saidOfJournal } from './header-page.js';
import { checkHistory } from './history.js';
import { journalDirectory } from './journal.js';
import { CHUNK_BYTES, Durability } from './layout.js';
import { grown, lock, newRegion, putInPlace, rebuild, rebuildingPath, setPath, snapshotsOf } from './rebuilding.js';
import { H, mapRegion, Region, type RegionOptions } from './region.js';
import { Segments } from './segments.js';
import { Table } from './shared-table.js';
import { syncDirectory } from './sync-directory.js';

export interface OpenOptions extends RegionOptions {
  readonly path: string;
  /** True in the primary: makes the file if there is none, repairs or rebuilds it if the last server did not end in order. */
  readonly create: boolean;
  /** What commit() waits for: `power` a sync, `crash` nothing; `none` keeps no journal. For the primary; `power` unless told. */
  readonly durability?: Durability;
  /** After a power cut: gets each source that was logged, to write its files again before they are wanted. */
  readonly onSource?: (id: Uint8Array, packed: Uint8Array) => void;
  /** After a power cut: is told of each row that was archived, after its source, so that its files are removed again. */
  readonly onArchived?: (id: Uint8Array) => void;
  /** Says what was done to a table that had not ended in order. */
  readonly onRepair?: (message: string) => void;
}

/**
 * Opens the table of a process. With `create` no other process may have it open.
 * @throws TURNO_DATA_LOCKED, TURNO_TABLE_NOT_A_TABLE, TURNO_TABLE_LAYOUT, TURNO_TABLE_DAMAGED, TURNO_DISK_FULL
 */
export function openTable(options: OpenOptions): Table {
  const path = resolve(options.path);
  const region = options.create ? openAlone(path, options) : lock(mapRegion(path), 'shared');
  try {
    if (options.create) region.lock('shared');
    const table = new Table(region);
    if (options.create && options.durability !== 'none') table.journal.begin();
    return table;
  } catch (error) {
    region.close();
    throw error;
  }
}

/** The table in another thread of a process that has it open. */
export function attachTable(buffer: SharedArrayBuffer): Table {
  return new Table(new Region(buffer));
}

function openAlone(path: string, options: OpenOptions): Region {
  const region = existsSync(path) ? openFile(path, options) : openNothing(path, options);
  try {
    setPath(region, path);
    region.bytes.set(bootId(), H.BOOT_ID.offset);
    region.store(H.DURABILITY, Durability[options.durability ?? 'power']);
    forgetDisk(region);
    region.store(H.CLEAN, 0);
    fsyncSync(region.fd); // before the first change: a power cut must find the mark gone
    return region;
  } catch (error) {
    region.close();
    throw error;
  }
}

function openFile(path: string, options: OpenOptions): Region {
  if (hasLostPower(path)) {
    const rebuilt = rebuild(path, options);
    const aside = setAside(path);
    options.onRepair?.(`power was lost: ${path} was rebuilt from snapshot and journal, the old file is ${aside}`);
    return putInPlace(rebuilt, path);
  }
  try {
    const region = mapWhole(path, options);
    return isTooSmall(region, options) ? enlarge(region, path, options) : region;
  } catch (error) {
    if (!(error instanceof TurnoError) || error.code !== 'TURNO_TABLE_DAMAGED') throw error;
    return instead(path, options, error);
  }
}

/** A file that is what its table was at its end: whole, nothing half done, and no older than the journal beside it. */
function mapWhole(path: string, { durability }: OpenOptions): Region {
  const region = lock(mapRegion(path), 'exclusive');
  try {
    if (region.load(H.CLEAN) === 1) region.verifyClean();
    if (durability !== 'none') checkHistory(region, path);
    setPath(region, path);
    if (region.load(H.CLEAN) === 0) repair(region);
    return region;
  } catch (error) {
    region.close();
    throw error;
  }
}

/**
 * A table built anew in the place of a damaged one, which is set aside.
 * @throws the damage itself when anything that was acknowledged would be missing; then everything is left in place
 */
function instead(path: string, options: OpenOptions, damage: TurnoError): Region {
  const said = saidOfJournal(path);
  if (said.durability === Durability.none) throw damage;
  let rebuilt: Region;
  try {
    rebuilt = rebuild(path, { ...options, ring: readRing(path) });
  } catch {
    throw damage; // what the journal lacks is the lesser news
  }
  // Of another table: its journal and snapshots lie here.
  if (rebuilt.load(H.JOURNAL_SALT) !== said.salt || !hasAll(rebuilt, said)) {
    rebuilt.close();
    rmSync(rebuildingPath(path), { force: true });
    throw damage;
  }
  const aside = setAside(path);
  const { problem } = damage.details;
  options.onRepair?.(
    `${path} is damaged (${problem}): it was rebuilt from snapshot and journal, the old file is ${aside}`,
  );
  return putInPlace(rebuilt, path);
}

/**
 * Whether nothing that was acknowledged is missing. The header that says so may be what is damaged, so its words are not trusted
 * alone: records are taken from the ring as far as they go, and with all that were ever appended the durability does not matter. Only
 * if one in the ring is damaged has the word to be believed that it had not been acknowledged.
 */
function hasAll(rebuilt: Region, { durability, appended, written }: SaidOfJournal): boolean {
  const tail = rebuilt.loadLong(H.RING_TAIL);
  return tail >= appended || (durability === Durability.power && tail >= written);
}

/** Gives the file a second name. It keeps the first until the new one gets it: whoever dies in between leaves what he found. */
function setAside(path: string): string {
  const aside = `${path}.distrusted-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  try {
    linkSync(path, aside);
  } catch {
    renameSync(path, aside); // a file system without links
  }
  return aside;
}

/**
 * A table asked to hold more than its directory has room for, or that has half used up its room for what is forgotten by now:
 * copied into one that has.
 */
function isTooSmall(region: Region, { maxRows = 0, maxUsers = 0 }: RegionOptions): boolean {
  const { geometry } = region;
  const left = geometry.maxRows - region.load(H.FIRST_ROW);
  return maxRows > geometry.maxRows || maxUsers > geometry.maxUsers || left < maxRows / 2;
}

function enlarge(region: Region, path: string, options: OpenOptions): Region {
  try {
    const wanted = { ...options, maxRows: (options.maxRows ?? 0) + region.load(H.FIRST_ROW) };
    return putInPlace(copyOf(region, path, { ...options, ...grown(region.geometry, wanted) }), path);
  } finally {
    region.close();
  }
}

/** A copy without what the dead left unused, at the same journal position, under the temporary name. */
function copyOf(region: Region, path: string, options: RegionOptions): Region {
  const copy = newRegion(rebuildingPath(path), options);
  const [from, to] = [new Table(region), new Table(copy)];
  try {
    from.copyInto(to);
    from.journal.empty(); // the ring is not copied, and what the copy has must be in the journal
  } catch (error) {
    from.close({ keepFile: true });
    copy.close();
    rmSync(rebuildingPath(path));
    throw error;
  }
  for (const field of [H.RING_TAIL, H.RING_WRITTEN]) copy.storeLong(field, region.loadLong(H.RING_WRITTEN));
  copy.storeLong(H.JOURNAL_START, region.loadLong(H.JOURNAL_START));
  for (const field of [H.JOURNAL_SALT, H.SEGMENT_NUMBER]) copy.store(field, region.load(field));
  // Segments belong to a ring's length: the next batch begins a new one.
  copy.store(H.JOURNAL_STATE, 1);
  from.close({ keepFile: true });
  to.close({ keepFile: true });
  copy.bytes.set(bootId(), H.BOOT_ID.offset);
  fsyncSync(copy.fd);
  return copy;
}

/**
 * Copies a table nobody has open into a new file without unused room, and puts that in its place.
 * @returns bytes before and after
 */
export function compactTable(path: string): { before: number; after: number } {
  const region = lock(mapRegion(path), 'exclusive');
  try {
    setPath(region, path);
    if (region.load(H.CLEAN) === 0) repair(region);
    const before = region.load(H.COMMITTED) * CHUNK_BYTES;
    const { maxRows, maxUsers, ringBytes } = region.geometry;
    const copy = putInPlace(copyOf(region, path, { maxRows, maxUsers, ringBytes }), path);
    const table = new Table(copy);
    const after = table.counts().bytes;
    table.closeClean();
    return { before, after };
  } finally {
    region.close();
  }
}

/**
 * Builds the table anew from the last good snapshot and the journal, and what the ring of its file has behind that, whatever the file
 * looks like otherwise; it is set aside.
 * @returns the path it has now, if there was one
 * @throws TURNO_TABLE_DAMAGED when snapshot and journal are not enough; then nothing was changed.
 */
export function restoreTable(options: Omit<OpenOptions, 'create'>): string | undefined {
  const path = resolve(options.path);
  const isThere = existsSync(path);
  const region = rebuild(path, { ...options, ring: isThere && !hasLostPower(path) ? readRing(path) : undefined });
  const aside = isThere ? setAside(path) : undefined;
  const table = new Table(putInPlace(region, path));
  region.bytes.set(bootId(), H.BOOT_ID.offset);
  table.closeClean();
  return aside;
}

function openNothing(path: string, options: OpenOptions): Region {
  const hasHistory = snapshotsOf(path).length > 0 || new Segments(journalDirectory(path)).list().length > 0;
  if (hasHistory) {
    options.onRepair?.(`${path} was missing: rebuilt from snapshot and journal`);
    return putInPlace(rebuild(path, options), path);
  }
  // It gets its name when it is whole and has a journal: a first start that dies, or loses power, leaves nothing behind that
  // could not be started from.
  const region = newRegion(rebuildingPath(path), options);
  try {
    if (options.durability !== 'none') beginJournal(region);
    fsyncSync(region.fd);
    return putInPlace(region, path);
  } catch (error) {
    region.close();
    throw error;
  }
}

function beginJournal(region: Region): void {
  const table = new Table(region);
  table.journal.begin();
  table.close({ keepFile: true });
  syncDirectory(dirname(region.path));
}

function repair(region: Region): void {
  const table = new Table(region);
  table.repairAll();
  table.close({ keepFile: true });
}
