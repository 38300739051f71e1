/**
 * What does a submission of a hundred tests cost, against a hundred sandboxed runs of the same program on the same lanes?
 *
 * Both in this process, by the same cells: the difference is the coordinator, the checker, what is kept of each result, and
 * the file of partial results. A round is one of each, and which goes first changes from round to round; there are as many as
 * fit into a minute and a half, since a round is short beside what else a machine does. A submission is run from templates
 * unless it says otherwise: its own row.
 */

import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits } from '../../src/io/schema.js';
import { Store } from '../../src/io/store.js';
import { findLanguages, languageOf } from '../../src/languages/registry.js';
import { Cells } from '../../src/pool/cells.js';
import { Executables } from '../../src/pool/executables.js';
import type { Job } from '../../src/pool/messages.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { runLimits } from '../../src/pool/run-request.js';
import { Runner } from '../../src/pool/runner.js';
import { Templates } from '../../src/pool/templates.js';
import { ProblemStore } from '../../src/problems/problem-store.js';
import { readSettings } from '../../src/read-settings.js';
import { cellBinary } from '../../src/shm/native.js';
import { arrival, rowIndex } from '../../src/units.js';
import { inWords, spread } from '../statistics.js';

const SOURCE = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
const TESTS = 100;
const LANES = 2;
const MOST_ROUNDS = 300;
const LEAST_ROUNDS = 21;
const ENOUGH_MS = 90_000;

export async function benchTests(): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const table = ProcessTable.create(join(directory, 'turns.turno'), 16, LANES);
  const turnsFd = openSync(join(directory, 'turns.turno'), constants.O_RDWR);
  const setup = { cellBinary, turnsFd, cellGroup: `turno-bench-${process.pid}`, mounts: [], backend: 'auto' };
  const cells = new Cells(setup, table, 8);
  try {
    const store = new Store(directory, false);
    const languages = (await findLanguages(process.env.PATH ?? '')).offered.map((info) => languageOf(info));
    const c = languages.find(({ id }) => id === 'c');
    if (c === undefined) throw new Error('no C compiler');
    const executables = new Executables(
      store,
      cells,
      () => undefined,
      () => false,
    );
    const problems = new ProblemStore(directory);
    const templates = new Templates();
    const runner = new Runner(
      store,
      problems,
      cells,
      executables,
      templates,
      languages,
      () => LANES,
      () => false,
    );
    const job = submission(true);
    const warmJob = submission(false);
    const compiled = await executables.get(job, c);
    if (compiled.executable === null) throw new Error('not compiled');
    const runOnce = () => bareRun(cells, compiled.fd, job);
    const judge = async (one: Job) => {
      const { verdict, tests, reason } = await runner.run(one);
      if (verdict !== 'AC' || tests.length !== TESTS) throw new Error(`${verdict}, ${tests.length} tests: ${reason}`);
    };
    const ways = { bare: () => inLanes(runOnce), anew: () => judge(job), warm: () => judge(warmJob) };
    const rounds = await roundsOf(ways);
    closeSync(compiled.fd);
    const row = (what: string, way: keyof typeof ways) => [
      `${what}, ${rounds.length} rounds`,
      `${inWords(spread(rounds.map((ms) => ms[way])), 1)} ms`,
      inWords(spread(rounds.map((ms) => ms[way] / ms.bare))),
    ];
    return [
      row(`${TESTS} sandboxed runs, ${LANES} at a time`, 'bare'),
      row(`a submission of ${TESTS} tests, each started anew`, 'anew'),
      row(`a submission of ${TESTS} tests, from templates`, 'warm'),
    ];
  } finally {
    await cells.end();
    closeSync(turnsFd);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of each way, round by round. */
async function roundsOf<Way extends string>(ways: Readonly<Record<Way, () => Promise<void>>>) {
  const names = Object.keys(ways) as Way[];
  const rounds: Record<Way, number>[] = [];
  const startMs = performance.now();
  const isEnough = () => rounds.length >= LEAST_ROUNDS && performance.now() - startMs > ENOUGH_MS;
  for (let round = -2; round < MOST_ROUNDS && !isEnough(); round++) {
    const first = (round + names.length) % names.length;
    const found: [Way, number][] = [];
    for (const name of [...names.slice(first), ...names.slice(0, first)]) found.push([name, await timed(ways[name])]);
    // Before that cells are made, and code becomes hot.
    if (round >= 0) rounds.push(Object.fromEntries(found) as Record<Way, number>);
  }
  return rounds;
}

function submission(isFresh: boolean): Job {
  const test = { stdin: Buffer.alloc(0), expected: Buffer.from('hello\n') };
  return {
    row: rowIndex(0),
    id: 'bench'.padEnd(32, '0'),
    arrival: arrival(1),
    user: 0,
    priority: 0,
    request: {
      language: 'c',
      files: [{ path: 'main.c', content: Buffer.from(SOURCE) }],
      stdin: Buffer.alloc(0),
      args: [],
      limits: defaultLimits(readSettings({}, {})),
      tests: Array.from({ length: TESTS }, (_, index) => ({ name: String(index), ...test })),
      checker: { kind: 'token' },
      fresh: isFresh,
    },
  };
}

async function inLanes(run: () => Promise<void>): Promise<void> {
  let left = TESTS;
  const lane = async () => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function bareRun(cells: Cells, fd: number, { request }: Job): Promise<void> {
  const limits = runLimits(request.limits);
  const { report } = await cells.run({
    posting: { user: 0, row: 0, priority: 0, memoryLimitBytes: limits.memoryBytes, title: 'bench' },
    path: '/exe/program',
    argv: ['/exe/program'],
    env: [],
    flags: 0,
    stdin: new Uint8Array(),
    inFiles: [{ place: 'exe', name: 'program', content: { fd } }],
    outFiles: [],
    outBytes: 0,
    limits,
  });
  if (report.exitCode !== 0) throw new Error('hello failed');
}

async function timed(body: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await body();
  return performance.now() - startMs;
}
