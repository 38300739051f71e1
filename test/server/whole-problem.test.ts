/** A submission with many tests: the same on one lane and on several, and exactly one whole answer whatever dies. */

import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { type Json, sendIfAlive, startServer, type TestServer } from '../start-server.js';

const COUNT = 100;
/** Right, but for three tests; each in its own way. */
const PROGRAM = [
  '#include <stdio.h>',
  'int main(void) {',
  '  int n;',
  '  if (scanf("%d", &n) != 1) return 2;',
  '  if (n == 30) return 3;',
  '  if (n == 60) for (;;) {}',
  '  printf("%d\\n", n == 90 ? 0 : n);',
  '  return 0;',
  '}',
].join('\n');

const TESTS = Array.from({ length: COUNT }, (_, index) => ({
  name: `n${index}`,
  stdin: `${index}\n`,
  expected: `${index}\n`,
  group: index < 50 ? 'low' : 'high',
}));
const GROUPS = [
  { name: 'low', points: 50, scoring: 'sum' },
  { name: 'high', points: 50, policy: 'first-failure' },
];
const BODY = { language: 'c', source: PROGRAM, tests: TESTS, groups: GROUPS, limits: { cpuTimeMs: 200 } };

/** What does not depend on the moment: verdicts, reasons without times, scores. */
function judgement({ verdict, score, groups, tests, testCount }: Json) {
  const told = tests.map((test: Json) => [test.name, test.verdict, test.exitCode, test.stdout]);
  return { verdict, score, groups, testCount, told };
}

/** One for both. */
const server = await startServer(t, { args: ['--lanes', '1', '--fronts', '2'] });
const token = await server.register('ada');

async function setLanes(lanes: string): Promise<void> {
  const { status, err } = await cli(['ctl', 'lanes', lanes, '--data', server.data]);
  if (status !== 0) throw new Error(err);
}

t.test('one lane and three give the same verdicts and scores, under every policy', async (t) => {
  const found: Json[] = [];
  for (const lanes of ['1', '3']) {
    await setLanes(lanes);
    const all = await server.judge(token, BODY);
    const first = await server.judge(token, { ...BODY, policy: 'first-failure' });
    found.push([judgement(all), judgement(first)]);
  }
  t.strictSame(found[0], found[1]);
  t.match(found[0]?.[0], { verdict: 'RE', score: 49, groups: [{ score: 49 }, { score: 0, verdict: 'TLE' }] });
  t.equal(found[0]?.[0].told.length, 61, 'all of the first group, and the second up to its failure');
  t.equal(found[0]?.[1].told.length, 31);
});

/** Waits until some results were told, so that it is in the middle. */
async function inTheMiddle(server: TestServer, token: string, id: string): Promise<void> {
  for (;;) {
    const { body } = await server.request('GET', `/v1/submissions/${id}/progress`, { token });
    if (body.results?.length > 3 || body.state === 'done') return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

t.test('a cell killed, then a front killed in the middle of a hundred tests: one whole answer', async (t) => {
  await setLanes('2');
  const undisturbed = judgement(await server.judge(token, BODY));
  const submissions = async () => (await server.request('GET', '/v1/submissions', { token })).body.submissions;
  const before = (await submissions()).length;
  const submit = async () => (await server.request('POST', '/v1/submissions', { token, body: BODY })).body.id;

  const withDeadCell = await submit();
  await inTheMiddle(server, token, withDeadCell);
  // One, with what runs in it: a run that loses its second cell, too, is SE.
  let cell: number | undefined;
  while (cell === undefined && (await server.show(token, withDeadCell)).state !== 'done') {
    cell = (await server.request('GET', '/v1/turns', { token })).body.programs[0]?.pid;
  }
  if (cell !== undefined) sendIfAlive(cell, 'SIGKILL');
  await server.idle();
  t.strictSame(judgement(await server.show(token, withDeadCell)), undisturbed, 'after the death of a cell');

  const withDeadFront = await submit();
  await inTheMiddle(server, token, withDeadFront);
  for (const pid of server.fronts) sendIfAlive(pid, 'SIGKILL');
  await server.idle();
  t.strictSame(judgement(await server.show(token, withDeadFront)), undisturbed, 'after the death of every front');
  t.equal((await submissions()).length, before + 2, 'no submission more than were sent');
});
