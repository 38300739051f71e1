/**
 * What does a run of a static hello cost in each way of running it, beside the bare posix_spawn that people would write
 * themselves? The same executable in all of them, one and two at a time; in each round every way has its turn, so that a
 * slow moment of the machine hits all alike, and ratios are made round by round.
 *
 * Beside it, one at a time: a new source that is compiled and run, bare and in a cell; and dynamic C, C++ and Python fresh and
 * warm, each compared with its own bare start.
 *
 *     $ROUNDS    7 unless told
 *     $GO_JUDGE  binary of go-judge, built elsewhere; without it its rows are left out, and bwrap when it is not installed
 *     $WAYS      parts of names, with commas between: only the rows that contain one, and those they are compared with: WAYS=warm
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cells } from '../../src/pool/cells.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { cellBinary } from '../../src/shm/native.js';
import { post, startServer } from '../server/http.js';
import { httpRequest, load } from '../server/raw-load.js';
import { inWords, spread } from '../statistics.js';
import { goJudgeCompilations, goJudgeHellos, startGoJudge } from './go-judge.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCE = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
const SECONDS = 0.7;
const HTTP_RUNS = 600;
const BARE = 'bare posix_spawn';
const BARE_GCC = 'bare gcc and run of a new source';
const NODE = 'one Node thread and its cells';
const GO_JUDGE = ['go-judge, REST', 'go-judge, gcc and run of a new source'] as const;
/** As COMPILER in spawn.c, by its path. */
const COMPILER = '/usr/bin/gcc -std=gnu17 -O2 -static -pthread -o program main.c -lm'.split(' ');
/** Compilations are slow, and few in less time. */
const COMPILING_SECONDS = 2;

interface Way {
  readonly name: string;
  /** Runs a second. */
  readonly rate: (parallel: number) => Promise<number> | number;
  readonly parallel: readonly number[];
  /** Name of the way it is compared with; bare `posix_spawn` of the static hello by default. */
  readonly base?: string;
}

export async function benchCell(): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const ends: (() => Promise<void> | void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const hello = join(directory, 'hello');
    execFileSync('gcc', ['-O2', '-static', '-x', 'c', '-', '-o', hello], { input: SOURCE });
    const ways = waysInC(directory, hello);
    if (isAsked(NODE)) ways.push(nodeWay(directory, hello, ends));
    if (isAsked('HTTP')) ways.push(await httpWay(directory, ends));
    ways.push(...warmWays(directory));
    const goJudge = process.env.GO_JUDGE;
    if (goJudge && GO_JUDGE.some(isAsked)) ways.push(...(await goJudgeWays(goJudge, hello, ends)));
    return await compared(onlyAsked(ways), Number(process.env.ROUNDS ?? 7));
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Whether $WAYS asks for a row. What is quickly made is made anyway, and left out then. */
function isAsked(name: string): boolean {
  const { WAYS } = process.env;
  return !WAYS || WAYS.split(',').some((part) => name.includes(part));
}

function onlyAsked(ways: readonly Way[]): Way[] {
  const asked = ways.filter(({ name }) => isAsked(name));
  return ways.filter((way) => asked.some((one) => one === way || (one.base ?? BARE) === way.name));
}

async function compared(ways: readonly Way[], rounds: number): Promise<string[][]> {
  const rates = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const { name, rate, parallel } of ways) {
      for (const count of parallel) {
        const key = `${name}, ${count} at a time`;
        rates.set(key, [...(rates.get(key) ?? []), await rate(count)]);
      }
    }
  }
  return [...rates].map(([key, values]) => {
    // More at a time than there are cores is compared with as many as there are cores.
    const [, name = '', count = ''] = /^(.*), (\d+) at a time$/.exec(key) ?? [];
    const base = ways.find((way) => way.name === name)?.base ?? BARE;
    const bare = rates.get(`${base}, ${Math.min(2, Number(count))} at a time`) ?? [];
    const ratio = spread(values.map((value, round) => value / (bare[round] ?? Number.NaN)));
    return [key, `${inWords(spread(values), 0)} runs/s`, inWords(ratio)];
  });
}

function waysInC(directory: string, hello: string): Way[] {
  const driver = join(directory, 'spawn');
  const sources = ['bench/cell/spawn.c', 'native/cell/library/turno_run.c'].map((name) => join(ROOT, name));
  const flags = ['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-pthread', '-I', join(ROOT, 'native')];
  execFileSync('gcc', [...flags, ...sources, '-o', driver]);
  const env = { ...process.env, TURNO_CELL: cellBinary };
  const rateOf =
    (way: string, seconds = SECONDS) =>
    (parallel: number) =>
      Number(execFileSync(driver, [way, hello, String(seconds), String(parallel)], { env }));
  const ways: Way[] = [
    { name: BARE, rate: rateOf('bare'), parallel: [1, 2] },
    { name: 'cell over turno_run.h', rate: rateOf('cell'), parallel: [1, 2] },
  ];
  if (spawnSync('bwrap', ['--version']).status === 0) {
    ways.push({ name: 'bwrap --unshare-all', rate: rateOf('bwrap'), parallel: [1, 2] });
  }
  ways.push(
    { name: BARE_GCC, rate: rateOf('gcc-bare', COMPILING_SECONDS), parallel: [1], base: BARE_GCC },
    { name: 'the same in a cell', rate: rateOf('gcc-cell', COMPILING_SECONDS), parallel: [1], base: BARE_GCC },
  );
  return ways;
}

