/**
 * Kills writers at every named point, many times, while others read and write, and then looks at everything.
 *
 *     npm run torture [-- KILLS [SEED]]     2,000 kills unless told, 240 a table
 *
 * What must hold afterwards: every row is old or new, never mixed; what was acknowledged is there; what was in flight is
 * there or not; arrivals have no gap and no double; chains, indexes and counters agree; no lock stays held. And the journal says
 * the same: a table built from it alone, as after a power cut, is this one.
 */

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FAULT_POINTS, type FaultPoint } from '../../src/shm/fault-points.js';
import { openTable, type Table } from '../../src/shm/table.js';
import { arrival, rowIndex } from '../../src/units.js';
import { isWhole, submit } from '../shm/actor-jobs.js';
import { distrust } from '../shm/power.js';
import type { Doom, Report } from './victim.js';

const VICTIM = fileURLToPath(new URL('./victim.js', import.meta.url));
const AT_ONCE = 3;
/** Ten of each point. A table grows with each kill, and what dies in a snapshot of a large one has long copied before. */
const KILLS_A_TABLE = FAULT_POINTS.length * 10;

export interface TortureResult {
  readonly kills: Readonly<Record<string, number>>;
  readonly rows: number;
  /** What does not hold; empty when all is well. */
  readonly wrong: readonly string[];
}

export async function torture(kills: number, seed: number, path: string): Promise<TortureResult> {
  const table = openTable({ path, create: true, maxRows: 1_000_000, maxUsers: 200_000, ringBytes: 262_144 });
  const ledger = new Ledger();
  const counts: Record<string, number> = {};
  try {
    const users = [0, 1, 2].map((n) => table.addUser({ name: `user ${n}`, tokenHash: Buffer.alloc(32, n + 1) }));
    let begun = 0;
    const worker = async (lane: number) => {
      while (begun < kills) {
        const number = begun++;
        const at = FAULT_POINTS[number % FAULT_POINTS.length] ?? 'table.after-body';
        // Rare points come only a few times in a short life; common ones are met early and late.
        const nth = isRare(at) ? 1 : 1 + ((number * 7 + seed) % 23);
        const doom: Doom = { user: users[lane] ?? 0, seed: seed + number, at, nth };
        // Every fourth is a thread of this process, ended by terminate(): its process lives on.
        if ((number + Math.floor(number / FAULT_POINTS.length)) % 4 === 3) await killThread(table, doom, ledger);
        else await killProcess(table, doom, ledger);
        counts[at] = (counts[at] ?? 0) + 1;
        ledger.look(table, number);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => worker(lane)));
    table.reclaimDead();
    const wrong = [...ledger.verify(table), ...verifyTable(table), ...verifyJournal(table)];
    return { kills: counts, rows: table.counts().rows, wrong };
  } finally {
    table.close();
  }
}

function isRare(at: FaultPoint): boolean {
  return at.startsWith('grow') || at.startsWith('snapshot') || at === 'journal.after-segment';
}

