/**
 * The table beside a Map, lmdb-js and better-sqlite3, on the same keys and values, in one run.
 *
 *     npm run bench -- table            the peers must be installed (devDependencies), or lie under TURNO_BENCH_PEERS
 *
 * Each figure is a process of its own; rounds go through all of them in turn, and a figure is the median of the rounds.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Spread, spread } from '../statistics.js';
import type { Question } from './contender.js';

const CONTENDER = fileURLToPath(new URL('./contender.js', import.meta.url));
const ROUNDS = 3;
const KEYS = 100_000;
const MILLISECONDS = 1_000;

type Asked = Pick<Question, 'contender' | 'operation' | 'skewed' | 'threads'>;

const READS: readonly Asked[] = [false, true].flatMap((skewed) => [
  { contender: 'map', operation: 'read', skewed, threads: 1 },
  { contender: 'turno', operation: 'read', skewed, threads: 1 },
  { contender: 'turno', operation: 'read', skewed, threads: 2 },
  { contender: 'lmdb', operation: 'read', skewed, threads: 1 },
  { contender: 'sqlite', operation: 'read', skewed, threads: 1 },
]);
const UPDATES: readonly Asked[] = [
  { contender: 'map', operation: 'update', skewed: false, threads: 1 },
  { contender: 'turno', operation: 'update', skewed: false, threads: 1 },
  { contender: 'turno', operation: 'update', skewed: false, threads: 2 },
  { contender: 'turno', operation: 'update', skewed: true, threads: 1 },
  { contender: 'lmdb', operation: 'update', skewed: false, threads: 1 },
  { contender: 'sqlite', operation: 'update', skewed: false, threads: 1 },
];
const DURABLE: readonly Asked[] = [
  { contender: 'fdatasync', operation: 'durable', skewed: false, threads: 1 },
  { contender: 'turno', operation: 'durable', skewed: false, threads: 1 },
  { contender: 'lmdb', operation: 'durable', skewed: false, threads: 1 },
  { contender: 'sqlite', operation: 'durable', skewed: false, threads: 1 },
];

/** Rows of a table: what, operations a second, and the ratio to the best peer (lmdb or sqlite) of the same question. */
export async function benchTable(): Promise<string[][]> {
  const all = [...READS, ...UPDATES, ...DURABLE];
  const values = new Map<Asked, number[]>(all.map((asked) => [asked, []]));
  for (let round = 0; round < ROUNDS; round++) for (const asked of all) values.get(asked)?.push(ask(asked));
  const figures = new Map([...values].map(([asked, figure]) => [asked, spread(figure)]));
  return all.map((asked) => {
    const figure = figures.get(asked);
    const peers = all.filter((one) => isPeer(one) && one.operation === asked.operation && isAlike(one, asked));
    const best = Math.max(
      ...peers.map((one) => figures.get(one)?.median ?? Number.NaN).filter((rate) => !Number.isNaN(rate)),
    );
    const ratio = figure === undefined || best === -Infinity ? '' : (figure.median / best).toFixed(2);
    return [label(asked), inThousands(figure), isPeer(asked) ? '' : `${ratio} of the best peer`];
  });
}

function isPeer({ contender }: Asked): boolean {
  return contender === 'lmdb' || contender === 'sqlite';
}

/** Peers are measured with uniform keys where they were not measured with skewed ones. */
function isAlike(peer: Asked, asked: Asked): boolean {
  return peer.skewed === asked.skewed || asked.operation === 'update';
}

function ask(asked: Asked): number {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const peers = join(process.env.TURNO_BENCH_PEERS ?? process.cwd(), 'package.json');
  const question: Question = { ...asked, keys: KEYS, milliseconds: MILLISECONDS, directory, peers };
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

function label({ contender, operation, skewed, threads }: Asked): string {
  const who = contender === 'fdatasync' ? 'bare fdatasync, 64 records of 512 B' : contender;
  return `${operation}, ${skewed ? 'skewed' : 'uniform'}: ${who}${threads > 1 ? `, ${threads} threads` : ''}`;
}

function inThousands(figure: Spread | undefined): string {
  if (figure === undefined || Number.isNaN(figure.median)) return 'not installed';
  const thousands = (value: number) => (value / 1_000).toFixed(value < 1e5 ? 1 : 0);
  return `${thousands(figure.median)} k/s (${thousands(figure.least)}-${thousands(figure.most)})`;
}
