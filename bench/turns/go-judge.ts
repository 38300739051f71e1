/** The same question to go-judge (first come, first served): its REST interface, https://docs.goj.ac. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const NS_PER_MS = 1_000_000;

/** Latencies in ms, sorted, of `hellos` runs of a compiled hello beside `loops` loops that are kept going. */
export async function measureGoJudge(binary: string, loops: number, cpuMs: number, hellos: number): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-go-judge-'));
  const address = `127.0.0.1:${await freePort()}`;
  const args = ['-http-addr', address, '-parallelism', String(availableParallelism()), '-dir', directory, '-silent'];
  const child = spawn(binary, args, { stdio: 'ignore', cwd: directory });
  const exited = once(child, 'exit');
  let isOver = false;
  const burners: Promise<void>[] = [];
  try {
    const run = (path: string, limitMs: number) => ask(address, path, limitMs);
    const hello = compiled(directory, 'hello', '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n');
    const loop = compiled(directory, 'loop', 'int main(void) { for (;;); }\n');
    await ready(address);
    for (let n = 0; n < 5; n++) await run(hello, 1_000);
    const burn = async () => {
      while (!isOver) await run(loop, cpuMs);
    };
    for (let n = 0; n < loops; n++) burners.push(burn().catch(() => undefined)); // cut off at the end
    if (loops > 0) await delay(100); // all are in its queue before the first hello
    const latenciesMs: number[] = [];
    for (let n = 0; n < hellos; n++) {
      const sentMs = performance.now();
      const status = await run(hello, 1_000);
      if (status !== 'Accepted') throw new Error(`go-judge: hello is ${status}`);
      latenciesMs.push(performance.now() - sentMs);
    }
    return latenciesMs.sort((a, b) => a - b);
  } finally {
    isOver = true;
    child.kill('SIGTERM');
    await exited;
    await Promise.all(burners);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns path of a static executable */
function compiled(directory: string, name: string, source: string): string {
  const path = join(directory, name);
  writeFileSync(`${path}.c`, source);
  execFileSync('gcc', ['-O2', '-static', '-o', path, `${path}.c`]);
  return path;
}

const fileIds = new Map<string, string>();

async function ask(address: string, path: string, limitMs: number): Promise<string> {
  const fileId = fileIds.get(`${address}${path}`) ?? (await upload(address, path));
  const command = {
    args: ['program'],
    env: ['PATH=/usr/bin:/bin'],
    files: [{ content: '' }, { name: 'stdout', max: 10_240 }, { name: 'stderr', max: 10_240 }],
    cpuLimit: limitMs * NS_PER_MS,
    clockLimit: 10 * limitMs * NS_PER_MS,
    memoryLimit: 16 * 1_048_576,
    procLimit: 8,
    copyIn: { program: { fileId } },
  };
  const body = JSON.stringify({ cmd: [command] });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`http://${address}/run`, { method: 'POST', headers, body });
  const [result] = (await answer.json()) as { status: string }[];
  return result?.status ?? `no result (${answer.status})`;
}

async function upload(address: string, path: string): Promise<string> {
  const form = new FormData();
  form.append('file', new Blob([readFileSync(path)]), 'program');
  const answer = await fetch(`http://${address}/file`, { method: 'POST', body: form });
  const id = (await answer.json()) as string;
  fileIds.set(`${address}${path}`, id);
  return id;
}

async function ready(address: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`http://${address}/version`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(50);
  }
  throw new Error('go-judge did not start');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server without a port');
  return address.port;
}