async function killProcess(table: Table, doom: Doom, ledger: Ledger): Promise<void> {
  const child = spawn(process.execPath, [VICTIM, 'victim', JSON.stringify({ path: table.path, doom })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const life = ledger.begin();
  createInterface({ input: child.stdout }).on('line', (line) => life.hear(JSON.parse(line)));
  const [signal, code] = await new Promise<[string | null, number | null]>((resolve) =>
    child.once('close', (exitCode, exitSignal) => resolve([exitSignal, exitCode])),
  );
  if (signal !== 'SIGKILL') ledger.wrong.push(`${doom.at}: a victim ended by itself, ${signal ?? code}`);
}

async function killThread(table: Table, doom: Doom, ledger: Ledger): Promise<void> {
  const worker = new Worker(VICTIM, { workerData: { buffer: table.buffer, doom } });
  const life = ledger.begin();
  await new Promise<void>((resolve) => {
    worker.on('message', (message: Report | 'stands') => (message === 'stands' ? resolve() : life.hear(message)));
    worker.once('error', (error) => {
      ledger.wrong.push(`${doom.at}: a thread failed: ${error.stack}`);
      resolve();
    });
  });
  await worker.terminate();
}

interface Life {
  hear(report: Report): void;
}

/** What was said to be done, and what was being done when the sayer died. */
class Ledger {
  readonly wrong: string[] = [];
  readonly #ids = new Map<string, { row: number; arrival: number } | undefined>();
  /** Salts a row may have: one when acknowledged, two when its writer died in between. */
  readonly #salts = new Map<number, { salts: (number | undefined)[]; isDone: boolean[] }>();

  begin(): Life {
    let id = '';
    let change: { row: number; salt: number; isLast: boolean } | undefined;
    return {
      hear: (report) => {
        switch (report.kind) {
          case 'accept':
            id = report.id;
            this.#ids.set(id, undefined);
            return;
          case 'accepted':
            this.#ids.set(id, { row: report.row, arrival: report.arrival });
            return;
          case 'record': {
            change = report;
            const before = this.#salts.get(report.row) ?? { salts: [undefined], isDone: [false] };
            const isDone = [before.isDone[0] ?? false, report.isLast];
            this.#salts.set(report.row, { salts: [before.salts[0], report.salt], isDone });
            return;
          }
          case 'recorded':
            if (change) this.#salts.set(change.row, { salts: [change.salt], isDone: [change.isLast] });
            return;
          case 'mixture':
            this.wrong.push(`row ${report.row} was read as a mixture`);
        }
      },
    };
  }

  /** What a reader sees in the middle of it all. */
  look(table: Table, number: number): void {
    const { rows } = table.counts();
    for (let n = 0; n < 50 && rows > 0; n++) {
      const row = (number * 7_919 + n * 104_729) % rows;
      if (!isWhole(table, row)) this.wrong.push(`row ${row} was seen as a mixture`);
    }
  }

  verify(table: Table): string[] {
    const wrong = [...this.wrong];
    let found = 0;
    for (const [id, place] of this.#ids) {
      const row = table.rowOf(Buffer.from(id, 'hex'));
      if (row !== undefined) found++;
      if (place === undefined) continue;
      if (row !== place.row) wrong.push(`acknowledged ${id}: row ${place.row} said, ${row} found`);
      if (table.rowOfArrival(arrival(place.arrival)) !== place.row) wrong.push(`arrival ${place.arrival} is elsewhere`);
    }
    const { rows } = table.counts();
    if (found !== rows) wrong.push(`${rows} rows, but ${found} of them were ever sent`);
    for (const [row, { salts, isDone }] of this.#salts) {
      const read = table.read(rowIndex(row));
      const salt = read?.executable == null ? undefined : Number(read.executable.split('/')[2]);
      const index = salts.lastIndexOf(salt);
      if (index < 0) wrong.push(`row ${row} has ${salt}, expected one of ${salts}`);
      else if (salts[0] !== salts[1] && isDone[index] !== (read?.state === 'done'))
        wrong.push(`row ${row}: ${read?.state}`);
    }
    return wrong;
  }
}

function verifyTable(table: Table): string[] {
  const wrong: string[] = [];
  const { rows, users, queued, running, done } = table.counts();
  const states = { free: 0, queued: 0, running: 0, done: 0, archived: 0 };
  for (let n = 0; n < rows; n++) {
    const row = table.read(rowIndex(n));
    if (row === undefined || !isWhole(table, n)) wrong.push(`row ${n} is not whole`);
    if (row !== undefined) states[row.state]++;
    if (row !== undefined && row.arrival !== n + 1) wrong.push(`row ${n} has arrival ${row.arrival}`);
    if (row !== undefined && table.rowOf(row.id) !== n) wrong.push(`row ${n} is not in the index`);
    table.response(rowIndex(n));
  }
  if (states.queued !== queued || states.running !== running || states.done !== done) {
    wrong.push(`counted ${queued}/${running}/${done}, found ${states.queued}/${states.running}/${states.done}`);
  }
  let chained = 0;
  for (let user = 0; user < users; user++) {
    const chain = table.ofUser(user, { limit: rows + 1 });
    if (chain.length !== table.countOf(user))
      wrong.push(`user ${user}: ${chain.length} in the chain, ${table.countOf(user)} counted`);
    chained += chain.length;
    const name = table.user(user)?.name;
    if (name === undefined || table.userByName(name)?.index !== user) wrong.push(`user ${user} is not in the index`);
  }
  if (chained !== rows) wrong.push(`${rows} rows, ${chained} of them in chains`);
  for (const { name, pid } of table.heldLocks()) wrong.push(`lock ${name} is still held by ${pid}`);
  return wrong;
}

/** Compares with what a start after a power cut builds. */
function verifyJournal(table: Table): string[] {
  // They get the places of those who died last, before they were counted.
  submit(table, table.addUser({ name: 'the last', tokenHash: Buffer.alloc(32, 0xff) }));
  table.commit(table.journal.tail);
  const directory = `${dirname(table.path)}-after`;
  cpSync(dirname(table.path), directory, { recursive: true });
  const path = join(directory, 'table.turno');
  distrust(path);
  const built = openTable({ path, create: true });
  const wrong: string[] = [];
  const compare = (what: string, of: (one: Table) => unknown) => {
    const [found, expected] = [built, table].map((one) => JSON.stringify(of(one)));
    if (found !== expected) wrong.push(`from the journal ${what} is ${found}, expected ${expected}`);
  };
  const { rows, users } = table.counts();
  for (const count of ['rows', 'users', 'queued', 'running', 'done'] as const)
    compare(count, (one) => one.counts()[count]);
  for (let n = 0; n < rows; n++) compare(`row ${n}`, (one) => [one.read(rowIndex(n)), one.response(rowIndex(n))]);
  for (let user = 0; user < users; user++) compare(`user ${user}`, (one) => [one.user(user), one.countOf(user)]);
  built.close();
  rmSync(directory, { recursive: true });
  return wrong.slice(0, 5);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const kills = Number(process.argv[2] ?? 2_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  const directory = mkdtempSync(join(tmpdir(), 'turno-torture-'));
  const startedAt = performance.now();
  const points: Record<string, number> = {};
  const wrong: string[] = [];
  let rows = 0;
  for (let done = 0, round = 0; done < kills; done += KILLS_A_TABLE, round++) {
    const path = join(directory, String(round), 'table.turno');
    mkdirSync(dirname(path));
    const result = await torture(Math.min(KILLS_A_TABLE, kills - done), seed + round * 10_007, path);
    for (const [point, count] of Object.entries(result.kills)) points[point] = (points[point] ?? 0) + count;
    wrong.push(...result.wrong.map((problem) => `table ${round}: ${problem}`));
    rows += result.rows;
    rmSync(dirname(path), { recursive: true });
  }
  rmSync(directory, { recursive: true });
  for (const [point, count] of Object.entries(points)) console.log(`${String(count).padStart(6)}  ${point}`);
  for (const line of wrong.slice(0, 50)) console.log(`WRONG ${line}`);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`${kills} kills, ${rows} rows, seed ${seed}, ${seconds} s: ${wrong.length} things wrong`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
