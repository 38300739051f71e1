/** go-judge with its normal settings, over its REST interface: a cached executable, and a new source compiled and run. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { httpRequest, load } from '../server/raw-load.js';

const PORT = 15_050;
const URL_OF_ALL = `http://127.0.0.1:${PORT}`;
const MIB = 2 ** 20;

const collector = (name: string) => ({ name, max: 10_240 });
const FILES = [{ content: '' }, collector('stdout'), collector('stderr')];
const ENV = ['PATH=/usr/bin:/bin'];
const RUN_LIMITS = { cpuLimit: 2e9, memoryLimit: 256 * MIB, procLimit: 64 };

/** Starts the server; resolves when it answers, with the function that ends it. */
export async function startGoJudge(binary: string): Promise<() => Promise<void>> {
  const child = spawn(binary, ['-http-addr', `127.0.0.1:${PORT}`, '-silent'], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  while (!(await fetch(`${URL_OF_ALL}/version`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`${binary} ended with ${child.exitCode}`);
    await delay(50);
  }
  return async () => {
    child.kill('SIGTERM');
    await exited;
  };
}

function checkAccepted(status: number, text: string): void {
  if (status !== 200 || !text.includes('"Accepted"')) throw new Error(`go-judge: ${status} ${text.slice(0, 300)}`);
}

/** Runs a second of an executable it has in its cache, `total` of them. */
export async function goJudgeHellos(hello: string, total: number): Promise<(connections: number) => Promise<number>> {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(readFileSync(hello))]), 'hello');
  const fileId = await (await fetch(`${URL_OF_ALL}/file`, { method: 'POST', body: form })).json();
  const run = { args: ['hello'], env: ENV, files: FILES, ...RUN_LIMITS, copyIn: { hello: { fileId } } };
  const request = httpRequest(PORT, '/run', 'none', { cmd: [run] });
  return async (connections) =>
    (await load({ port: PORT, request, connections, total, check: checkAccepted })).perSecond;
}

async function goJudgeRun(cmd: object): Promise<{ fileIds?: Record<string, string> }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${URL_OF_ALL}/run`, { method: 'POST', headers, body: JSON.stringify({ cmd: [cmd] }) });
  const text = await response.text();
  checkAccepted(response.status, text);
  return JSON.parse(text)[0];
}

/** Compilations and runs a second, one at a time, each of a source nobody has compiled before. */
export async function goJudgeCompilations(
  compiler: readonly string[],
  source: string,
  seconds: number,
): Promise<number> {
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1_000;
  let runs = 0;
  for (; performance.now() < untilMs; runs++) {
    const content = `/* ${startMs} ${runs} */\n${source}`;
    const limits = { cpuLimit: 10e9, clockLimit: 60e9, memoryLimit: 1024 * MIB, procLimit: 64 };
    const copies = { copyIn: { 'main.c': { content } }, copyOutCached: ['program'] };
    const compiled = await goJudgeRun({ args: compiler, env: ENV, files: FILES, ...limits, ...copies });
    const fileId = compiled.fileIds?.program;
    await goJudgeRun({ args: ['program'], env: ENV, files: FILES, ...RUN_LIMITS, copyIn: { program: { fileId } } });
    await fetch(`${URL_OF_ALL}/file/${fileId}`, { method: 'DELETE' });
  }
  return runs / ((performance.now() - startMs) / 1_000);
}
