/** Flipped bits, swapped pages, truncations: detected, reported or refused; never a wrong row served as right. */

import { closeSync, copyFileSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { TurnoError } from '../../src/errors.js';
import { problemsOf } from '../../src/shm/check.js';
import { CHUNK_BYTES, HEADER } from '../../src/shm/layout.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';
import { freshTable } from '../shm/fresh-table.js';

/** 10,000 by `npm run test:damage`. */
const FLIPS = Number(process.env.FLIPS ?? 600);
const SWAPS = FLIPS / 10;
const FILES = FLIPS / 20;
const PAGE = 4_096;
const ROWS = 24;

/** The true ids, kept when everything was whole. */
const ids: Uint8Array[] = [];

t.test(`${FILES} damaged files are refused, or what is wrong is found`, async (t) => {
  const table = filled(t);
  const { path } = table;
  const truth = pictureOf(table);
  table.closeClean();
  const random = seeded(t);
  const copy = join(t.testdirName, 'copy.turno');
  const outcomes = { refused: 0, found: 0, harmless: 0 };
  const wrong: string[] = [];
  for (let n = 0; n < FILES && wrong.length < 5; n++) {
    copyFileSync(path, copy);
    const what = damageFile(copy, random);
    const outcome = judge(() => openTable({ path: copy, create: true, durability: 'none' }), truth, wrong, what);
    outcomes[outcome]++;
    rmSync(copy);
  }
  t.comment(outcomes);
  t.same(wrong, []);
});

t.test(`${FLIPS} flipped bits and ${SWAPS} swapped pages in a mapped table never serve a wrong row`, async (t) => {
  const table = filled(t);
  const truth = pictureOf(table);
  const bytes = new Uint8Array(table.buffer, 0, table.counts().bytes);
  const words = new Int32Array(table.buffer, 0, bytes.length / 4);
  const random = seeded(t);
  const used = [...words.keys()].filter((word) => words[word] !== 0 && isJudged(table, word * 4));
  const outcomes = { refused: 0, found: 0, harmless: 0 };
  const wrong: string[] = [];
  const trial = (what: string, damage: () => void, restore: () => void) => {
    damage();
    outcomes[judge(() => attachTable(table.buffer), truth, wrong, what)]++;
    restore();
  };
  for (let n = 0; n < FLIPS && wrong.length < 5; n++) {
    // Mostly where there is something; sometimes where there should be nothing.
    const word = random(10)
      ? (used[random(used.length)] ?? 0)
      : firstJudged(table) / 4 + random(words.length - firstJudged(table) / 4);
    const bit = 1 << random(32);
    const before = words[word] ?? 0;
    const put = (value: number) => () => {
      words[word] = value;
    };
    trial(`bit ${bit} of the word at ${word * 4}`, put(before ^ bit), put(before));
  }
  for (let n = 0; n < SWAPS && wrong.length < 5; n++) {
    const page = () => PAGE * Math.floor(((used[random(used.length)] ?? 0) * 4) / PAGE);
    const [a, b] = [page(), page()];
    if (a < CHUNK_BYTES || b < CHUNK_BYTES) continue;
    const swap = () => {
      const kept = bytes.slice(a, a + PAGE);
      bytes.copyWithin(a, b, b + PAGE);
      bytes.set(kept, b);
    };
    trial(`pages at ${a} and ${b} swapped`, swap, swap);
  }
  t.comment(outcomes);
  t.same(wrong, []);
  t.same(pictureOf(table), truth);
  t.ok(outcomes.found > FLIPS / 3);
});

function filled(t: Test): Table {
  const table = freshTable(t);
  ids.length = 0;
  const users = ['Ada', 'Bob', 'Cleo'].map((name) => table.addUser({ name, tokenHash: hashOf(name) }));
  for (let n = 0; n < ROWS; n++) {
    const { row } = submit(table, users[n % 3] ?? 0);
    if (n % 4 !== 3) table.finish(row, { ...resultFor(n, n), response: Buffer.alloc(n * 150, `${n},`) });
    else if (n % 8 === 3) table.start(row);
  }
  return table;
}

/** Everything that can be asked of the table, each with its answer; damage is an answer, too. */
function pictureOf(table: Table): Map<string, string> {
  const picture = new Map<string, string>();
  const ask = (question: string, answer: () => unknown) => {
    try {
      picture.set(question, JSON.stringify(answer()) ?? 'nothing');
    } catch (error) {
      if (!(error instanceof TurnoError)) throw error;
      picture.set(question, error.code);
    }
  };
  for (let n = 0; n < ROWS; n++) {
    const row = rowIndex(n);
    ask(`row ${n}`, () => table.read(row));
    ask(`response ${n}`, () => toText(table.response(row)));
    ask(`id of ${n}`, () => table.rowOf(idOf(table, n)));
  }
  for (const [user, name] of ['Ada', 'Bob', 'Cleo'].entries()) {
    ask(`user ${user}`, () => table.user(user));
    ask(`token of ${name}`, () => table.userByToken(hashOf(name)));
    ask(`name ${name}`, () => table.userByName(name));
    ask(`list of ${user}`, () => table.ofUser(user, { limit: 100 }));
  }
  ask('unfinished', () => [...table.unfinished()].map(({ row }) => row));
  ask('counts', () => ({ ...table.counts(), bytes: 0 }));
  return picture;
}

function idOf(table: Table, row: number): Uint8Array {
  ids[row] ??= table.read(rowIndex(row))?.id ?? new Uint8Array();
  return ids[row];
}

function toText(response: Uint8Array | { file: string } | undefined): unknown {
  return response instanceof Uint8Array ? Buffer.from(response).toString('latin1') : response;
}

/** Opens the damaged table and compares: an answer may be missing or refused, but then the check must know why. */
function judge(
  open: () => Table,
  truth: ReadonlyMap<string, string>,
  wrong: string[],
  what: string,
): 'refused' | 'found' | 'harmless' {
  let table: Table;
  try {
    table = open();
  } catch (error) {
    if (!(error instanceof TurnoError)) wrong.push(`${what}: ${error}`);
    return 'refused';
  }
  try {
    const problems = [...problemsOf(table)];
    for (const [question, answer] of pictureOf(table)) {
      const expected = truth.get(question);
      if (answer === expected) continue;
      const isServedAsRight = /^(row|response|user|token|name|id)/.test(question);
      const isRefusal = answer === 'nothing' || answer === 'TURNO_TABLE_DAMAGED';
      if (isServedAsRight && !isRefusal)
        wrong.push(`${what}: ${question} is ${answer.slice(0, 200)}, not ${expected?.slice(0, 200)}`);
      if (problems.length === 0)
        wrong.push(`${what}: ${question} is ${answer.slice(0, 100)}, and the check finds nothing`);
    }
    return problems.length > 0 ? 'found' : 'harmless';
  } catch (error) {
    wrong.push(`${what}: ${error instanceof Error ? error.stack : error}`);
    return 'found';
  } finally {
    table.close();
  }
}

/** Counters, directory and all chunks; not the locks, the agents and the ring, which say nothing about what is stored. */
function isJudged(table: Table, offset: number): boolean {
  const { COMMITTED, EXTENTS, ROWS: rows, USERS, FIRST_UNFINISHED, BASE_RUNNING, BASE_DONE } = HEADER.fields;
  const { FIRST_ROW, ARCHIVED } = HEADER.fields;
  const counters = [COMMITTED, EXTENTS, rows, USERS, FIRST_UNFINISHED, FIRST_ROW];
  counters.push(BASE_RUNNING, BASE_DONE, ARCHIVED);
  if (offset < HEADER.size) return counters.some((field) => field.offset === offset);
  const { ring, ringBytes } = table.region.geometry;
  return offset >= firstJudged(table) && (offset < ring || offset >= ring + ringBytes);
}

function firstJudged({ region }: Table): number {
  return region.geometry.rows.directory * 4;
}

function damageFile(path: string, random: (below: number) => number): string {
  const fd = openSync(path, 'r+');
  try {
    const header = Buffer.alloc(HEADER.size);
    readSync(fd, header, 0, HEADER.size, 0);
    const end = header.readUInt32LE(HEADER.fields.COMMITTED.offset) * CHUNK_BYTES;
    const dice = random(3);
    if (dice === 0) {
      const length = random(2) ? random(end) : PAGE * random(end / PAGE);
      ftruncateSync(fd, length);
      return `cut to ${length}`;
    }
    // The header, or anywhere.
    const offset = dice === 1 ? random(HEADER.size) : random(end);
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, offset);
    const bit = 1 << random(8);
    writeSync(fd, Buffer.from([(byte[0] ?? 0) ^ bit]), 0, 1, offset);
    return `bit ${bit} of byte ${offset}`;
  } finally {
    closeSync(fd);
  }
}

function seeded(t: Test): (below: number) => number {
  let state = Date.now() % 1_000_000;
  t.comment(`seed ${state}`);
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
