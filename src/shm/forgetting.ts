/**
 * Forgetting archived rows (retention). Numbers of rows are never used again, and neither is their place in the file; what is
 * given back is the blocks behind it: the file has holes there, which read as zeros.
 *
 *     row archived          its record says so (a change like any other, journalled); id and response are found no more
 *     FIRST_ROW             behind all rows that are archived without one that is not before them: these are not looked at
 *                           any more. It is not journalled: a replay finds it again
 *     a chunk of rows       released when all of it lies before FIRST_ROW
 *     a chunk of extents    released when no row names anything in it
 *
 * Killed anywhere in between: what was not given back is given back the next time.
 */

import { type Area, CHUNK_BYTES, ROW, ROWS_PER_CHUNK, STATES } from './layout.js';
import { native } from './native.js';
import type { TableParts } from './parts.js';
import { codeOf, H } from './region.js';
import { GRANULES_PER_CHUNK } from './responses.js';

const STATE_WORD = ROW.fields.STATE.offset / 4;
const RESPONSE_AT_WORD = ROW.fields.RESPONSE_AT.offset / 4;
const ARCHIVED = STATES.indexOf('archived');

/** Moves FIRST_ROW up as far as it goes, and counts what is archived, forgotten ones included. Looks at every row. */
export function forgetArchived({ region, rows }: TableParts): void {
  const end = region.load(H.ROWS);
  let first = region.load(H.FIRST_ROW);
  let row = first;
  while (row < end && stateOf(row) === ARCHIVED) row++;
  if (row > first) region.store(H.FIRST_ROW, row);
  first = row;
  let archived = first;
  for (; row < end; row++) if (stateOf(row) === ARCHIVED) archived++;
  region.store(H.ARCHIVED, archived);

  // Archived is for ever, so a plain word will do; in the middle of a change it is the old state or the new one.
  function stateOf(index: number): number | undefined {
    return rows.view(index)?.[rows.at(index) + STATE_WORD];
  }
}

/** @param extents granules given out at a moment since which every change that was under way has ended */
export function releaseUnused(parts: TableParts, extents: number): void {
  const { region, rows } = parts;
  const { geometry } = region;
  const first = region.load(H.FIRST_ROW);
  const end = region.load(H.ROWS);
  const isUsed = new Uint8Array(geometry.extents.chunks);
  for (let row = first; row < end; row++) {
    const at = rows.view(row)?.[rows.at(row) + RESPONSE_AT_WORD] ?? 0;
    if (at !== 0) isUsed[Math.floor((at >>> 0) / GRANULES_PER_CHUNK)] = 1;
  }
  for (let chunk = 0; (chunk + 1) * ROWS_PER_CHUNK <= first; chunk++) release(parts, geometry.rows, chunk);
  for (let chunk = 0; (chunk + 1) * GRANULES_PER_CHUNK <= extents; chunk++) {
    if (isUsed[chunk] === 0) release(parts, geometry.extents, chunk);
  }
}

function release({ region }: TableParts, area: Area, chunk: number): void {
  const word = area.directory + chunk;
  if (region.released.has(word)) return;
  const number = Atomics.load(region.words, word);
  if (number === 0) return;
  try {
    native.release(region.fd, number * CHUNK_BYTES, CHUNK_BYTES);
    region.released.add(word);
  } catch (error) {
    if (codeOf(error) !== 'EOPNOTSUPP') throw error; // a file system without holes keeps its blocks until the table is copied
  }
}
