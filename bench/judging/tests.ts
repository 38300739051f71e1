/**
 * What does a submission of a hundred tests cost, against a hundred sandboxed runs of the same program on the same lanes?
 *
 * Both in this process, by the same cells: the difference is the coordinator, the checker, what is kept of each result, and
 * the file of partial results. Rounds alternate. A submission is run from templates unless it says otherwise: its own row.
 */

import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../../src/config.js';
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
import { cellBinary } from '../../src/shm/native.js';
import { arrival, rowIndex } from '../../src/units.js';
import { inWords, spread } from '../statistics.js';

const SOURCE = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
const TESTS = 100;
const LANES = 2;
const ROUNDS = 21;

export async function benchTests(): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const table = ProcessTable.create(join(directory, 'turns.turno'), 16, LANES);
  const turnsFd = openSync(join(directory, 'turns.turno'), constants.O_RDWR);
  const setup = { cellBinary, turnsFd, cellGroup: `turno-bench-${process.pid}`, mounts: [], backend: 'auto' };
  const cells = new Cells(setup, table, 8);
  try {
    const store = new Store(directory, false);
    const languages = (await findLanguages(process.env.PATH ?? '')).map((info) => languageOf(info));
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
    const ratios: number[] = [];
    const bareMs: number[] = [];
    const judgedMs: number[] = [];
    const warmMs: number[] = [];
    const warmRatios: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const bare = await timed(() => inLanes(runOnce));
      const judge = async (one: Job) => {
        const { verdict, tests, reason } = await runner.run(one);
        if (verdict !== 'AC' || tests.length !== TESTS) throw new Error(`${verdict}, ${tests.length} tests: ${reason}`);
      };
      const judged = await timed(() => judge(job));
      const warm = await timed(() => judge(warmJob));
      if (round < 0) continue; // cells are made, code is hot
      bareMs.push(bare);
      judgedMs.push(judged);
      ratios.push(judged / bare);
      warmMs.push(warm);
      warmRatios.push(warm / bare);
    }
    closeSync(compiled.fd);
    return [
      [`${TESTS} sandboxed runs, ${LANES} at a time`, `${inWords(spread(bareMs), 1)} ms`, '1.00'],
      [
        `a submission of ${TESTS} tests, each started anew`,
        `${inWords(spread(judgedMs), 1)} ms`,
        inWords(spread(ratios)),
      ],
      [
        `a submission of ${TESTS} tests, from templates`,
        `${inWords(spread(warmMs), 1)} ms`,
        inWords(spread(warmRatios)),
      ],
    ];
  } finally {
    await cells.end();
    closeSync(turnsFd);
    rmSync(directory, { recursive: true, force: true });
  }
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
