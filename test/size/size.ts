/**
 * A million submissions of 2 KiB answers in one table: filled by a process that is killed in the middle of its work, opened again,
 * read back whole, checked, and opened after a clean end.
 *
 *     npm run test:size [-- ROWS]     1,000,000 unless told (100,000 take half a minute); needs about 6 KiB of disk a row
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { problemsOf } from '../../src/shm/check.js';
import { armFaultPoints } from '../../src/shm/fault-points.js';
import { ROW } from '../../src/shm/layout.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { openTable, type Table } from '../../src/shm/table.js';
import { type RowIndex, rowIndex } from '../../src/units.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';

const ANSWER_BYTES = 2_048;
const USERS = 100;
/** Of the file, to what a submission has in it: its row and its answer. */
const MOST_ROOM = 1.3;
const COMMIT_EVERY = 1_000;
const BOOTS = 5;
const SELF = fileURLToPath(import.meta.url);

/** Every byte of an answer follows from the number of its row. */
function answerOf(row: number): Buffer {
  return Buffer.alloc(ANSWER_BYTES, `${row},`);
}

function fill(path: string, rows: number, isKilled: boolean): void {
  const table = openTable({ path, create: true });
  const users = Array.from({ length: USERS }, (_, n) => table.addUser({ name: `u${n}`, tokenHash: hashOf(`u${n}`) }));
  for (let n = 0; n < rows; n++) {
    const { row } = submit(table, users[n % USERS] ?? 0);
    table.finish(row, { ...resultFor(n, n), response: answerOf(n) });
    if (n % COMMIT_EVERY === 0) table.commit();
  }
  table.commit();
  if (!isKilled) {
    table.closeClean();
    return;
  }
  armFaultPoints((point) => point === 'table.inside-body' && process.kill(process.pid, 'SIGKILL'));
  table.start(submit(table, 0).row);
}

function measured<T>(action: () => T): { ms: number; value: T } {
  const startedMs = performance.now();
  const value = action();
  return { ms: performance.now() - startedMs, value };
}

/** One start, in a process of its own: milliseconds until the table is open, and the rows in it. */
function boot(path: string): { ms: number; rows: number } {
  const { stdout } = spawnSync(process.execPath, [SELF, 'boot', path], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

function readBack(table: Table, rows: number): number {
  let wrong = 0;
  for (let n = 0; n < rows; n++) {
    const response = table.response(rowIndex(n));
    const row = table.read(rowIndex(n));
    const isRight =
      response instanceof Uint8Array &&
      answerOf(n).equals(response) &&
      row?.arrival === n + 1 &&
      isFound(table, n, row.id);
    if (!isRight) wrong++;
  }
  return wrong;
}

function isFound(table: Table, row: number, id: Uint8Array): boolean {
  const found: RowIndex | undefined = table.rowOf(id);
  return found === row;
}

function median(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const text = (value: number | undefined) => value?.toFixed(1);
  return `${text(sorted[sorted.length >> 1])} (${text(sorted[0])}-${text(sorted.at(-1))}) ms`;
}

function main(rows: number): void {
  const directory = mkdtempSync(join(tmpdir(), 'turno-size-'));
  const [large, small] = [join(directory, 'large/table.turno'), join(directory, 'small/table.turno')];
  const child = (...args: string[]) => spawnSync(process.execPath, [SELF, ...args], { stdio: 'inherit' });
  for (const name of ['large', 'small']) mkdirSync(join(directory, name));
  let wrong = 0;
  const expect = (what: string, found: unknown, expected: unknown) => {
    if (found === expected) return;
    wrong++;
    console.log(`WRONG ${what}: ${found}, expected ${expected}`);
  };
  try {
    const filled = measured(() => child('fill', large, String(rows), 'killed'));
    expect('signal', filled.value.signal, 'SIGKILL');
    child('fill', small, '1000', 'killed');
    console.log(`filled, durable: ${Math.round((rows / filled.ms) * 1_000)} submissions/s`);
    console.log(
      `start after kill -9: ${boot(large).ms.toFixed(0)} ms (target: 2,000), with 1,000 rows ${boot(small).ms.toFixed(0)} ms`,
    );
    const times = { large: [] as number[], small: [] as number[] };
    for (let n = 0; n < BOOTS; n++) {
      times.large.push(boot(large).ms);
      times.small.push(boot(small).ms);
    }
    console.log(`start after a clean end: ${median(times.large)}, with 1,000 rows ${median(times.small)}`);
    console.log(`  targets: below 100 ms, and below 2 times that of 1,000 rows`);
    const table = openTable({ path: large, create: true });
    expect('rows', table.counts().rows, rows + 1);
    const read = measured(() => readBack(table, rows));
    expect('answers that are wrong', read.value, 0);
    console.log(`read back, row, answer and index: ${Math.round((rows / read.ms) * 1_000)} submissions/s`);
    const checked = measured(() => [...problemsOf(table)].length);
    expect('problems', checked.value, 0);
    const { bytes } = table.counts();
    const room = bytes / (rows * (ROW.size + ANSWER_BYTES));
    const target = `${room.toFixed(2)} times its row and answer (target: at most ${MOST_ROOM})`;
    console.log(`check: ${(checked.ms / 1_000).toFixed(1)} s`);
    console.log(`table: ${(bytes / rows).toFixed(0)} bytes a submission, ${target}`);
    // The fixed part (agents, ring, directory) is 13 MiB whatever the number of rows.
    if (rows >= 100_000) expect('room within the target', room <= MOST_ROOM, true);
    const snapshot = measured(() => checkpoint(table));
    console.log(`snapshot: ${(snapshot.ms / 1_000).toFixed(1)} s, ${statSync(snapshot.value).blocks * 512} bytes`);
    table.closeClean();
  } finally {
    rmSync(directory, { recursive: true });
  }
  console.log(`${rows} submissions of ${ANSWER_BYTES} bytes: ${wrong} things wrong`);
  process.exitCode = wrong === 0 ? 0 : 1;
}

const [mode = '1000000', path = '', count, end] = process.argv.slice(2);
if (mode === 'fill') fill(path, Number(count), end === 'killed');
else if (mode === 'boot') {
  const { ms, value: table } = measured(() => openTable({ path, create: true }));
  console.log(JSON.stringify({ ms, rows: table.counts().rows }));
  table.closeClean();
} else main(Number(mode));
