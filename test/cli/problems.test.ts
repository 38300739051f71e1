/** Problems by the command line: the examples are good, a bad one is told, and a course works. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { recordsOfCsv } from '../../src/cli/csv.js';
import { startServer, type TestServer } from '../start-server.js';
import { cli } from './run-cli.js';

const example = (id: string) => fileURLToPath(new URL(`../../../examples/problems/${id}`, import.meta.url));

function commands(server: TestServer, token: string) {
  const environment = { TURNO_SERVER: server.url, TURNO_TOKEN: token };
  return (...args: string[]) => cli(args, environment);
}

const operatorOf = (server: TestServer) => readFileSync(join(server.data, 'operator.token'), 'utf8').trim();

const RIGHT = 'try: print(sum(map(int, input().split())))\nexcept ValueError: print(0)\n';

/** One for all: each test leaves it as it was. */
const server = await startServer(t);

t.test('the examples: every reference submission gets the verdict of its folder', async (t) => {
  const turno = commands(server, operatorOf(server));
  // All at once: most of the time one of them compiles or waits for a limit of time.
  await Promise.all(
    ['pairs', 'circle', 'guess'].map(async (id) => {
      const { status, out } = await turno('problem', 'verify', example(id));
      t.equal(status, 0, `${id}: ${out}`);
      t.match(out, /^good: \d+ submissions/m);
      t.notMatch(out, /^NOT/m);
    }),
  );
  t.match(await turno('problem', 'list'), { out: 'no problems\n' }, 'nothing of it stays');
});

t.test('of an interactive problem a conversation is shown, not what its interactor is given', async (t) => {
  const turno = commands(server, operatorOf(server));
  t.match(await turno('problem', 'add', example('guess')), { status: 0 });
  const { out } = await turno('problem', 'show', 'guess');
  t.match(out, /^--- sample\/1: conversation.*\n>600000\n<lower\n/m);
  t.notMatch(out, /: input/);
  t.match(await turno('problem', 'remove', 'guess'), { status: 0 });
});

t.test('verify finds a time limit, and says where folder and verdict, or inputs, disagree', async (t) => {
  const files = t.testdir({
    sum: {
      'problem.yaml': 'name: Sum\n',
      data: {
        secret: { '1.in': '1 2\n', '1.ans': '3\n', '2.in': 'x\n', '2.ans': '0\n' },
        invalid_input: { 'three.in': '1 2 3\n', 'words.in': 'a b\n' },
      },
      input_validators: { 'v.py': 'import sys\nsys.exit(42 if len(input().split()) == 2 else 43)\n' },
      submissions: {
        accepted: { 'wrong.py': 'print(4)\n', 'right.py': RIGHT },
        wrong_answer: { 'four.py': 'print(4)\n' },
        partially_accepted: { 'first.py': 'print(3)\n' },
      },
    },
  });
  const turno = commands(server, operatorOf(server));
  const { status, out } = await turno('problem', 'verify', join(files, 'sum'));
  t.equal(status, 1);
  t.match(out, /^NOT +accepted\/wrong\.py +AC +WA .*expected "3", found "4"/m);
  t.match(out, /^ok +accepted\/right\.py +AC +AC/m);
  t.match(out, /^ok +wrong_answer\/four\.py +WA +WA/m);
  t.match(out, /^NOT +partially_accepted\/first\.py .* WA .*the problem has none: type: scoring/m);
  t.match(out, /^NOT +input_validators\/v\.py: test 2: exit code 43/m);
  t.match(out, /^NOT +data\/invalid_input\/words\.in: no input validator refuses it/m);
  t.notMatch(out, /three/);
  t.match(out, /4 inputs checked/);
  t.match(
    out,
    /^time limit [\d.]+ s, found from the accepted ones, not written down since not all of them were right/m,
  );
  t.throws(() => readFileSync(join(files, 'sum/.timelimit')), { code: 'ENOENT' });

  writeFileSync(join(files, 'sum/submissions/accepted/wrong.py'), RIGHT);
  writeFileSync(join(files, 'sum/problem.yaml'), 'name: Sum\ntype: scoring\nlimits: {time_resolution: 7}\n');
  const again = await turno('problem', 'verify', join(files, 'sum'));
  t.match(again.out, /^NOT +partially_accepted\/first\.py .* WA .*expected a part of the points, found none/m);
  t.match(again.out, /^time limit 7 s, found from the accepted ones, written to \.timelimit/m);
  t.equal(readFileSync(join(files, 'sum/.timelimit'), 'utf8'), '7\n');
});

