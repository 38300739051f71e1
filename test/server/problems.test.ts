/** Problems over HTTP: who may add them, how they judge, what they tell and what they keep to themselves. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { t } from 'tap';
import { type Json, startServer, type TestServer } from '../start-server.js';

const zip = (texts: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(zipSync(Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)]))));

/** One for all that need no flag of their own; each test has users and problems of its own. */
const server = await startServer(t, { args: ['--lanes', '1'] });
const operator = readFileSync(join(server.data, 'operator.token'), 'utf8').trim();

const add = (server: TestServer, token: string, id: string, texts: Readonly<Record<string, string>>) =>
  server.request('POST', `/v1/problems?id=${id}`, { token, raw: zip(texts), type: 'application/zip' });

async function judged(server: TestServer, token: string, id: string, source: string): Promise<Json> {
  const body = { language: 'python', source };
  const reply = await server.request('POST', `/v1/problems/${id}/submissions?wait=true`, { token, body });
  if (reply.status !== 200) throw new Error(`submit: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

const SUM = {
  'problem.yaml': 'name: Sum of two\n',
  'problem_statement/problem.md': '# Sum of two\n',
  'data/sample/1.in': '1 2\n',
  'data/sample/1.ans': '3\n',
  'data/secret/1.in': '987654 1\n',
  'data/secret/1.ans': '987655\n',
};
const ADD = 'a, b = map(int, input().split())\nprint(a + b)';

t.test('the operator adds a problem, everybody sees it and submits, its secrets stay', async (t) => {
  const ada = await server.newUser('ada');
  t.match(await add(server, ada, 'sum', SUM), { status: 403, body: { error: { code: 'TURNO_OPERATOR' } } });
  t.match(await add(server, operator, 'Sum!', SUM), { status: 400, body: { error: { field: 'id' } } });
  const broken = { ...SUM, 'data/secret/2.in': '' };
  t.match(await add(server, operator, 'sum', broken), { status: 400, body: { error: { code: 'TURNO_PACKAGE' } } });
  const problems = await server.request('GET', '/v1/problems', { token: ada });
  t.strictSame(problems.body, { problems: [] }, 'nothing is left of it');
  t.match(await add(server, operator, 'sum', SUM), {
    status: 201,
    body: { id: 'sum', title: 'Sum of two', tests: 2, samples: 1, owner: 'operator', hasTimeLimit: false },
  });

  const get = async (path: string) => (await server.request('GET', path, { token: ada })).body;
  t.match(await get('/v1/problems'), { problems: [{ id: 'sum', tests: 2, points: null }] });
  t.match(await get('/v1/problems/sum/samples'), { samples: [{ name: 'sample/1', input: '1 2\n', answer: '3\n' }] });
  t.equal(await get('/v1/problems/sum/statement'), '# Sum of two\n');
  t.match(await server.request('GET', '/v1/problems/nothing', { token: ada }), { status: 404 });

  t.match(await judged(server, ada, 'sum', ADD), { verdict: 'AC', problem: 'sum', testCount: 2 });
  const spy = 'import sys\nd = sys.stdin.read()\nprint(3 if d == "1 2\\n" else d)\nprint(d, file=sys.stderr)';
  const wrong = await judged(server, ada, 'sum', spy);
  t.match(wrong, { verdict: 'WA', reason: 'test 1: wrong answer', stdout: '', stderr: '' });
  t.notMatch(JSON.stringify(wrong), /98765/, 'neither input nor answer of a secret test');
  t.match(wrong.tests[0], { name: 'sample/1', stdout: '3\n' }, 'a sample is shown');
  t.match(
    await judged(server, operator, 'sum', spy),
    { reason: /expected "987655", found "987654"/ },
    'the operator sees it',
  );

  t.match(await server.request('DELETE', '/v1/problems/sum', { token: ada }), { status: 403 });
  t.match(await server.request('DELETE', '/v1/problems/sum', { token: operator }), { status: 200 });
  t.match(await server.request('GET', '/v1/problems/sum', { token: ada }), { status: 404 });
  t.match(await server.show(ada, wrong.id), { verdict: 'WA' }, 'answers stay');
});

t.test('with --problems open everybody adds, and nobody takes the problem of another', async (t) => {
  const server = await startServer(t, { args: ['--problems', 'open'] });
  const ada = await server.register('ada');
  const bob = await server.register('bob');
  t.match(await add(server, ada, 'sum', SUM), { status: 201, body: { owner: 'ada' } });
  t.match(await add(server, bob, 'sum', SUM), { status: 409, body: { error: { code: 'TURNO_PROBLEM_TAKEN' } } });
  t.match(await server.request('GET', '/v1/problems/sum/scores', { token: bob }), { status: 403 });
  t.match(await add(server, ada, 'sum', { ...SUM, 'problem.yaml': 'name: Again\n' }), { body: { title: 'Again' } });
  const traversal = zip({ '../../../x': 'x' });
  const raw = { token: ada, raw: traversal, type: 'application/zip' };
  t.match(await server.request('POST', '/v1/problems?id=x', raw), {
    status: 400,
    body: { error: { code: 'TURNO_PACKAGE' } },
  });
});

const ICPC_CHECKER = [
  'import sys, os',
  'answer = int(open(sys.argv[2]).read())',
  'got = sys.stdin.read().split()',
  'note = lambda name, text: open(os.path.join(sys.argv[3], name), "w").write(text)',
  'if got == ["crash"]: sys.exit(1)',
  'if got == ["loop"]:\n  while True: pass',
  'if got == ["signal"]: os.kill(os.getpid(), 11)',
  'if len(sys.argv) > 4: note("judgemessage.txt", "flags " + " ".join(sys.argv[4:])); sys.exit(43)',
  'if got == [str(answer)]: sys.exit(42)',
  'note("judgemessage.txt", "the answer is %d" % answer); note("teammessage.txt", "try again")',
  'sys.exit(43)',
].join('\n');

t.test('a checker that is a program decides; its own failures are SE, never WA', async (t) => {
  const ada = await server.newUser('ada');
  const files = {
    'problem.yaml': 'validation: custom\nlimits: {validation_time: 1}\n',
    'output_validators/check.py': ICPC_CHECKER,
    'data/secret/1.in': '',
    'data/secret/1.ans': '42\n',
  };
  t.match(await add(server, operator, 'custom', files), { status: 201, body: { checker: 'program (icpc)' } });
  t.match(await judged(server, ada, 'custom', 'print(42)'), { verdict: 'AC' });
  const wrong = await judged(server, ada, 'custom', 'print(41)');
  t.match(wrong, { verdict: 'WA', reason: 'test 1: try again' }, 'the team has the message for the team');
  t.notMatch(JSON.stringify(wrong), /the answer is/);
  t.match(await judged(server, operator, 'custom', 'print(41)'), { verdict: 'WA', reason: 'test 1: the answer is 42' });
  t.match(await judged(server, operator, 'custom', 'print("crash")'), {
    verdict: 'SE',
    reason: /exit code 1, expected 42 or 43/,
  });
  t.match(await judged(server, operator, 'custom', 'print("signal")'), {
    verdict: 'SE',
    reason: /crashed \(signal 11\)/,
  });
  t.match(await judged(server, operator, 'custom', 'print("loop")'), {
    verdict: 'SE',
    reason: /did not end by itself \(CPU/,
  });
  t.match(await judged(server, ada, 'custom', 'raise SystemExit(1)'), { verdict: 'RE' }, 'a crash needs no checker');

  for (const [limit, words] of [
    ['validation_memory: 9000', /validation_memory: this server gives at most 4096 MiB, found 9000/],
    ['validation_time: 61', /validation_time: this server gives at most 60000 ms, found 61000/],
  ] as const) {
    const greedy = { ...files, 'problem.yaml': `validation: custom\nlimits: {${limit}}\n` };
    t.match(await add(server, operator, 'greedy', greedy), { status: 400, body: { error: { message: words } } });
  }
  const flags = { ...files, 'data/secret/testdata.yaml': 'output_validator_flags: strict 7\n' };
  await add(server, operator, 'flags', flags);
  t.match(await judged(server, operator, 'flags', 'print(42)'), { verdict: 'WA', reason: 'test 1: flags strict 7' });
  await add(server, operator, 'flags', { ...flags, 'problem.yaml': 'validation: custom\nvalidator_flags: all 1\n' });
  t.match(await judged(server, operator, 'flags', 'print(42)'), { reason: 'test 1: flags all 1 strict 7' });
  const bad = {
    ...files,
    'output_validators/check.py': '',
    'output_validators/check.c': 'int main(void) { return x; }',
  };
  const { 'output_validators/check.py': _, ...onlyC } = bad;
  await add(server, operator, 'bad', onlyC);
  t.match(await judged(server, operator, 'bad', 'print(42)'), {
    verdict: 'SE',
    reason: /checker does not compile.*main/s,
  });
  const told = 'the checker of the problem cannot be run';
  t.match(await judged(server, ada, 'bad', 'print(42)'), { verdict: 'SE', reason: told }, 'its source is not quoted');
});

t.test('the default validator goes by the flags of each test', async (t) => {
  const files = {
    'problem.yaml': 'name: Flags\n',
    'data/testdata.yaml': 'on_reject: continue\n',
    'data/secret/exact/1.in': '',
    'data/secret/exact/1.ans': '1.0\n',
    'data/secret/near/1.in': '',
    'data/secret/near/1.ans': '1.0\n',
    'data/secret/near/testdata.yaml': 'output_validator_flags: float_tolerance 0.1\n',
  };
  t.match(await add(server, operator, 'near', files), { status: 201 });
  const { tests } = await judged(server, operator, 'near', 'print(1.01)');
  t.match(tests, [
    { name: 'exact/1', verdict: 'WA' },
    { name: 'near/1', verdict: 'AC' },
  ]);
});

t.test('a problem that is removed while it judges ends that as SE, with no path of the server', async (t) => {
  const ada = await server.newUser('ada');
  const names = ['1', '2', '3'];
  const tests = names.flatMap((name) => [`data/secret/${name}.in`, `data/secret/${name}.ans`]);
  await add(server, operator, 'gone', Object.fromEntries(tests.map((path) => [path, ''])));
  const body = { language: 'python', source: 'import time\ntime.sleep(0.5)' };
  const { body: sent } = await server.request('POST', '/v1/problems/gone/submissions', { token: ada, body });
  for (let results = 0; results === 0; ) {
    results = (await server.request('GET', `/v1/submissions/${sent.id}/progress`, { token: ada })).body.results.length;
  }
  t.match(await server.request('DELETE', '/v1/problems/gone', { token: operator }), { status: 200 });
  await server.idle();
  t.match(await server.show(ada, sent.id), { verdict: 'SE', reason: 'problem gone was removed' });
});

t.test('checkers of testlib: arguments, exit codes, words', async (t) => {
  const checker = [
    '#include <stdio.h>',
    '#include <string.h>',
    'int main(int argc, char **argv) {',
    '  char got[64] = "", want[64] = "";',
    '  if (argc < 4) return 3;',
    '  FILE *output = fopen(argv[2], "r"), *answer = fopen(argv[3], "r");',
    '  if (fscanf(output, "%63s", got) != 1) { fputs("wrong output format nothing", stderr); return 2; }',
    '  if (fscanf(answer, "%63s", want) != 1) return 3;',
    '  if (!strcmp(got, "fail")) { fputs("FAIL the jury is wrong", stderr); return 3; }',
    '  if (!strcmp(got, "dirt")) { fputs("wrong output format dirt", stderr); return 4; }',
    '  if (!strcmp(got, "eof")) { fputs("unexpected eof", stderr); return 8; }',
    '  if (!strcmp(got, "half")) { fputs("points 0.5 nearly", stderr); return 7; }',
    '  if (strcmp(got, want)) { fprintf(stderr, "wrong answer found %s", got); return 1; }',
    '  fputs("ok 1 word", stderr);',
    '  return 0;',
    '}',
  ].join('\n');
  await add(server, operator, 'testlib', { '1.in': '', '1.out': 'yes\n', 'checker.c': checker });
  const of = (text: string) => judged(server, operator, 'testlib', `print("${text}")`);
  t.match(await of('yes'), { verdict: 'AC', reason: null });
  t.match(await of('no'), { verdict: 'WA', reason: 'test 1: wrong answer found no' });
  t.match(await of(''), { verdict: 'WA', reason: 'test 1: wrong output format nothing' });
  t.match(await of('dirt'), { verdict: 'WA', reason: 'test 1: wrong output format dirt' });
  t.match(await of('eof'), { verdict: 'WA', reason: 'test 1: unexpected eof' });
  t.match(await of('fail'), { verdict: 'SE', reason: /cannot judge \(exit code 3\): FAIL the jury is wrong/ });
  t.match(await of('half'), { verdict: 'WA', reason: /points 0.5/ });
});

t.test('a checker gives a test a part of its points, by score.txt or by a multiplier', async (t) => {
  const checker = [
    'import sys',
    'kind, text = sys.stdin.read().split()',
    'if kind != "none": open(sys.argv[3] + kind + ".txt", "w").write(text)',
    'sys.exit(42)',
  ].join('\n');
  const files = {
    'problem.yaml': 'type: scoring\nvalidation: custom score\n',
    'output_validators/c.py': checker,
    'data/secret/a/testdata.yaml': 'range: 0 30\n',
    'data/secret/a/1.in': '',
    'data/secret/a/1.ans': '',
    'data/secret/b/testdata.yaml': 'range: 0 40\ngrader_flags: sum\n',
    'data/secret/b/1.in': '',
    'data/secret/b/1.ans': '',
    'data/secret/b/2.in': '',
    'data/secret/b/2.ans': '',
  };
  t.match(await add(server, operator, 'parts', files), { status: 201 });
  const of = (words: string) => judged(server, operator, 'parts', `print("${words}")`);
  t.match(await of('none 0'), { verdict: 'AC', score: 70 });
  t.match(await of('score 15'), { verdict: 'WA', score: 45, groups: [{ score: 15 }, { score: 30 }] });
  t.match(await of('score_multiplier 0.5'), { verdict: 'WA', score: 35 });
  t.match(await of('score 25'), { verdict: 'SE', reason: /gave no score from 0 to 20 but "25"/ });
  t.match(await of('score -1'), { verdict: 'SE', reason: /gave no score from 0 to 30 but "-1"/ });
  const passFail = { ...files, 'problem.yaml': 'validation: custom\n' };
  await add(server, operator, 'parts', passFail);
  t.match(await of('score 1'), { verdict: 'AC', score: null }, 'without points it means nothing');
});

t.test('groups, scores, rejudging: old answers stay, new ones stand beside them', async (t) => {
  const ada = await server.newUser('ada');
  const bob = await server.newUser('bob');
  const files = {
    'problem.yaml': 'type: scoring\n',
    'data/secret/easy/testdata.yaml': 'accept_score: 40\n',
    'data/secret/easy/1.in': '1\n',
    'data/secret/easy/1.ans': '1\n',
    'data/secret/hard/testdata.yaml': 'accept_score: 60\n',
    'data/secret/hard/1.in': '100\n',
    'data/secret/hard/1.ans': '101\n', // wrong: to be corrected
  };
  await add(server, operator, 'points', files);
  const half = await judged(server, ada, 'points', 'print(input())');
  t.match(half, {
    verdict: 'WA',
    score: 40,
    groups: [
      { name: 'easy', score: 40 },
      { name: 'hard', score: 0 },
    ],
  });
  await judged(server, ada, 'points', 'print(1)');
  await judged(server, bob, 'points', 'raise SystemExit(1)');
  const scores = async () => (await server.request('GET', '/v1/problems/points/scores', { token: operator })).body;
  t.match(await scores(), {
    points: 100,
    scores: [
      { user: 'ada', verdict: 'WA', score: 40, submissions: 2, best: half.id },
      { user: 'bob', verdict: 'RE', score: 0, submissions: 1 },
    ],
  });

  await add(server, operator, 'points', { ...files, 'data/secret/hard/1.ans': '100\n' });
  t.match(await server.request('POST', '/v1/problems/points/rejudge', { token: ada }), { status: 403 });
  const { status, body } = await server.request('POST', '/v1/problems/points/rejudge', { token: operator });
  t.equal(status, 202);
  t.equal(body.rejudged.length, 3);
  await server.idle();
  t.match(
    await server.show(ada, half.id),
    { verdict: 'WA', score: 40, rejudgeOf: null },
    'the old answer is as it was',
  );
  const renewed = body.rejudged.find((one: Json) => one.old === half.id).new;
  t.match(await server.show(ada, renewed), { verdict: 'AC', score: 100, rejudgeOf: half.id, user: 'ada' });
  const [first] = (await scores()).scores;
  t.match(first, { user: 'ada', verdict: 'AC', score: 100, submissions: 2, best: renewed });
  t.equal(first.sentAt, half.sentAt, 'it was in time if it was before');
  const single = await server.request('POST', `/v1/submissions/${half.id}/rejudge`, { token: ada });
  t.match(single.body, { id: /^[0-9a-f]{32}$/ });
  const refused = await server.request('POST', `/v1/submissions/${half.id}/rejudge`, { token: bob });
  t.match(refused, { status: 404 }, "not another's");
  await server.idle();
});
