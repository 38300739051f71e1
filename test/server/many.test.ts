/** Many submissions at once, and what remains of them whatever dies. */

import { type Test, t } from 'tap';
import {
  childrenOf,
  descendantsOf,
  type Json,
  processesHolding,
  startServer,
  type TestServer,
} from '../start-server.js';

const USERS = 20;
let names = 0;
/** As by default: other tests have one. */
const SAVERS = ['--savers', '2'];

const SLOW = (number: number) => ({ language: 'python', source: `print(${number})` });
const QUICK = (number: number) => ({
  language: 'c',
  source: '#include <stdio.h>\nint main(void) { int n; scanf("%d", &n); printf("%d\\n", n); }',
  stdin: `${number}`,
});

/** Submits `each` programs of each of so many new users, each printing its own number; gives the ids by number. */
async function submitMany(
  server: TestServer,
  each = 2,
  program: (number: number) => Json = SLOW,
): Promise<{ token: string; id: string; number: number }[]> {
  const tokens = await Promise.all(Array.from({ length: USERS }, () => server.register(`user-${names++}`)));
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

type Sent = Awaited<ReturnType<typeof submitMany>>;

/** Waits until all are done; each has its own answer, and the arrival numbers go on from those before. */
async function checkAll(t: Pick<Test, 'same'>, server: TestServer, sent: Sent, arrivalsBefore: number): Promise<void> {
  await server.idle();
  const replies = await Promise.all(sent.map(({ token, id }) => server.show(token, id)));
  t.same(
    replies.map((reply) => [reply.state, reply.verdict, reply.stdout]),
    sent.map(({ number }) => ['done', 'AC', `${number}\n`]),
  );
  const arrivals = replies.map((reply) => reply.arrival).sort((a, b) => a - b);
  t.same(
    arrivals,
    arrivals.map((_, index) => arrivalsBefore + index + 1),
    'arrival numbers have no gap and no double',
  );
}

t.test('one data directory, whose servers end in every way while they are busy', async (t) => {
  let server = await startServer(t, { args: SAVERS });
  const { data } = server;
  const start = (...args: string[]) => startServer(t, { data, args: [...SAVERS, ...args] });
  let arrivals = 0;

  await t.test('200 submissions from 20 users at once: each gets its own answer', async (t) => {
    const sent = await submitMany(server, 10, QUICK);
    await checkAll(t, server, sent, arrivals);
    arrivals += sent.length;
  });

  await t.test('SIGTERM in the middle, and a start: every accepted submission ends done', async (t) => {
    const sent = await submitMany(server);
    t.equal(await server.stop(), 0, 'a clean end');
    t.same(processesHolding(data), [], 'nothing of it is left');
    server = await start();
    await checkAll(t, server, sent, arrivals);
    arrivals += sent.length;
  });

  await t.test('kill -9 of every process, and a start at once: every accepted submission ends done', async (t) => {
    const sent = await submitMany(server);
    await server.kill();
    server = await start('--fronts', '2');
    await checkAll(t, server, sent, arrivals);
    arrivals += sent.length;
  });

  await t.test('kill -9 of the primary alone, fronts under load: they end too, and nothing is lost', async (t) => {
    const sent = await submitMany(server);
    const family = descendantsOf(server.pid);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    server = await start('--fronts', '2');
    await checkAll(t, server, sent, arrivals);
    arrivals += sent.length;
    t.ok(family.length > 2, 'there were fronts and cells');
    const living = new Set([server.pid, ...descendantsOf(server.pid)]);
    t.same(
      processesHolding(data).filter((pid) => !living.has(pid)),
      [],
      'no process of the first is left',
    );
  });

  await t.test('kill -9 of a front: the primary starts another, and its submissions are run', async (t) => {
    const sent = await submitMany(server);
    const [front] = server.fronts;
    if (front === undefined) throw new Error('no front');
    process.kill(front, 'SIGKILL');
    await server.logged(/front died/);
    await checkAll(t, server, sent, arrivals);
    t.equal(childrenOf(server.pid).length, 2, 'two fronts again');
  });
});
