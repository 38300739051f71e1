/**
 * The table beside a Map, lmdb-js and better-sqlite3, on the same keys and values, in one run.
 *
 *     TURNO_BENCH_PEERS=DIRECTORY npm run bench -- table      where lmdb@3.5 and better-sqlite3@11 are installed
 *
 * Each figure is a process of its own; rounds go through all of them in turn, a figure is the median of the rounds, and a ratio
 * is made round by round. What one thread or process does is compared with the best peer of that round, what two do with one.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inWords, type Spread, spread } from '../statistics.js';
import type { Question } from './contender.js';

const CONTENDER = fileURLToPath(new URL('./contender.js', import.meta.url));
const ROUNDS = 3;
/** Rows that lie in the caches, and rows that do not. */
const FEW = 1_000;
const MANY = 100_000;
const MILLISECONDS = 500;

type Asked = Pick<Question, 'contender' | 'operation' | 'skewed' | 'workers' | 'kind' | 'keys'>;

const ALONE = { workers: 1, kind: 'thread' } as const;
const KEYS = [
  { keys: FEW, skewed: false },
  { keys: MANY, skewed: false },
  { keys: MANY, skewed: true },
];
const IN_MEMORY: readonly Asked[] = (['read', 'update'] as const).flatMap((operation) =>
  KEYS.flatMap((wanted): Asked[] => [
    { contender: 'map', operation, ...wanted, ...ALONE },
    { contender: 'turno', operation, ...wanted, ...ALONE },
    { contender: 'turno', operation, ...wanted, workers: 2, kind: 'thread' },
    { contender: 'turno', operation, ...wanted, workers: 2, kind: 'process' },
    { contender: 'lmdb', operation, ...wanted, ...ALONE },
    { contender: 'sqlite', operation, ...wanted, ...ALONE },
  ]),
);
const SYNCED = { operation: 'durable', keys: MANY, skewed: false } as const;
const DURABLE: readonly Asked[] = [
  { contender: 'fdatasync', ...SYNCED, ...ALONE },
  { contender: 'turno', ...SYNCED, ...ALONE },
  { contender: 'turno', ...SYNCED, workers: 2, kind: 'process' },
  { contender: 'lmdb', ...SYNCED, ...ALONE },
  { contender: 'sqlite', ...SYNCED, ...ALONE },
];

/** Rows of a table: what, operations a second, and the ratio. */
export async function benchTable(): Promise<string[][]> {
  const all = [...IN_MEMORY, ...DURABLE];
  const values = new Map<Asked, number[]>(all.map((asked) => [asked, []]));
  for (let round = 0; round < ROUNDS; round++) for (const asked of all) values.get(asked)?.push(ask(asked));
  const of = (asked: Asked) => values.get(asked) ?? [];
  return all.map((asked) => {
    const rivals = all.filter((one) => isAlike(one, asked) && isRival(one, asked));
    const ratios = of(asked).map(
      (value, round) => value / Math.max(...rivals.map((one) => of(one)[round] ?? Number.NaN)),
    );
    const against = asked.workers > 1 ? 'one' : 'the best peer';
    const isCompared = asked.contender === 'turno' && !ratios.some(Number.isNaN);
    return [label(asked), inThousands(spread(of(asked))), isCompared ? `${inWords(spread(ratios))} of ${against}` : ''];
  });
}

function isAlike(one: Asked, other: Asked): boolean {
  const isSameTable = one.keys === other.keys && one.skewed === other.skewed;
  return one.operation === other.operation && isSameTable && one.workers === 1;
}

function isRival({ contender }: Asked, asked: Asked): boolean {
  return asked.workers > 1 ? contender === asked.contender : contender === 'lmdb' || contender === 'sqlite';
}

function ask(asked: Asked): number {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const peers = join(process.env.TURNO_BENCH_PEERS ?? process.cwd(), 'package.json');
  const question: Question = { ...asked, milliseconds: MILLISECONDS, directory, peers };
  try {
    const { stdout, stderr, status } = spawnSync(process.execPath, [CONTENDER, JSON.stringify(question)], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${label(asked)}: ${stderr}`);
    return Number(stdout);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function label({ contender, operation, keys, skewed, workers, kind }: Asked): string {
  const who = contender === 'fdatasync' ? 'bare fdatasync, 64 records of 512 B' : contender;
  const many = workers > 1 ? `, ${workers} ${kind === 'thread' ? 'threads' : 'processes'}` : '';
  return `${operation}, ${keys.toLocaleString('en')} rows, ${skewed ? 'skewed' : 'uniform'}: ${who}${many}`;
}

function inThousands(figure: Spread): string {
  if (Number.isNaN(figure.median)) return 'not installed';
  const thousands = (value: number) => (value / 1_000).toFixed(value < 1e5 ? 1 : 0);
  return `${thousands(figure.median)} k/s (${thousands(figure.least)}-${thousands(figure.most)})`;
}
