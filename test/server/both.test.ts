/** Saver and runner work at once, and `done` comes only after both. */

import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import { startServer } from '../start-server.js';

const HOLD = fileURLToPath(new URL('./hold-at-fault-point.js', import.meta.url));

/** A server whose threads stop at `point`, and the FIFO that lets one of them go. */
async function startHeld(t: Test, point: string) {
  const directory = t.testdir();
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  mkdirSync(join(directory, 'data'), { mode: 0o700 });
  const env = { NODE_OPTIONS: `--import=${HOLD}`, HOLD_AT: point, HOLD_FIFO: fifo };
  const server = await startServer(t, { data: join(directory, 'data'), args: ['--savers', '1'], env });
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
  t.equal((await submitting).status, 202);
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
