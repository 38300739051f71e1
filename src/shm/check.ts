/**
 * What is wrong with a table, and where: every record, response, index, chain and counter is looked at once, about 5 us a
 * row. Nothing is changed. To be asked of a table nobody works on, or what is just being changed is taken for wrong.
 */

import { TurnoError } from '../errors.js';
import { type RowIndex, rowIndex } from '../units.js';
import { type Area, GRANULE_BYTES, ROWS_PER_CHUNK, USERS_PER_CHUNK } from './layout.js';
import { H } from './region.js';
import type { Row } from './row-image.js';
import type { Table } from './shared-table.js';

export interface Problem {
  readonly what: string;
  /** Byte of the file. */
  readonly offset: number;
}

/** @param checkStop called from time to time; what it throws ends the check */
export function* problemsOf(table: Table, checkStop: () => void = () => undefined): Generator<Problem> {
  yield* directoryProblems(table);
  yield* rowProblems(table, checkStop);
  yield* userProblems(table);
  yield* lockProblems(table);
}

/** Runs `look`; damage is yielded instead of thrown. */
function* caught(look: () => string | undefined, offset: () => number): Generator<Problem> {
  try {
    const what = look();
    if (what !== undefined) yield { what, offset: offset() };
  } catch (error) {
    if (!(error instanceof TurnoError) || error.code !== 'TURNO_TABLE_DAMAGED') throw error;
    yield { what: String(error.details.problem), offset: Number(error.details.offset) };
  }
}

function* directoryProblems({ region }: Table): Generator<Problem> {
  const { rows, users, ids, names, tokens, extents, fixedChunks } = region.geometry;
  const owners = new Map<number, string>();
  const forgotten = Math.floor(region.load(H.FIRST_ROW) / ROWS_PER_CHUNK);
  const committed = region.load(H.COMMITTED);
  for (const area of [rows, users, ids, names, tokens, extents]) {
    for (let index = 0; index < area.chunks; index++) {
      const offset = (area.directory + index) * 4;
      const chunk = region.words[offset / 4] ?? 0;
      if (chunk === 0) continue;
      const label = `chunk ${index} of ${area.name}`;
      if (chunk < fixedChunks || chunk >= committed) yield { what: `${label} is said to be chunk ${chunk}`, offset };
      else if (owners.has(chunk)) yield { what: `${label} and ${owners.get(chunk)} are the same chunk`, offset };
      owners.set(chunk, label);
    }
    yield* missingChunks(
      region.words,
      area,
      area === rows ? forgotten : area === ids && forgotten > 0 ? area.chunks : 0,
    );
  }
}

/** Chunks of an area are made in order: none before the last is missing, but for those a copy did not need any more. */
function* missingChunks(words: Int32Array, area: Area, from: number): Generator<Problem> {
  let last = -1;
  for (let index = 0; index < area.chunks; index++) if (words[area.directory + index] !== 0) last = index;
  // An index begins anew with each level and leaves nothing out either.
  for (let index = from; index < last; index++) {
    if (words[area.directory + index] !== 0) continue;
    yield { what: `chunk ${index} of ${area.name} is missing`, offset: (area.directory + index) * 4 };
  }
}

/** Records there can be in the chunks an area has: a damaged count must not make us look at a thousand million. */
function roomIn({ region }: Table, area: Area, perChunk: number, first = 0): number {
  let chunks = Math.floor(first / perChunk);
  while (chunks < area.chunks && region.words[area.directory + chunks] !== 0) chunks++;
  return chunks * perChunk;
}

