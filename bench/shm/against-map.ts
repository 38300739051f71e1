/**
 * What do table reads and writes cost, against a plain Map of objects in one thread?
 *
 * The same rows on both sides, in random order. A read gives the caller a whole row as an object of its own; a write changes
 * the result of a row. The Map shares nothing with other threads, checks nothing and forgets everything at the end of the
 * process: it is the floor, not a rival. Rounds alternate; the ratio is made round by round.
 */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTable, type Row } from '../../src/shm/table.js';
import { arrival, bytes, nanos, type RowIndex, rowIndex } from '../../src/units.js';
import { inWords, spread } from '../statistics.js';

const ROWS = 20_000;
const OPERATIONS = 200_000;
const ROUNDS = 7;

export function benchAgainstMap(): string[][] {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const table = openTable({ path: join(directory, 'table.turno'), create: true, durability: 'none' });
  try {
    const user = table.addUser({ name: 'bench', tokenHash: randomBytes(32) });
    const map = new Map<RowIndex, Row>();
    for (let i = 0; i < ROWS; i++) {
      const { row } = table.accept({
        id: randomBytes(16),
        user,
        language: 'c',
        sentAtMs: i,
        source: `sources/ab/${i}/main.c`,
      });
      const found = table.read(row);
      if (found) map.set(row, found);
    }
    const order = Int32Array.from({ length: OPERATIONS }, () => Math.floor(Math.random() * ROWS));
    const result = {
      verdict: 1,
      exitCode: 0,
      signal: null,
      cpuNs: 1,
      wallNs: 1,
      waitedNs: 0,
      memoryBytes: 4_096,
      response: randomBytes(128),
    };
    const sides: Record<string, (index: RowIndex) => unknown> = {
      'Map get': (row) => map.get(row)?.verdict,
      'table read': (row) => table.read(row)?.verdict,
      'Map set': (row) => map.set(row, { ...emptyRow(row), verdict: 1, exitCode: 0, memoryBytes: bytes(4_096) }),
      'table record': (row) => table.record(row, result),
    };
    const rates = new Map(Object.keys(sides).map((name) => [name, [] as number[]]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, side] of Object.entries(sides)) {
        const startMs = performance.now();
        for (const index of order) side(rowIndex(index));
        // The first round warms the code up.
        if (round > 0) rates.get(name)?.push(OPERATIONS / (performance.now() - startMs) / 1_000);
      }
    }
    const of = (name: string) => rates.get(name) ?? [];
    const line = (name: string, base: string) => {
      const ratios = of(name).map((rate, round) => rate / (of(base)[round] ?? Number.NaN));
      return [name, `${inWords(spread(of(name)))} M/s`, name === base ? '1.00' : inWords(spread(ratios), 3)];
    };
    return [
      line('Map get', 'Map get'),
      line('table read', 'Map get'),
      line('Map set', 'Map set'),
      line('table record', 'Map set'),
    ];
  } finally {
    table.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function emptyRow(row: RowIndex): Row {
  return {
    row,
    id: new Uint8Array(16),
    arrival: arrival(row + 1),
    state: 'running',
    user: 0,
    owner: 0,
    language: 'c',
    sentAtMs: 0,
    verdict: 0,
    exitCode: null,
    signal: null,
    cpuNs: nanos(0),
    wallNs: nanos(0),
    waitedNs: nanos(0),
    memoryBytes: bytes(0),
    source: null,
    executable: null,
    ordinal: 0,
  };
}
