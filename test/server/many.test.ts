/** Many submissions at once, and what remains of them whatever dies. */

import { t } from 'tap';
import {
  childrenOf,
  descendantsOf,
  type Json,
  processesHolding,
  startServer,
  type TestServer,
} from '../start-server.js';

const USERS = 20;
/** As by default: other tests have one. */
const SAVERS = ['--savers', '2'];

const SLOW = (number: number) => ({ language: 'python', source: `print(${number})` });
const QUICK = (number: number) => ({
  language: 'c',
  source: '#include <stdio.h>\nint main(void) { int n; scanf("%d", &n); printf("%d\\n", n); }',
  stdin: `${number}`,
});

/** Submits `each` programs of each user, each printing its own number; gives the ids by number. */
async function submitMany(
  server: TestServer,
  each = 2,
  program: (number: number) => Json = SLOW,
): Promise<{ token: string; id: string; number: number }[]> {
  const tokens = await Promise.all(Array.from({ length: USERS }, (_, user) => server.register(`user-${user}`)));
  const jobs = tokens.flatMap((token, user) =>
    Array.from({ length: each }, (_, i) => ({ token, number: user * each + i })),
  );
  return Promise.all(
    jobs.map(async ({ token, number }) => {
      const body = program(number);
      const answer = await server.request('POST', '/v1/submissions?wait=false', { token, body });
      if (answer.status !== 202 && answer.status !== 200)
        throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      return { token, id: answer.body.id, number };
    }),
  );
}

async function repliesOf(server: TestServer, sent: { token: string; id: string }[]): Promise<Json[]> {
  await server.idle();
  return Promise.all(sent.map(({ token, id }) => server.show(token, id)));
}

function checkAll(t: Tap, replies: Json[], numbers: number[]): void {
  t.same(
    replies.map((reply) => [reply.state, reply.verdict, reply.stdout]),
    numbers.map((number) => ['done', 'AC', `${number}\n`]),
  );
  const arrivals = replies.map((reply) => reply.arrival).sort((a, b) => a - b);
  t.same(
    arrivals,
    arrivals.map((_, index) => index + 1),
    'arrival numbers have no gap and no double',
  );
}
type Tap = typeof t;

t.test('200 submissions from 20 users at once: each gets its own answer', async (t) => {
  const server = await startServer(t, { args: SAVERS });
  const sent = await submitMany(server, 10, QUICK);
  const replies = await repliesOf(server, sent);
  checkAll(
    t as Tap,
    replies,
    sent.map(({ number }) => number),
  );
});

t.test('SIGTERM in the middle, and a start: every accepted submission ends done', async (t) => {
  const first = await startServer(t, { args: SAVERS });
  const sent = await submitMany(first);
  t.equal(await first.stop(), 0, 'a clean end');
  t.same(processesHolding(first.data), [], 'nothing of it is left');
  const second = await startServer(t, { data: first.data, args: SAVERS });
  const replies = await repliesOf(second, sent);
  checkAll(
    t as Tap,
    replies,
    sent.map(({ number }) => number),
  );
});

t.test('kill -9 of every process, and a start at once: every accepted submission ends done', async (t) => {
  const first = await startServer(t, { args: SAVERS });
  const sent = await submitMany(first);
  await first.kill();
  const second = await startServer(t, { data: first.data, args: SAVERS });
  const replies = await repliesOf(second, sent);
  checkAll(
    t as Tap,
    replies,
    sent.map(({ number }) => number),
  );
});

t.test('kill -9 of the primary alone, fronts under load: they end too, and nothing is lost', async (t) => {
  const first = await startServer(t, { args: ['--fronts', '2', ...SAVERS] });
  const sent = await submitMany(first);
  const family = descendantsOf(first.pid);
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const second = await startServer(t, { data: first.data, args: ['--fronts', '2', ...SAVERS] });
  const replies = await repliesOf(second, sent);
  checkAll(
    t as Tap,
    replies,
    sent.map(({ number }) => number),
  );
  t.ok(family.length > 2, 'there were fronts and cells');
  const living = new Set([second.pid, ...descendantsOf(second.pid)]);
  t.same(
    processesHolding(first.data).filter((pid) => !living.has(pid)),
    [],
    'no process of the first is left',
  );
});

t.test('kill -9 of a front: the primary starts another, and its submissions are run', async (t) => {
  const server = await startServer(t, { args: ['--fronts', '2', ...SAVERS] });
  const sent = await submitMany(server);
  const [front] = server.fronts;
  if (front === undefined) throw new Error('no front');
  process.kill(front, 'SIGKILL');
  await server.logged(/front died/);
  const replies = await repliesOf(server, sent);
  checkAll(
    t as Tap,
    replies,
    sent.map(({ number }) => number),
  );
  t.equal(childrenOf(server.pid).length, 2, 'two fronts again');
});
