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

t.test('one data directory, whose servers end in every way while they are busy', async (t) => {
  let server = await startServer(t);
  const { data } = server;
  const token = await server.register('ada');
  /** What is submitted now, by another connection. */
  const submitted = async (before: string | undefined): Promise<string> => {
    for (;;) {
      const found = await newest(server, token);
      if (found !== undefined && found.id !== before) return found.id;
    }
  };
  let before: string | undefined;

  await t.test('without --drain the waiting client is told, and what ran is run again at the next start', async (t) => {
    const waiting = server.request('POST', '/v1/submissions?wait=true', { token, body: SLEEPER });
    const id = await submitted(before);
    await begun(server, token, id);
    t.equal(await server.stop(), 0);
    t.match(await waiting, { status: 503, body: { error: { code: 'TURNO_STOPPING' } } });

    server = await start('--drain', '--cells', '1');
    await server.logged(new RegExp(`${id}.*run again`));
    await server.idle();
    t.match(await server.show(token, id), { verdict: 'AC', stdout: 'finished\n' });
    before = id;
  });

  await t.test(
    'with --drain what runs is finished and answered; what had not begun is run at the next start',
    async (t) => {
      const waiting = server.request('POST', '/v1/submissions?wait=true', { token, body: SLEEPER });
      const id = await submitted(before);
      await begun(server, token, id);
      const behind = await accept(server, token, SLEEPER);
      t.equal(await server.stop(), 0);
      t.match(await waiting, { status: 200, body: { id, verdict: 'AC', stdout: 'finished\n' } });

      server = await start('--drain');
      await server.logged(new RegExp(`${behind}.*run again`));
      await server.idle();
      t.notMatch(server.log, id, 'what was finished is not run again');
      t.match(await server.show(token, behind), { verdict: 'AC', stdout: 'finished\n' });
    },
  );

  await t.test(
    'while it drains it still answers, but takes nothing new; a second signal ends it at once',
    async (t) => {
      const id = await accept(server, token, LOOP);
      await begun(server, token, id);
      server.signal('SIGTERM');
      await server.logged(/"ending"/);
      // The word goes from process to process: until it has arrived, what comes is accepted.
      let refused: Json;
      do refused = await server.request('POST', '/v1/submissions', { token, body: SLEEPER });
      while (refused.status === 202);
      t.match(refused, { status: 503, body: { error: { code: 'TURNO_STOPPING' } } });
      t.match(await server.show(token, id), { state: 'running' });
      server.signal('SIGTERM');
      t.match(await server.exited, { code: 0 });

      server = await start();
      t.match(await server.show(token, id), { verdict: null });
      t.equal((await server.request('DELETE', `/v1/submissions/${id}`, { token })).status, 200);
    },
  );

  function start(...args: string[]): Promise<TestServer> {
    return startServer(t, { data, args });
  }
});
