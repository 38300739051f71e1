/** Saver and runner work at once, `done` comes only after both, and is told only when it is durable. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import { startServer } from '../start-server.js';

const HOLD = fileURLToPath(new URL('./hold-at-fault-point.js', import.meta.url));

function heldOptions(t: Test, point: string) {
  const directory = t.testdir();
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  mkdirSync(join(directory, 'data'), { mode: 0o700 });
  const env = { NODE_OPTIONS: `--import=${HOLD}`, HOLD_AT: point, HOLD_FIFO: fifo };
  return { fifo, options: { data: join(directory, 'data'), args: ['--savers', '1'], env } };
}

/** Lets every thread go that comes to the point, until it is told to stop. */
function letAllGo(t: Test, fifo: string): () => Promise<unknown> {
  const child = spawn('sh', ['-c', 'while :; do : > "$0"; done', fifo], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const stop = () => {
    child.kill('SIGKILL');
    return exited;
  };
  t.teardown(stop);
  return stop;
}

/** A server whose threads stop at `point`, and the FIFO that lets one of them go. */
async function startHeld(t: Test, point: string) {
  const { fifo, options } = heldOptions(t, point);
  const server = await startServer(t, options);
  // Blocks until a thread has come to the point: opening for writing waits for the reader.
  return { server, release: () => closeSync(openSync(fifo, 'w')) };
}

t.test('while the saver is held the run ends, but the submission is neither accepted nor done', async (t) => {
  const { server, release } = await startHeld(t, 'saver.before-save');
  const registering = server.register('ada'); // its commit waits behind nothing: the point is in `save` alone
  const token = await registering;
  const answers: string[] = [];
  const submitting = server
    .request('POST', '/v1/submissions?wait=false', {
      token,
      body: { language: 'c', source: 'int main(void) { return 0; }' },
    })
    .then((answer) => {
      answers.push('accepted');
      return answer;
    });
  // The compiler's line in the log says that the runner is at work; the program after it takes a few milliseconds.
  await server.logged(/"compiled"/);
  const [queued] = (await server.request('GET', '/v1/submissions', { token })).body.submissions;
  t.match(queued, { state: 'running', verdict: null });
  t.notOk(existsSync(join(server.data, queued.source)), 'the source is not on disk yet');
  t.same(answers, [], 'nobody was told that it is accepted');
  release();
  const { status } = await submitting;
  t.ok(status === 202 || status === 200, 'accepted; it may be done as well, since only the saver was missing');
  await server.idle();
  t.match(await server.show(token, queued.id), { state: 'done', verdict: 'AC' });
  t.ok(existsSync(join(server.data, queued.source)));
});

t.test('while the runner is held the source is on disk and the submission accepted, but not done', async (t) => {
  const { server, release } = await startHeld(t, 'runner.before-run');
  const token = await server.register('ada');
  const body = { language: 'python', source: 'print("late")' };
  const { status, body: reply } = await server.request('POST', '/v1/submissions?wait=false', { token, body });
  t.equal(status, 202);
  t.ok(existsSync(join(server.data, reply.source)), 'the source is on disk');
  t.match(await server.show(token, reply.id), { state: 'queued', verdict: null, stdout: '' });
  release();
  await server.idle();
  t.match(await server.show(token, reply.id), { state: 'done', verdict: 'AC', stdout: 'late\n' });
});

t.test('an end that is not durable yet is told to nobody', async (t) => {
  const { fifo, options } = heldOptions(t, 'journal.before-sync');
  const holdAgain = letAllGo(t, fifo);
  const server = await startServer(t, options);
  const token = await server.register('ada');
  const loop = { language: 'python', source: 'while True: pass' };
  const { id } = (await server.request('POST', '/v1/submissions', { token, body: loop })).body;
  await holdAgain();
  const cancelled = server.request('DELETE', `/v1/submissions/${id}`, { token });
  await server.idle(); // done in the table, and its sync is held
  const told: string[] = [];
  const shown = server.show(token, id).then((reply) => told.push(reply.verdict));
  const listed = server.request('GET', '/v1/submissions', { token }).then(() => told.push('list'));
  for (let i = 0; i < 10; i++) await server.request('GET', '/v1/health'); // time enough to answer those before
  t.same(told, [], 'neither by GET nor in the list');
  letAllGo(t, fifo);
  await Promise.all([cancelled, shown, listed]);
  t.same(told.sort(), ['cancelled', 'list']);
});

t.test('what cannot be saved is refused, and is not run on', { timeout: 60_000 }, async (t) => {
  const server = await startServer(t);
  const token = await server.register('ada');
  writeFileSync(join(server.data, 'sources'), 'a file where the directory should be');
  const limits = { cpuTimeMs: 60_000, wallTimeMs: 120_000 };
  const loop = { language: 'python', source: 'while True: pass', limits };
  const { status, body } = await server.request('POST', '/v1/submissions?wait=true', { token, body: loop });
  t.match([status, body.error.code], [500, 'TURNO_SYSTEM']);
  await server.idle();
  // Told to end, it may need a moment; its own limits are longer than this test may take.
  while ((await server.request('GET', '/v1/turns', { token })).body.programs.length > 0) await delay(5);
  const [row] = (await server.request('GET', '/v1/submissions', { token })).body.submissions;
  t.match(row, { state: 'done', verdict: 'cancelled' });
});
