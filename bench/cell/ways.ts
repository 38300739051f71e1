/**
 * What does a run of a static hello cost in each way of running it, beside the bare posix_spawn that people would write
 * themselves? The same executable in all of them, one and two at a time; in each round every way has its turn, so that a
 * slow moment of the machine hits all alike, and ratios are made round by round.
 *
 *     $ROUNDS    7 unless told
 *     $GO_JUDGE  binary of go-judge, built elsewhere; without it that row is left out, and bwrap when it is not installed
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Cells } from '../../src/pool/cells.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { cellBinary } from '../../src/shm/native.js';
import { post, startServer } from '../server/http.js';
import { httpRequest, load } from '../server/raw-load.js';
import { inWords, spread } from '../statistics.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCE = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
const SECONDS = 0.7;
const HTTP_RUNS = 600;
const GO_JUDGE_PORT = 15_050;

interface Way {
  readonly name: string;
  /** Runs a second. */
  readonly rate: (parallel: number) => Promise<number> | number;
  readonly parallel: readonly number[];
}

export async function benchCell(): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const ends: (() => Promise<void> | void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const hello = join(directory, 'hello');
    execFileSync('gcc', ['-O2', '-static', '-x', 'c', '-', '-o', hello], { input: SOURCE });
    const ways = [...waysInC(directory, hello), nodeWay(directory, hello, ends), await httpWay(directory, ends)];
    if (process.env.GO_JUDGE) ways.push(await goJudgeWay(process.env.GO_JUDGE, hello, ends));
    return await compared(ways, Number(process.env.ROUNDS ?? 7));
  } finally {
    for (const end of ends.reverse()) await end();
  }
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
    const bare =
      rates.get(`bare posix_spawn, ${Math.min(2, Number(/(\d+) at a time$/.exec(key)?.[1]))} at a time`) ?? [];
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
  const rateOf = (way: string) => (parallel: number) =>
    Number(execFileSync(driver, [way, hello, String(SECONDS), String(parallel)], { env }));
  const ways: Way[] = [
    { name: 'bare posix_spawn', rate: rateOf('bare'), parallel: [1, 2] },
    { name: 'cell over turno_run.h', rate: rateOf('cell'), parallel: [1, 2] },
  ];
  if (spawnSync('bwrap', ['--version']).status === 0) {
    ways.push({ name: 'bwrap --unshare-all', rate: rateOf('bwrap'), parallel: [1, 2] });
  }
  return ways;
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
  return { name: 'one Node thread and its cells', rate, parallel: [1, 2] };
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

/** go-judge with its normal settings, over its REST interface, with the executable in its cache. */
async function goJudgeWay(binary: string, hello: string, ends: (() => Promise<void> | void)[]): Promise<Way> {
  const child = spawn(binary, ['-http-addr', `127.0.0.1:${GO_JUDGE_PORT}`, '-silent'], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  ends.push(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const url = `http://127.0.0.1:${GO_JUDGE_PORT}`;
  while (!(await fetch(`${url}/version`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`${binary} ended with ${child.exitCode}`);
    await delay(50);
  }
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(readFileSync(hello))]), 'hello');
  const fileId = await (await fetch(`${url}/file`, { method: 'POST', body: form })).json();
  const collector = (name: string) => ({ name, max: 10_240 });
  const body = {
    cmd: [
      {
        args: ['hello'],
        env: ['PATH=/usr/bin:/bin'],
        files: [{ content: '' }, collector('stdout'), collector('stderr')],
        cpuLimit: 2e9,
        memoryLimit: 256 * 2 ** 20,
        procLimit: 64,
        copyIn: { hello: { fileId } },
      },
    ],
  };
  const request = httpRequest(GO_JUDGE_PORT, '/run', 'none', body);
  const check = (status: number, text: string) => {
    if (status !== 200 || !text.includes('"Accepted"')) throw new Error(`go-judge: ${status} ${text.slice(0, 300)}`);
  };
  const rate = async (connections: number) =>
    (await load({ port: GO_JUDGE_PORT, request, connections, total: HTTP_RUNS / 4, check })).perSecond;
  return { name: 'go-judge, REST', rate, parallel: [1, 2, 16] };
}