function* rowProblems(table: Table, checkStop: () => void): Generator<Problem> {
  const { rows, running, done, archived } = table.counts();
  const first = table.region.load(H.FIRST_ROW);
  const found = { running: 0, done: 0, archived: first };
  const firstUnfinished = table.region.load(H.FIRST_UNFINISHED);
  const extents = table.region.load(H.EXTENTS);
  const room = roomIn(table, table.region.geometry.rows, ROWS_PER_CHUNK, first);
  if (rows > room) yield { what: `${rows} rows are counted, there is room for ${room}`, offset: H.ROWS.offset };
  if (first > rows) yield { what: `the first of ${rows} rows is said to be ${first}`, offset: H.FIRST_ROW.offset };
  for (let index = first; index < Math.min(rows, room); index++) {
    const row = rowIndex(index);
    if (index % ROWS_PER_CHUNK === 0) checkStop();
    yield* caught(
      () => {
        const read = table.read(row);
        if (read === undefined) return `row ${index} was never written`;
        if (read.state === 'running' || read.state === 'done' || read.state === 'archived') found[read.state]++;
        return rowProblem(table, row, read, { firstUnfinished, extents });
      },
      () => table.offsetOf(index),
    );
  }
  if (found.running !== running || found.done !== done || found.archived !== archived) {
    const text = (of: typeof found) => `${of.running} running, ${of.done} done, ${of.archived} archived`;
    const what = `counted ${text({ running, done, archived })}, found ${text(found)}`;
    yield { what, offset: H.BASE_RUNNING.offset };
  }
  const behind = rowBehind(table, rows);
  if (behind !== undefined) yield behind;
}

function rowProblem(
  table: Table,
  row: RowIndex,
  read: Row,
  { firstUnfinished, extents }: { firstUnfinished: number; extents: number },
): string | undefined {
  if (table.rowOfArrival(read.arrival) !== row) return `row ${row} has arrival ${read.arrival}`;
  if (read.state === 'archived') return table.rowOf(read.id) === row ? `row ${row} is archived and found` : undefined;
  if (table.rowOf(read.id) !== row) return `row ${row} is not in the index`;
  if (table.user(read.user) === undefined) return `row ${row} belongs to user ${read.user}, who is not there`;
  if (row < firstUnfinished && read.state !== 'done') return `row ${row} is not done, but said to be`;
  table.response(row);
  const extent = table.extentOf(row);
  const end = extent === undefined ? 0 : extent.at + Math.ceil((extent.length + 16) / GRANULE_BYTES);
  return end > extents ? `response of row ${row} lies behind the end of the extents` : undefined;
}

/** A whole row behind the last one: the count was lowered, unless its maker died just before he counted it. */
function rowBehind(table: Table, rows: number): Problem | undefined {
  if (table.region.load(H.CLEAN) === 0) return undefined;
  const newest = Math.max(...Array.from({ length: table.counts().users }, (_, user) => table.newestOf(user)), 0);
  if (newest <= rows) return undefined;
  return { what: `${rows} rows counted, but a user has row ${newest - 1}`, offset: H.ROWS.offset };
}

function* userProblems(table: Table): Generator<Problem> {
  const { rows, users } = table.counts();
  const first = table.region.load(H.FIRST_ROW);
  let chained = first;
  const room = roomIn(table, table.region.geometry.users, USERS_PER_CHUNK);
  if (users > room) yield { what: `${users} users are counted, there is room for ${room}`, offset: H.USERS.offset };
  for (let user = 0; user < Math.min(users, room); user++) {
    yield* caught(
      () => {
        const read = table.user(user);
        if (read === undefined) return `user ${user} was never written`;
        if (table.userByName(read.name)?.index !== user) return `user ${user} is not in the index of names`;
        if (!table.hasTokenIndex(user)) return `user ${user} is not in the index of tokens`;
        const chain = [...table.chainOf(user)];
        chained += chain.length;
        const [newest, oldest] = [chain[0]?.ordinal ?? 0, chain.at(-1)?.ordinal ?? 1];
        const isWhole = chain.length === newest - oldest + 1 && (oldest === 1 || first > 0);
        if (!isWhole) return `user ${user} has ${chain.length} rows in his chain`;
        return undefined;
      },
      () => 0,
    );
  }
  if (chained !== rows) yield { what: `${rows} rows, ${chained} of them in chains of users`, offset: H.ROWS.offset };
}

function* lockProblems(table: Table): Generator<Problem> {
  for (const { name, pid } of table.heldLocks()) yield { what: `lock ${name} is held by ${pid}`, offset: 0 };
}
