/** DELETE /v1/submissions/:id ends a submission at once, wherever it is, with exactly one answer. */

import { t } from 'tap';
import { type Answer, type Json, startServer, type TestServer } from '../start-server.js';

const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };

const accept = async (server: TestServer, token: string, body: Json): Promise<string> => {
  const { status, body: reply } = await server.request('POST', '/v1/submissions', { token, body });
  if (status !== 202) throw new Error(`submit: ${status} ${JSON.stringify(reply)}`);
  return reply.id;
};

const cancel = (server: TestServer, token: string, id: string): Promise<Answer> =>
  server.request('DELETE', `/v1/submissions/${id}`, { token });

/** Comes back when a look at the submission says so. */
async function until(server: TestServer, token: string, id: string, isSo: (reply: Json) => boolean): Promise<void> {
  while (!isSo(await server.show(token, id))) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Long enough work for a C compiler; the program says "slow". */
function slowToCompile(): string {
  const ten = (name: string) => `${name} `.repeat(10);
  const lines = [
    '#include <stdio.h>',
    '#define A x = x * 3 + y; y ^= x >> 3; if (x > y) y += 7;',
    `#define B ${ten('A')}`,
    `#define C ${ten('B')}`,
    `#define D ${ten('C')}`,
    `#define E ${ten('D')}`,
    'int main(void) { unsigned x = 1, y = 2; E puts("slow"); return x + y == 7; }',
  ];
  return `${lines.join('\n')}\n`;
}

/** For those that need no more than one lane; each has users of its own, and leaves nothing unfinished. */
const oneLane = await startServer(t, { args: ['--lanes', '1'] });
let users = 0;
const newUser = () => oneLane.register(`user ${users++}`);

t.test('running, and stopped while another runs: both are ended, and whoever waits is answered', async (t) => {
  const server = oneLane;
  const [ada, eve] = [await newUser(), await newUser()];
  const ids = [await accept(server, ada, LOOP), await accept(server, ada, LOOP)];
  const waiting = server.request('POST', '/v1/submissions?wait=true', { token: ada, body: LOOP });
  for (const id of ids) await until(server, ada, id, ({ state }) => state === 'running');

  for (const id of ids) {
    t.match(await cancel(server, eve, id), { status: 404, body: { error: { code: 'TURNO_NOT_FOUND' } } });
    const { status, body } = await cancel(server, ada, id);
    t.equal(status, 200);
    t.match(body, { id, state: 'done', verdict: 'cancelled', reason: 'cancelled by its user', stdout: '' });
    t.strictSame(await server.show(ada, id), body, 'it is shown as it was answered');
    t.match(await cancel(server, ada, id), { status: 409, body: { error: { code: 'TURNO_DONE' } } });
  }
  const newest = async () =>
    (await server.request('GET', '/v1/submissions?limit=1', { token: ada })).body.submissions[0].id;
  let third = await newest();
  while (ids.includes(third)) third = await newest(); // its connection is another one
  t.equal((await cancel(server, ada, third)).status, 200);
  t.match(await waiting, { status: 200, body: { id: third, verdict: 'cancelled' } });
  t.match(await server.judge(eve, { language: 'python', source: 'print("free")' }), { stdout: 'free\n' });
});

t.test('what is done stays as it is', async (t) => {
  const server = oneLane;
  const token = await newUser();
  const reply = await server.judge(token, { language: 'python', source: 'print("done")' });
  t.match(await cancel(server, token, reply.id), { status: 409, body: { error: { code: 'TURNO_DONE' } } });
  t.strictSame(await server.show(token, reply.id), reply);
  t.match(await cancel(server, token, '0'.repeat(32)), { status: 404 });
});

t.test('behind the only cell, before it had one: answered at once, and never run', async (t) => {
  const server = await startServer(t, { args: ['--cells', '1'] });
  const token = await server.register('ada');
  const loop = await accept(server, token, LOOP);
  const body = { language: 'python', source: 'print("never")' };
  const waiting = server.request('POST', '/v1/submissions?wait=true', { token, body });
  const behind = await accept(server, token, body);
  t.equal((await cancel(server, token, behind)).status, 200);
  let other: Json;
  while (other === undefined) {
    const { submissions } = (await server.request('GET', '/v1/submissions', { token })).body;
    other = submissions.find(({ id, state }: Json) => id !== loop && state === 'queued');
  }
  t.equal((await cancel(server, token, other.id)).status, 200);
  t.match(await waiting, { body: { id: other.id, verdict: 'cancelled', stdout: '' } });
  t.match((await server.request('GET', '/v1/health')).body, { waiting: 0, queued: 0, running: 1 });
  t.equal((await cancel(server, token, loop)).status, 200);
  t.match(await server.judge(token, body), { verdict: 'AC' }, 'the cell is free again');
});

t.test('between tests: the tests that are left are not begun', async (t) => {
  const server = oneLane;
  const token = await newUser();
  const { done } = (await server.request('GET', '/v1/health')).body;
  const tests = Array.from({ length: 1_000 }, () => ({ expected: '' }));
  const id = await accept(server, token, { language: 'python', source: 'import time; time.sleep(0.05)', tests });
  await until(server, token, id, ({ state }) => state === 'running');
  t.match(await cancel(server, token, id), { status: 200, body: { verdict: 'cancelled', tests: { length: 0 } } });
  // The only lane: who gets an answer on it does not wait behind a thousand tests of 50 ms.
  t.match(await server.judge(token, { language: 'python', source: 'print(1)' }), { verdict: 'AC' });
  t.match((await server.request('GET', '/v1/health')).body, { running: 0, done: done + 2 });
});

t.test('a compilation that two share is made again for the one that was not cancelled', async (t) => {
  const server = oneLane; // and one runner
  const [ada, eve] = [await newUser(), await newUser()];
  const body = { language: 'c', source: slowToCompile() };
  const first = await accept(server, ada, body);
  await until(server, ada, first, ({ state }) => state === 'running');
  const second = server.judge(eve, body);
  const third = await accept(server, eve, body);
  await until(server, eve, third, ({ state }) => state === 'running');
  t.match(await cancel(server, ada, first), { status: 200, body: { verdict: 'cancelled', compile: null } });
  t.match(await cancel(server, eve, third), { status: 200 }, 'nor does one who only waits for it spoil it');
  t.match(await second, { verdict: 'AC', stdout: 'slow\n' });
  t.match(await server.show(ada, first), { verdict: 'cancelled' });
});

t.test('any front ends what another one runs, or has waiting', async (t) => {
  const server = await startServer(t, { args: ['--fronts', '2', '--cells', '4'] });
  const token = await server.register('ada');
  const headers = { authorization: `Bearer ${token}`, connection: 'close' };
  const json = { ...headers, 'content-type': 'application/json' };
  // Each request a connection of its own: the kernel gives some to one front and some to the other.
  const ask = async (method: string, path: string, body?: Json) => {
    const payload = body === undefined ? { headers } : { headers: json, body: JSON.stringify(body) };
    const response = await fetch(`${server.url}${path}`, { method, ...payload });
    return { status: response.status, body: (await response.json()) as Json };
  };
  let answered = 0;
  const waiting = Array.from({ length: 16 }, async () => {
    const answer = await ask('POST', '/v1/submissions?wait=true', LOOP);
    answered++;
    return answer;
  });
  const isRunning = ({ state }: Json) => state === 'running';
  let submissions: Json[] = [];
  // A front lets one user have one of its two cells: it begins one, and the others wait.
  while (submissions.length < 16 || !submissions.some(isRunning)) {
    submissions = (await ask('GET', '/v1/submissions')).body.submissions;
  }
  const queued = submissions.filter((one) => !isRunning(one));
  const seen = new Set<number>();
  const cancelAll = async (some: Json[]) => {
    for (const { id } of some) {
      t.match(await ask('DELETE', `/v1/submissions/${id}`), { status: 200, body: { verdict: 'cancelled' } });
      seen.add((await ask('GET', '/v1/health')).body.pid);
    }
  };
  await cancelAll(queued);
  // The cells are still taken: these are answered because their front was told.
  while (answered < queued.length) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(answered, queued.length);
  await cancelAll(submissions.filter(isRunning));
  const answers = await Promise.all(waiting);
  t.same(
    answers.map(({ body }) => body.verdict),
    Array(16).fill('cancelled'),
  );
  t.equal(new Set(answers.map(({ body }) => body.id)).size, 16);
  // By chance one front may have got all of these connections; never all that ever come.
  while (seen.size < 2) seen.add((await ask('GET', '/v1/health')).body.pid);
  t.match((await ask('GET', '/v1/health')).body, { queued: 0, running: 0, done: 16 });
});

t.test('a cancelled submission is not run again after a crash', async (t) => {
  const first = await startServer(t);
  const token = await first.register('ada');
  const id = await accept(first, token, LOOP);
  t.equal((await cancel(first, token, id)).status, 200);
  await first.kill();
  const second = await startServer(t, { data: first.data });
  t.match(await second.show(token, id), { state: 'done', verdict: 'cancelled' });
  t.match((await second.request('GET', '/v1/health')).body, { queued: 0, running: 0, done: 1 });
});

t.test('at any moment: none is lost, none goes on, and the server is free afterwards', async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  t.comment(`SEED=${seed}`);
  const random = randomFrom(seed);
  const server = await startServer(t, { args: ['--lanes', '2', '--cells', '8'] });
  const token = await server.register('ada');
  const other = await server.register('eve');
  /** Every fourth is one more source to compile; the others find their executable. */
  const loopOf = (n: number) =>
    n % 2 ? LOOP : { language: 'c', source: `int main(void) { for (volatile int i = ${n % 8 ? 0 : n};;) i = i; }` };
  const ends = Array.from({ length: 64 }, async (_, n) => {
    const body = { ...loopOf(n), limits: { cpuTimeMs: 60_000 } };
    await new Promise((resolve) => setTimeout(resolve, random() * 400));
    const id = await accept(server, token, body);
    await new Promise((resolve) => setTimeout(resolve, random() * 60));
    const answer = await cancel(server, token, id);
    return { status: answer.status, verdict: answer.body.verdict, shown: (await server.show(token, id)).verdict };
  });
  for (const end of await Promise.all(ends)) {
    t.strictSame(end, { status: 200, verdict: 'cancelled', shown: 'cancelled' });
  }
  const programs = async () => (await server.request('GET', '/v1/turns', { token })).body.programs;
  while ((await programs()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.match((await server.request('GET', '/v1/health')).body, { waiting: 0, queued: 0, running: 0, done: 64 });
  const hellos = Array.from({ length: 8 }, () => server.judge(other, { language: 'python', source: 'print("free")' }));
  for (const hello of await Promise.all(hellos)) t.match(hello, { verdict: 'AC', stdout: 'free\n' });
});

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}
