/** SIGTERM: what runs is run again at the next start, or, with --drain, finished before the end. */

import { t } from 'tap';
import { type Json, startServer, type TestServer } from '../start-server.js';

/** Long enough that the signal finds it running; it is done by itself. */
const SLEEPER = { language: 'python', source: 'import time\ntime.sleep(1)\nprint("finished")' };
const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };

const accept = async (server: TestServer, token: string, body: Json): Promise<string> =>
  (await server.request('POST', '/v1/submissions', { token, body })).body.id;

const newest = async (server: TestServer, token: string): Promise<Json> =>
  (await server.request('GET', '/v1/submissions?limit=1', { token })).body.submissions[0];

/** Waits until a submission has begun: it has had a turn. */
async function begun(server: TestServer, token: string, id: string): Promise<void> {
  while (!((await server.show(token, id)).turnsHad > 0)) await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('without --drain the waiting client is told, and what ran is run again at the next start', async (t) => {
  const first = await startServer(t);
  const token = await first.register('ada');
  const waiting = first.request('POST', '/v1/submissions?wait=true', { token, body: SLEEPER });
  let submission: Json;
  while (submission === undefined) submission = await newest(first, token);
  await begun(first, token, submission.id);
  t.equal(await first.stop(), 0);
  t.match(await waiting, { status: 503, body: { error: { code: 'TURNO_STOPPING' } } });

  const second = await startServer(t, { data: first.data });
  await second.logged(new RegExp(`${submission.id}.*run again`));
  await second.idle();
  t.match(await second.show(token, submission.id), { verdict: 'AC', stdout: 'finished\n' });
});

t.test('with --drain what runs is finished and answered; what had not begun is run at the next start', async (t) => {
  const args = ['--drain', '--cells', '1'];
  const first = await startServer(t, { args });
  const token = await first.register('ada');
  const waiting = first.request('POST', '/v1/submissions?wait=true', { token, body: SLEEPER });
  let submission: Json;
  while (submission === undefined) submission = await newest(first, token);
  await begun(first, token, submission.id);
  const behind = await accept(first, token, SLEEPER);
  t.equal(await first.stop(), 0);
  t.match(await waiting, { status: 200, body: { id: submission.id, verdict: 'AC', stdout: 'finished\n' } });

  const second = await startServer(t, { data: first.data });
  await second.logged(new RegExp(`${behind}.*run again`));
  await second.idle();
  t.notMatch(second.log, submission.id, 'what was finished is not run again');
  t.match(await second.show(token, behind), { verdict: 'AC', stdout: 'finished\n' });
});

t.test('while it drains it still answers, but takes nothing new; a second signal ends it at once', async (t) => {
  const first = await startServer(t, { args: ['--drain'] });
  const token = await first.register('ada');
  const id = await accept(first, token, LOOP);
  await begun(first, token, id);
  first.signal('SIGTERM');
  await first.logged(/"ending"/);
  // The word goes from process to process: until it has arrived, what comes is accepted.
  let refused: Json;
  do refused = await first.request('POST', '/v1/submissions', { token, body: SLEEPER });
  while (refused.status === 202);
  t.match(refused, { status: 503, body: { error: { code: 'TURNO_STOPPING' } } });
  t.match(await first.show(token, id), { state: 'running' });
  first.signal('SIGTERM');
  t.match(await first.exited, { code: 0 });

  const second = await startServer(t, { data: first.data });
  t.match(await second.show(token, id), { verdict: null });
  t.equal((await second.request('DELETE', `/v1/submissions/${id}`, { token })).status, 200);
});
