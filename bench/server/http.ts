/**
 * What does a submission cost through HTTP, against the bare spawn that people would write themselves?
 *
 * The same static C hello on both sides, compiled by turno once and then taken from its cache and from its disk. A round is
 * bare spawn, then HTTP; rounds alternate, so that a slow minute of the machine hits both. The ratio is made round by round.
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inWords, quantile, spread } from '../statistics.js';
import { httpRequest, load } from './raw-load.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCE = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
const RUNS = 2_000;
const ROUNDS = 7;
const CONNECTIONS = 16;

export async function benchHttp(): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
  const server = await startServer(join(directory, 'data'));
  try {
    const bare = join(directory, 'spawn');
    execFileSync('gcc', ['-O2', '-o', bare, join(ROOT, 'bench/server/spawn.c')]);
    const { token } = await post(server.url, '/v1/users', { name: 'bench' });
    const body = { language: 'c', source: SOURCE };
    const first = await post(server.url, '/v1/submissions?wait=true', body, token);
    if (first.verdict !== 'AC') throw new Error(`hello is ${first.verdict}`);
    const executable = join(directory, 'hello');
    const bytes = await fetch(`${server.url}/v1/submissions/${first.id}/executable`, {
      headers: { authorization: `Bearer ${token}` },
    });
    writeFileSync(executable, Buffer.from(await bytes.arrayBuffer()), { mode: 0o755 });

    const port = Number(new URL(server.url).port);
    const request = httpRequest(port, '/v1/submissions?wait=true', token, body);
    const check = (status: number, text: string) => {
      if (status !== 200 || !text.includes('"verdict":"AC"') || !text.includes('hello\\n')) throw new Error(text);
    };
    const bareRates: number[] = [];
    const httpRates: number[] = [];
    const latencies: number[] = [];
    await load({ port, request, connections: CONNECTIONS, total: 500, check }); // cells are made, code is hot
    for (let round = 0; round < ROUNDS; round++) {
      bareRates.push(Number(execFileSync(bare, [executable, String(RUNS), '2'])));
      const { perSecond, latenciesMs } = await load({ port, request, connections: CONNECTIONS, total: RUNS, check });
      httpRates.push(perSecond);
      latencies.push(quantile(latenciesMs, 0.5));
    }
    const ratio = spread(httpRates.map((rate, round) => rate / (bareRates[round] ?? Number.NaN)));
    return [
      ['posix_spawn + wait4, 2 at a time', `${inWords(spread(bareRates), 0)} runs/s`, '1.00'],
      ['HTTP, concurrency 16, cached executable', `${inWords(spread(httpRates), 0)} runs/s`, inWords(ratio)],
      ['HTTP, latency at concurrency 16, p50', `${inWords(spread(latencies))} ms`, ''],
    ];
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function post(url: string, path: string, body: unknown, token?: string) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { token: string; id: string; verdict: string };
}

export async function startServer(data: string): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(ROOT, 'dist/main.js'), 'serve', '--port', '0', '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TURNO_LOG_LEVEL: 'warn' },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    exited.then(() => reject(new Error('the server did not start')));
  });
  return {
    url: /https?:\/\/[^\s;]+/.exec(line)?.[0] ?? '',
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
