/** Ctrl-C in the middle of a command, and a server that goes away under it: the user is told how what he began goes on. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import { startServer, type TestServer } from '../start-server.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const LOOP = 'while True: pass\n';

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'turno-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A command under way, in a process of its own. */
function turno(t: Test, server: TestServer, token: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env, TURNO_SERVER: server.url, TURNO_TOKEN: token },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, said }));
  return { child, ended, said: () => said };
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const rows = async (server: TestServer) => (await server.request('GET', '/v1/health')).body.rows;

t.test('submit and batch', async (t) => {
  const files = directory(t);
  const server = await startServer(t, {});
  const token = await server.register('ada');
  const loop = join(files, 'loop.py');
  writeFileSync(loop, LOOP);

  await t.test('submit ends by the signal, and says what goes on', async (t) => {
    const { child, ended } = turno(t, server, token, ['submit', loop, '--cpu-time-ms', '20000']);
    await until(async () => (await rows(server)) === 1);
    await new Promise((resolve) => setTimeout(resolve, 300)); // it has its answer, and waits
    child.kill('SIGINT');
    const { signal, said } = await ended;
    t.equal(signal, 'SIGINT');
    const [, id = ''] = /submission (\w{32}) goes on: turno show \1, turno cancel \1\n$/.exec(said) ?? [];
    t.match(await server.request('DELETE', `/v1/submissions/${id}`, { token }), { status: 200 }, said);
  });

  await t.test('batch says how far it is, and how it goes on', async (t) => {
    const [input, output] = [join(files, 'in'), join(files, 'out')];
    const quick = JSON.stringify({ language: 'python', source: 'print(1)' });
    const slow = JSON.stringify({ language: 'python', source: LOOP, limits: { cpuTimeMs: 20_000 } });
    writeFileSync(input, `${quick}\n${slow}\n`);
    const { child, ended } = turno(t, server, token, ['batch', input, '--to', output]);
    await until(() => {
      try {
        return readFileSync(output, 'utf8').endsWith('\n');
      } catch {
        return false; // not there yet
      }
    });
    child.kill('SIGINT');
    t.match(await ended, { signal: 'SIGINT', said: /broken off after \d lines?: 1 AC; .*out has .* --resume goes on/ });
    const { body } = await server.request('GET', '/v1/submissions?limit=1', { token });
    await server.request('DELETE', `/v1/submissions/${body.submissions[0].id}`, { token });
  });

  await t.test('a server that goes away: submit tells the id, batch that it waits', async (t) => {
    const submit = turno(t, server, token, ['submit', loop, '--cpu-time-ms', '20000']);
    const input = join(files, 'in2');
    writeFileSync(input, `${JSON.stringify({ language: 'python', source: LOOP, limits: { cpuTimeMs: 20_000 } })}\n`);
    const batch = turno(t, server, token, ['batch', input, '--patience', '2']);
    await until(async () => (await server.request('GET', '/v1/health')).body.running === 2);
    await server.kill();
    const { code, said } = await submit.ended;
    t.equal(code, 2);
    t.match(said, /submission \w{32} goes on: [^\n]*\nturno: .*TURNO_UNREACHABLE/);
    const told = await batch.ended;
    t.equal(told.code, 2);
    t.equal(told.said.match(/Asked again for up to 2 s/g)?.length, 1, told.said);
  });
});

t.test('stress: the first signal ends the load and waits for answers, the second does not wait', async (t) => {
  const files = directory(t);
  const server = await startServer(t, { args: ['--lanes', '1'] });
  const token = await server.register('ada');
  writeFileSync(join(files, 'loop.py'), LOOP);
  const args = ['stress', '--mix', join(files, 'loop.py'), '--duration', '60', '--grace', '60', '--concurrency', '2'];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const before = await rows(server);
    const { child, ended, said } = turno(t, server, token, [...args, '--clients', '2'], { TMPDIR: files });
    await until(async () => (await rows(server)) === before + 2);
    t.same(readdirSync(files), ['loop.py'], 'a plan, with the token in it, is nowhere while it runs');
    await new Promise((resolve) => setTimeout(resolve, 1_200)); // two looks at the figures
    child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.equal(said(), '', 'it waits for the answers');
    child.kill(signal);
    const report = await ended;
    t.match(report, { code: 1, signal: null, said: /sent +2 .*\n[\s\S]*unanswered +2\n/ });
    const { submissions } = (await server.request('GET', '/v1/submissions?limit=2', { token })).body;
    for (const { id } of submissions) await server.request('DELETE', `/v1/submissions/${id}`, { token });
  }
});
