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
 * A file that is damaged is set aside in the same way, if the journal has all that was acknowledged (`power`). A file that cannot
 * be believed and nothing to build a new one from is refused, never emptied.
 */

import { existsSync, fsyncSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TurnoError } from '../errors.js';
import { bootId } from './boot.js';
import { problemsOf } from './check.js';
import type { ReplayListener } from './copying.js';
import { forgetDisk } from './disk.js';
import { acknowledgedPosition, hasLostPower } from './header-page.js';
import { journalDirectory } from './journal.js';
import { CHUNK_BYTES, Durability } from './layout.js';
import { createRegion, H, mapRegion, Region, type RegionOptions } from './region.js';
import { replay } from './replay.js';
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

/** Where the snapshots of a table lie. */
export function snapshotDirectory(tablePath: string): string {
  return join(dirname(tablePath), 'snapshots');
}

function openAlone(path: string, options: OpenOptions): Region {
  const region = existsSync(path) ? openFile(path, options) : openNothing(path, options);
  try {
    setPath(region, path);
    if (region.load(H.CLEAN) === 0) repair(region);
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
    const region = mapWhole(path);
    return isTooSmall(region, options) ? enlarge(region, path, options) : region;
  } catch (error) {
    if (!(error instanceof TurnoError) || error.code !== 'TURNO_TABLE_DAMAGED') throw error;
    return instead(path, options, error);
  }
}

