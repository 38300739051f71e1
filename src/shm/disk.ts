/**
 * What the primary has seen of the disk, in the header, where every front reads it at no cost: how much is free, and whether
 * it takes writes at all. So new work is refused before the first write fails, and taken again when there is room.
 *
 * The look is one statfs(2) and one access(2) for each directory, which may be file systems of their own: the smallest counts.
 */

import { accessSync, constants, statfsSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import { codeOf, H, type Region } from './region.js';

const MIB = 1_048_576;
const FREE = H.FREE_BYTES.offset / 8;

export interface DiskState {
  readonly freeBytes: number;
  readonly isReadOnly: boolean;
}

/** Looks at the disk, and tells all processes. Directories that are not there are passed over. For the primary. */
export function lookAtDisk(region: Region, directories: readonly string[]): DiskState {
  const states = directories.map(stateOf).filter((state) => state !== undefined);
  const freeBytes = Math.min(...states.map((state) => state.freeBytes));
  const isReadOnly = states.some((state) => state.isReadOnly);
  setFree(region, freeBytes);
  region.store(H.DISK_IS_READ_ONLY, isReadOnly ? 1 : 0);
  return { freeBytes, isReadOnly };
}

function stateOf(directory: string): DiskState | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return { freeBytes: Math.min(bavail * bsize, Number.MAX_SAFE_INTEGER), isReadOnly: isReadOnly(directory) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS'; // what else is wrong shows when something is written
  }
}

/** @param bytes new work is refused while less is free; 0 = never. For the primary. */
export function setFloor(region: Region, bytes: number): void {
  region.storeLong(H.FLOOR_BYTES, bytes);
}

/** Free bytes at the last look; 0 while nobody has looked. */
export function freeBytes(region: Region): number {
  return Number(Atomics.load(region.longs, FREE));
}

/** In one piece, other than what Region.loadLong() is for: it grows and shrinks while others look. */
function setFree(region: Region, bytes: number): void {
  Atomics.store(region.longs, FREE, BigInt(bytes));
}

/** @throws TURNO_DISK_REFUSES, TURNO_DISK_LOW when new work is to be refused, as far as the last look goes. */
export function checkDisk(region: Region): void {
  if (region.load(H.DISK_IS_READ_ONLY) !== 0) {
    throw new TurnoError('TURNO_DISK_REFUSES', { path: region.path, problem: 'it is read-only' });
  }
  const floor = region.loadLong(H.FLOOR_BYTES);
  const free = floor === 0 ? 0 : freeBytes(region);
  if (free >= floor) return;
  const details = { freeMib: Math.floor(free / MIB), floorMib: Math.ceil(floor / MIB) };
  throw new TurnoError('TURNO_DISK_LOW', { path: region.path, ...details });
}

/** A table without a primary: nobody looks. */
export function forgetDisk(region: Region): void {
  setFree(region, 0);
  region.storeLong(H.FLOOR_BYTES, 0);
  region.store(H.DISK_IS_READ_ONLY, 0);
}