/** The same executable bare, fresh and warm; its CPU time says more on a machine that does other work (warm.c). */
function warmWays(directory: string): Way[] {
  const driver = join(directory, 'warm');
  const sources = ['bench/cell/warm.c', 'test/native/host.c'].map((name) => join(ROOT, name));
  const flags = ['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-I', join(ROOT, 'native'), '-I', join(ROOT, 'test/native')];
  execFileSync('gcc', [...flags, ...sources, '-o', driver]);
  const env = { ...process.env, TURNO_CELL: cellBinary, TURNO_TEMPLATES: dirname(cellBinary) };
  const perSecond = (row: string) => () =>
    Number(execFileSync(driver, [row, String(SECONDS)], { env, encoding: 'utf8' }).split(' ')[0]);
  const languages = { c: 'dynamic C', cpp: 'dynamic C++', python: 'Python' };
  return Object.entries(languages).flatMap(([row, name]) => {
    const bare = row === 'python' ? 'bare python3 -I' : `bare ${name}`;
    return [
      { name: bare, rate: perSecond(`${row}-bare`), parallel: [1], base: bare },
      { name: `${name}, fresh in a cell`, rate: perSecond(`${row}-fresh`), parallel: [1], base: bare },
      { name: `${name}, warm in a cell`, rate: perSecond(`${row}-warm`), parallel: [1], base: bare },
    ];
  });
}

/** The runner's side of a cell, in this thread. */
function nodeWay(directory: string, hello: string, ends: (() => Promise<void> | void)[]): Way {
  const path = join(directory, 'turns.turno');
  const table = ProcessTable.create(path, 4, 2);
  const turnsFd = openSync(path, 'r+');
  const program = openSync(hello, 'r');
  const setup = { cellBinary, turnsFd, cellGroup: `turno-bench-${process.pid}`, mounts: [], backend: 'auto' };
  const cells = new Cells(setup, table, 2);
  ends.push(async () => {
    await cells.end();
    for (const fd of [turnsFd, program]) closeSync(fd);
  });
  const run = {
    posting: { user: 0, row: 0, priority: 0, memoryLimitBytes: 0, title: 'hello' },
    path: '/exe/program',
    argv: ['/exe/program'],
    env: [],
    flags: 0 as const,
    stdin: new Uint8Array(),
    inFiles: [{ place: 'exe' as const, name: 'program', content: { fd: program } }],
    outFiles: [],
    outBytes: 0,
    limits: {
      cpuNs: 2e9,
      wallNs: 6e9,
      memoryBytes: 256 * 2 ** 20,
      processes: 64,
      outputBytes: 2 ** 20,
      fileBytes: 16 * 2 ** 20,
      boxBytes: 64 * 2 ** 20,
      openFiles: 256,
      stackBytes: 0,
    },
  };
  const rate = async (parallel: number) => {
    const startMs = performance.now();
    const untilMs = startMs + SECONDS * 1_000;
    let runs = 0;
    const worker = async () => {
      for (; performance.now() < untilMs; runs++) {
        const { stdout } = await cells.run(run);
        if (stdout.length !== 6) throw new Error(`hello wrote ${stdout.length} bytes`);
      }
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    return runs / ((performance.now() - startMs) / 1_000);
  };
  return { name: NODE, rate, parallel: [1, 2] };
}

/** A whole server: table, journal, turns, HTTP; the executable is compiled from the same source, and cached. */
async function httpWay(directory: string, ends: (() => Promise<void> | void)[]): Promise<Way> {
  const server = await startServer(join(directory, 'data'));
  ends.push(() => server.stop());
  const { token } = await post(server.url, '/v1/users', { name: 'bench' });
  const body = { language: 'c', source: SOURCE };
  await post(server.url, '/v1/submissions?wait=true', body, token);
  const port = Number(new URL(server.url).port);
  const request = httpRequest(port, '/v1/submissions?wait=true', token, body);
  const check = (status: number, text: string) => {
    if (status !== 200 || !text.includes('"verdict":"AC"')) throw new Error(text);
  };
  const rate = async (connections: number) =>
    (await load({ port, request, connections, total: HTTP_RUNS, check })).perSecond;
  return { name: 'HTTP', rate, parallel: [1, 2, 16] };
}

async function goJudgeWays(binary: string, hello: string, ends: (() => Promise<void> | void)[]): Promise<Way[]> {
  ends.push(await startGoJudge(binary));
  const compilations = () => goJudgeCompilations(COMPILER, SOURCE, COMPILING_SECONDS);
  return [
    { name: GO_JUDGE[0], rate: await goJudgeHellos(hello, HTTP_RUNS / 4), parallel: [1, 2, 16] },
    { name: GO_JUDGE[1], rate: compilations, parallel: [1], base: BARE_GCC },
  ];
}
