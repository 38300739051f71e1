/** Nobody waits for a cell behind the loops of others: how many cells a submission, a user and a retest may hold. */

import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { type Json, startServer, type TestServer } from '../start-server.js';

const HELLO = { language: 'python', source: 'print("hello")' };
const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };
/** Far beyond what a hello takes on a busy machine, far below what loops of a minute take. */
const SOON_MS = 10_000;

async function accept(server: TestServer, token: string, body: Json): Promise<string> {
  const { status, body: reply } = await server.request('POST', '/v1/submissions', { token, body });
  if (status !== 202) throw new Error(`submit: ${status} ${JSON.stringify(reply)}`);
  return reply.id;
}

/** How long it took, and what came of it. */
async function hello(server: TestServer, token: string): Promise<Json> {
  const fromMs = performance.now();
  const reply = await Promise.race([
    server.judge(token, HELLO),
    new Promise((resolve) => setTimeout(resolve, SOON_MS, { verdict: 'still waiting' }).unref()),
  ]);
  return { ...(reply as Json), tookMs: performance.now() - fromMs };
}

async function running(server: TestServer, token: string, count: number): Promise<void> {
  for (;;) {
    const { programs } = (await server.request('GET', '/v1/turns', { token })).body;
    if (programs.length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

t.test('a user whose submissions have many tests that never end leaves cells for others', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '2', '--cells', '8'] });
  const [ada, eve] = [await server.register('ada'), await server.register('eve')];
  const tests = Array.from({ length: 4 }, () => ({ expected: '' }));
  for (let n = 0; n < 8; n++) await accept(server, ada, { ...LOOP, tests });
  await running(server, ada, 4);
  t.match(await hello(server, eve), { verdict: 'AC', stdout: 'hello\n' });
});

t.test('a retest of many users leaves cells for live work', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '2', '--cells', '4'] });
  const live = await server.register('live');
  for (let n = 0; n < 8; n++) {
    const token = await server.register(`user${n}`);
    const { status, err } = await cli(['user', '--data', server.data, `user${n}`, '--priority', '9']);
    t.equal(status, 0, err);
    await accept(server, token, LOOP);
  }
  await running(server, live, 2);
  t.match(await hello(server, live), { verdict: 'AC', stdout: 'hello\n' });
});
