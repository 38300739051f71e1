/**
 * Building a table anew, from the last good snapshot and the journal behind it, under a temporary name: what a start does whose
 * file is not to be believed (open.ts).
 */

import { existsSync, fsyncSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TurnoError } from '../errors.js';
import { problemsOf } from './check.js';
import type { ReplayListener } from './copying.js';
import { journalDirectory } from './journal.js';
import { createRegion, H, mapRegion, type Region, type RegionOptions } from './region.js';
import { type LogRecord, replay, replayRing } from './replay.js';
import { Segments } from './segments.js';
import { Table } from './shared-table.js';
import { syncDirectory } from './sync-directory.js';

export interface RebuildOptions extends RegionOptions, ReplayListener {
  /** Says what was not used. */
  readonly onRepair?: (message: string) => void;
  /** The ring of the file that is not believed otherwise: it may have what the segments have not got yet. */
  readonly ring?: Buffer | undefined;
}

/** Where the snapshots of a table lie. */
export function snapshotDirectory(tablePath: string): string {
  return join(dirname(tablePath), 'snapshots');
}

export function lock(region: Region, kind: 'shared' | 'exclusive'): Region {
  try {
    region.lock(kind);
    return region;
  } catch (error) {
    region.close();
    throw error;
  }
}

export function setPath(region: Region, path: string): void {
  const text = Buffer.from(path);
  if (text.length >= H.PATH.bytes) throw new TurnoError('TURNO_SETTING', { name: 'data', problem: 'path too long' });
  region.bytes.fill(0, H.PATH.offset, H.PATH.offset + H.PATH.bytes);
  region.bytes.set(text, H.PATH.offset);
}

export function rebuildingPath(path: string): string {
  return `${path}.rebuilding`;
}

export function putInPlace(region: Region, path: string): Region {
  renameSync(rebuildingPath(path), path);
  setPath(region, path);
  syncDirectory(dirname(path));
  return region;
}

/**
 * Builds a table from the last good snapshot and the journal behind it, under a temporary name.
 * @throws TURNO_TABLE_DAMAGED when records are missing, or when there is nothing to begin with; nothing was changed.
 */
export function rebuild(path: string, options: RebuildOptions): Region {
  const segments = new Segments(journalDirectory(path));
  const temporary = rebuildingPath(path);
  const salt = segments.list().at(-1)?.salt;
  for (const snapshot of snapshotsOf(path)) {
    const base = trySnapshot(snapshot, salt, options);
    if (base === undefined) continue;
    try {
      const from = base.region.loadLong(H.JOURNAL_START);
      const region = newRegion(temporary, { ...options, ...grown(base.shape, options) });
      region.store(H.JOURNAL_SALT, base.region.load(H.JOURNAL_SALT));
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

export function newRegion(path: string, options: RegionOptions): Region {
  rmSync(path, { force: true });
  const region = lock(createRegion(path, options), 'exclusive');
  setPath(region, path);
  return region;
}

export function grown(
  shape: { maxRows: number; maxUsers: number },
  { maxRows = 0, maxUsers = 0 }: RegionOptions,
): RegionOptions {
  return { maxRows: Math.max(maxRows, shape.maxRows), maxUsers: Math.max(maxUsers, shape.maxUsers) };
}

function fill(
  region: Region,
  segments: Segments,
  from: number,
  options: RebuildOptions,
  begin: (table: Table) => void,
): void {
  try {
    const table = new Table(region); // without a journal: DURABILITY is still 0
    begin(table);
    const apply = (record: LogRecord) => table.apply(record, options);
    const end = replay(segments, { from }, apply);
    const last = segments.list().at(-1);
    const tail = last && options.ring ? takeRing(region, options.ring, last.salt, end, apply) : end;
    table.recount();
    if (last !== undefined) region.store(H.JOURNAL_SALT, last.salt);
    region.storeLong(H.JOURNAL_START, from);
    region.storeLong(H.RING_TAIL, tail);
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

/**
 * Does again what a ring has behind the end of the segments, and puts it into the ring of the new table: from there it goes into
 * the journal.
 * @returns the position behind it
 */
function takeRing(region: Region, ring: Buffer, salt: number, end: number, apply: (record: LogRecord) => void): number {
  const { ring: start, ringBytes } = region.geometry;
  if (ring.length > ringBytes) return end; // only in a file made by other hands: all tables have rings of one length
  const tail = replayRing(ring, salt, end, apply);
  for (let at = end; at < tail; at += 4) {
    region.words[(start + (at % ringBytes)) / 4] = ring.readInt32LE(at % ring.length);
  }
  return tail;
}

/** The journal position a snapshot stands at, from its path. */
export function positionOf(snapshot: string): number {
  return Number(/^table-(\d+)-/.exec(basename(snapshot))?.[1]);
}

/** Newest first. */
export function snapshotsOf(path: string): string[] {
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

/**
 * A damaged one is passed over, and the one before is taken.
 * @param salt of the journal, when there is one: a snapshot of another table has another
 */
function trySnapshot(path: string, salt: number | undefined, { onRepair }: RebuildOptions): Table | undefined {
  try {
    const snapshot = openSnapshot(path);
    if (salt === undefined || snapshot.region.load(H.JOURNAL_SALT) === salt) return snapshot;
    snapshot.close();
    onRepair?.(`snapshot ${path} is not used: it is of another table than the journal`);
    return undefined;
  } catch (error) {
    onRepair?.(`snapshot ${path} is not used: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