t.test('verify finds a time limit on a server that gives less than it would ask for', async (t) => {
  const small = await startServer(t, { args: ['--max-cpu-time-ms', '3000'] });
  const files = t.testdir({
    one: { '1.in': '', '1.out': '1\n', submissions: { accepted: { 'one.py': 'print(1)\n' } } },
  });
  const { status, out, err } = await commands(small, operatorOf(small))('problem', 'verify', join(files, 'one'));
  t.equal(status, 0, err);
  t.match(out, /^time limit [\d.]+ s, found/m);
});

t.test('a course: a roster, submissions for a problem, scores, rejudging', async (t) => {
  const files = t.testdir({
    'students.csv': '\ufeffname,group\r\nada,1\r\n"Grace, H.",2\r\n\r\n',
    'right.py': 'print(sum(map(int, input().split())))\n',
    'wrong.py': 'print(3)\n',
    sum: { '1.in': '1 2\n', '1.out': '3\n', '2.in': '2 2\n', '2.out': '4\n' },
  });
  const operator = commands(server, operatorOf(server));
  const roster = await operator('register', '--roster', join(files, 'students.csv'));
  t.equal(roster.status, 0, roster.err);
  const [head, ada, grace] = recordsOfCsv(roster.out, 'tokens');
  t.strictSame([head, ada?.[0], grace?.[0]], [['name', 'token'], 'ada', 'Grace, H.']);
  const again = await operator('register', '--roster', join(files, 'students.csv'));
  t.match(again, { status: 0, err: /registered 0; registered already: ada, Grace, H\./ });

  const badName = join(files, 'bad.csv');
  writeFileSync(badName, 'name\nzoe\n"uid:0"\nlast\n');
  const broken = await operator('register', '--roster', badName);
  t.match(
    broken,
    { status: 2, out: /^name,token\r\nzoe,\S+\r\n$/ },
    'whose token was made has it, whatever comes after',
  );
  writeFileSync(badName, 'name;group\nmax;1\n');
  t.match(await operator('register', '--roster', badName), { status: 2, out: '', err: /expected commas.*name;group/ });

  const turno = commands(server, ada?.[1] ?? '');
  const sum = join(files, 'sum');
  t.match(await turno('problem', 'add', sum), { status: 2, err: /TURNO_OPERATOR/ });
  t.match(await operator('problem', 'add', sum), { status: 0, out: /added sum: sum, 2 tests/, err: /no time limit/ });
  t.match(await turno('problem', 'show', 'sum'), { status: 0, out: /^sum: sum\nCPU 2000 ms/ });
  t.match(await turno('submit', join(files, 'right.py'), '--problem', 'sum'), { status: 0, out: /^AC/ });
  const wrong = await commands(server, grace?.[1] ?? '')('submit', join(files, 'wrong.py'), '--problem', 'sum');
  t.match(wrong, { status: 1, out: /^WA/ });
  t.match(await turno('submit', join(files, 'wrong.py'), '--tests', sum), {
    status: 1,
    out: /^WA.*expected "4", found "3"/,
  });
  t.match(await turno('submit', join(files, 'right.py'), '--tests', sum, '--problem', 'sum'), { status: 2 });
  writeFileSync(join(files, 'sum/.timelimit'), '0.1\n');
  const slow = join(files, 'slow.py');
  writeFileSync(slow, 'for n in range(10 ** 7): pass\nprint(sum(map(int, input().split())))\n');
  t.match(await turno('submit', slow, '--tests', sum), { status: 1, out: /TLE.*limit 100 ms/ }, 'its limits count');
  t.match(
    await turno('submit', slow, '--tests', sum, '--cpu-time-ms', '9000'),
    { status: 0 },
    '... unless one is given',
  );
  rmSync(join(files, 'sum/.timelimit'));

  const csv = await operator('scores', 'sum', '--csv');
  t.match(recordsOfCsv(csv.out, 'scores'), [
    ['user', 'verdict'],
    ['ada', 'AC'],
    ['Grace, H.', 'WA', '', '1', '1'],
  ]);
  t.match(await turno('scores', 'sum'), { status: 2, err: /TURNO_OPERATOR/ });
  t.match(await operator('rejudge', '--problem', 'sum'), { status: 0, out: '2 judged again, 0 different\n' });
  writeFileSync(join(files, 'sum/2.out'), '3\n');
  await operator('problem', 'add', sum);
  const rejudged = await operator('rejudge', '--problem', 'sum');
  t.match(rejudged, { status: 1, out: /ada .*AC +WA[\s\S]*Grace, H\. .*WA +AC[\s\S]*2 judged again, 2 different/ });
  t.match(await operator('problem', 'remove', 'sum'), { status: 0, out: 'removed sum\n' });
});
