/** Partial results while a submission runs: as events, from any front, and cheap for who goes away. */

import { t } from 'tap';
import { type Json, startServer, type TestServer } from '../start-server.js';

const ECHO = 'print(input())';
const tests = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `n${index}`, stdin: `${index}\n`, expected: `${index}\n` }));

/** Events as they come; the connection ends with the iteration. */
async function* events(server: TestServer, token: string, id: string): AsyncGenerator<{ name: string; data: Json }> {
  const headers = { authorization: `Bearer ${token}` };
  const abort = new AbortController();
  const response = await fetch(`${server.url}/v1/submissions/${id}/events`, { headers, signal: abort.signal });
  let text = '';
  try {
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString();
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (name !== undefined) yield { name, data: JSON.parse(data ?? '') };
      }
    }
  } finally {
    abort.abort();
  }
}

async function submitted(server: TestServer, token: string, body: Json): Promise<string> {
  return (await server.request('POST', '/v1/submissions', { token, body })).body.id;
}

t.test('results come as events, and at the end the whole reply, from any front', async (t) => {
  const server = await startServer(t, { args: ['--fronts', '2', '--lanes', '2'] });
  const token = await server.register('ada');
  // The last test waits until the first results have been told: they cannot have come at the end.
  const source = 'import time\nn = input()\nprint(n)\nif n == "9": time.sleep(1)';
  const id = await submitted(server, token, { language: 'python', source, tests: tests(10) });
  // Each connection goes to some front: of eight streams both have some.
  const streams = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const all: { name: string; data: Json }[] = [];
      for await (const event of events(server, token, id)) all.push(event);
      return all;
    }),
  );
  for (const all of streams) {
    const end = all.at(-1);
    t.match(end, { name: 'done', data: { state: 'done', verdict: 'AC', testCount: 10 } });
    const told = all.filter(({ name }) => name === 'test').map(({ data }) => data.name);
    t.strictSame(told, [...new Set(told)], 'none twice');
    t.ok(told.length > 0, 'some were told before the end');
    t.match(all[0], { name: 'start', data: { tests: 10 } });
    t.equal(all.find(({ name }) => name === 'test')?.data.stdout, undefined, 'no output before the end');
  }

  const stranger = await server.register('bob');
  const refused = await server.request('GET', `/v1/submissions/${id}/events`, { token: stranger });
  t.match(refused, { status: 404, body: { error: { code: 'TURNO_NOT_FOUND' } } });
});

t.test('one server, to its end', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '1'] });
  const token = await server.register('ada');

  await t.test('a client that goes away in the middle changes nothing', async (t) => {
    const id = await submitted(server, token, { language: 'python', source: ECHO, tests: tests(6) });
    for await (const { name } of events(server, token, id)) if (name === 'test') break;
    await server.idle();
    t.match(await server.show(token, id), { verdict: 'AC', testCount: 6 });
  });

  await t.test(
    'policies and groups: what is not worth running is not run, and points are given by group',
    async (t) => {
      const source = 'n = int(input())\nprint(n if n != 2 else "wrong")';
      const body = { language: 'python', source, tests: tests(5) };
      t.match(await server.judge(token, body), { verdict: 'WA', testCount: 5, tests: Array(5).fill({}), score: null });
      const early = await server.judge(token, { ...body, policy: 'first-failure' });
      t.match(early, { verdict: 'WA', testCount: 5 });
      t.strictSame(
        early.tests.map(({ name }: Json) => name),
        ['n0', 'n1', 'n2'],
      );
      const groups = [
        { name: 'small', points: 30 },
        { name: 'large', points: 70, scoring: 'sum' },
      ];
      const grouped = body.tests.map((test, index) => ({ ...test, group: index < 2 ? 'small' : 'large' }));
      t.match(await server.judge(token, { ...body, groups, tests: grouped }), {
        verdict: 'WA',
        score: 76.666667,
        groups: [
          { name: 'small', verdict: 'AC', score: 30, testCount: 2 },
          { name: 'large', verdict: 'WA', score: 46.666667, testCount: 3 },
        ],
      });
      const refused = await server.request('POST', '/v1/submissions', {
        token,
        body: { ...body, groups, tests: [{ group: 'lage' }] },
      });
      t.match(refused.body.error, { field: 'tests[0].group', message: /Did you mean "large"/ });
    },
  );

  await t.test('whoever listens when the server ends is told, and does not hold it up', async (t) => {
    const id = await submitted(server, token, { language: 'python', source: 'while True: pass', tests: tests(2) });
    const names: string[] = [];
    let stopped: Promise<number | null> | undefined;
    for await (const { name } of events(server, token, id)) {
      names.push(name);
      stopped ??= server.stop();
    }
    t.strictSame(names, ['start', 'error']);
    t.equal(await stopped, 0);
  });
});