function mapWhole(path: string): Region {
  const region = lock(mapRegion(path), 'exclusive');
  try {
    if (region.load(H.CLEAN) === 1) region.verifyClean();
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
  const acknowledged = acknowledgedPosition(path);
  if (acknowledged === undefined) throw damage;
  let rebuilt: Region;
  try {
    rebuilt = rebuild(path, options);
  } catch {
    throw damage; // what the journal lacks is the lesser news
  }
  if (rebuilt.loadLong(H.RING_TAIL) < acknowledged) {
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

function setAside(path: string): string {
  const aside = `${path}.distrusted-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(path, aside);
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
  setPath(region, path);
  if (region.load(H.CLEAN) === 0) repair(region);
  const wanted = { ...options, maxRows: (options.maxRows ?? 0) + region.load(H.FIRST_ROW) };
  const copy = copyOf(region, path, { ...options, ...grown(region.geometry, wanted) });
  region.close();
  return putInPlace(copy, path);
}

/** A copy without what the dead left unused, at the same journal position, under the temporary name. */
function copyOf(region: Region, path: string, options: RegionOptions): Region {
  const copy = newRegion(rebuildingPath(path), options);
  const [from, to] = [new Table(region), new Table(copy)];
  from.copyInto(to);
  from.journal.flush(); // the ring is not copied
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
 * Builds the table anew from the last good snapshot and the journal, whatever its file looks like; that is set aside.
 * @returns the path it has now, if there was one
 * @throws TURNO_TABLE_DAMAGED when snapshot and journal are not enough; then nothing was changed.
 */
export function restoreTable(options: Omit<OpenOptions, 'create'>): string | undefined {
  const path = resolve(options.path);
  const region = rebuild(path, { ...options, create: true });
  const aside = existsSync(path) ? setAside(path) : undefined;
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

function lock(region: Region, kind: 'shared' | 'exclusive'): Region {
  try {
    region.lock(kind);
    return region;
  } catch (error) {
    region.close();
    throw error;
  }
}

function setPath(region: Region, path: string): void {
  const text = Buffer.from(path);
  if (text.length >= H.PATH.bytes) throw new TurnoError('TURNO_SETTING', { name: 'data', problem: 'path too long' });
  region.bytes.fill(0, H.PATH.offset, H.PATH.offset + H.PATH.bytes);
  region.bytes.set(text, H.PATH.offset);
}

function repair(region: Region): void {
  const table = new Table(region);
  table.repairAll();
  table.close({ keepFile: true });
}

// ---- building anew -----------------------------------------------------------------------------------------------------

function rebuildingPath(path: string): string {
  return `${path}.rebuilding`;
}

function putInPlace(region: Region, path: string): Region {
  renameSync(rebuildingPath(path), path);
  setPath(region, path);
  syncDirectory(dirname(path));
  return region;
}

/**
 * Builds a table from the last good snapshot and the journal behind it, under a temporary name.
 * @throws TURNO_TABLE_DAMAGED when records are missing, or when there is nothing to begin with; nothing was changed.
 */
export function rebuild(path: string, options: OpenOptions): Region {
  const segments = new Segments(journalDirectory(path));
  const temporary = rebuildingPath(path);
  for (const snapshot of snapshotsOf(path)) {
    const base = trySnapshot(snapshot, options);
    if (base === undefined) continue;
    try {
      const from = base.region.loadLong(H.JOURNAL_START);
      const region = newRegion(temporary, { ...options, ...grown(base.shape, options) });
      fill(region, segments, from, options, (table) => base.copyInto(table));
      return region;
    } finally {
      base.close();
    }
  }
  const first = segments.list()[0];
  if (first?.start !== 0) {
    const problem = 'power was lost, and there is neither a good snapshot nor a journal from the beginning';
    throw new TurnoError('TURNO_TABLE_DAMAGED', { path, problem, offset: 0 });
  }
  const region = newRegion(temporary, options);
  fill(region, segments, 0, options, () => undefined);
  return region;
}

function newRegion(path: string, options: RegionOptions): Region {
  rmSync(path, { force: true });
  const region = lock(createRegion(path, options), 'exclusive');
  setPath(region, path);
  return region;
}

function grown(
  shape: { maxRows: number; maxUsers: number },
  { maxRows = 0, maxUsers = 0 }: RegionOptions,
): RegionOptions {
  return { maxRows: Math.max(maxRows, shape.maxRows), maxUsers: Math.max(maxUsers, shape.maxUsers) };
}

function fill(
  region: Region,
  segments: Segments,
  from: number,
  listener: ReplayListener,
  begin: (table: Table) => void,
): void {
  try {
    const table = new Table(region); // without a journal: DURABILITY is still 0
    begin(table);
    const end = replay(segments, { from }, (record) => table.apply(record, listener));
    table.recount();
    const last = segments.list().at(-1);
    if (last !== undefined) region.store(H.JOURNAL_SALT, last.salt);
    region.storeLong(H.JOURNAL_START, from);
    region.storeLong(H.RING_TAIL, end);
    region.storeLong(H.RING_WRITTEN, end);
    region.store(H.SEGMENT_NUMBER, last?.number ?? 0);
    // What lies behind the end in the last segment was never acknowledged; the next batch goes to a new one.
    region.store(H.JOURNAL_STATE, 1);
    table.close({ keepFile: true });
    fsyncSync(region.fd);
  } catch (error) {
    region.close();
    throw error;
  }
}

/** Newest first. */
function snapshotsOf(path: string): string[] {
  const directory = snapshotDirectory(path);
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith('.turno'));
  return names
    .sort()
    .reverse()
    .map((name) => join(directory, name));
}

/**
 * A snapshot, read whole once, about 5 us a row.
 * @throws TURNO_TABLE_DAMAGED and what else mapRegion throws
 */
export function openSnapshot(path: string, checkStop: () => void = () => undefined): Table {
  const region = lock(mapRegion(path), 'shared');
  try {
    if (region.load(H.CLEAN) !== 1) throw region.damaged('not marked clean', H.CLEAN.offset);
    region.verifyClean();
    const table = new Table(region);
    for (const { what, offset } of problemsOf(table, checkStop)) throw region.damaged(what, offset);
    return table;
  } catch (error) {
    region.close();
    throw error;
  }
}

/** A damaged one is passed over, and the one before is taken. */
function trySnapshot(path: string, { onRepair }: OpenOptions): Table | undefined {
  try {
    return openSnapshot(path);
  } catch (error) {
    onRepair?.(`snapshot ${path} is not used: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
