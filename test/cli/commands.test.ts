/** The commands against a real server: register, submit, submissions, show, get. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { startServer } from '../start-server.js';
import { cli } from './run-cli.js';

const example = (path: string) => fileURLToPath(new URL(`../../../examples/${path}`, import.meta.url));

t.test('a user registers, submits and gets everything back', async (t) => {
  const files = t.testdir({
    config: {},
    in: '1 2 3\n',
    right: '6\n',
    wrong: '7\n',
    'sum.c': 'int sum(int a, int b);\nint main(void) { return sum(1, -1); }\n',
    'more.c': 'int sum(int a, int b) { return a + b; }\n',
    'bytes.py': 'import sys\nsys.stdout.buffer.write(bytes(range(256)))\n',
  });
  // Inside the same directory: a second t.testdir() would take away the first, and the server's data with it.
  const server = await startServer(t, { data: join(files, 'data') });
  const environment = { TURNO_SERVER: `${server.url}/`, XDG_CONFIG_HOME: join(files, 'config') };
  const turno = (...args: string[]) => cli(args, environment);
  const lastId = async (): Promise<string> => JSON.parse((await turno('submissions', '--json')).out).submissions[0].id;

  t.match(await turno('submissions'), { status: 2, err: /TURNO_NO_TOKEN/ }, 'nobody yet');
  t.match(await turno('register', 'ada'), { status: 0, out: /registered ada at / });
  t.equal(statSync(join(files, 'config/turno/tokens.json')).mode & 0o777, 0o600);
  t.match(await turno('register', 'bob'), { status: 2, err: /The token of "ada"/ }, 'a token is not lost by accident');
  t.match(await turno('register', 'ada', '--replace'), { status: 2, err: /TURNO_USER_EXISTS/ });
  t.match(await turno('submissions'), { status: 0, out: 'no submissions\n' });

  const sum = example('c/accepted.c');
  t.match(await turno('submit', sum, '--stdin', join(files, 'in')), {
    status: 0,
    out: /^AC {2}accepted[\s\S]*stdout\n6\n$/,
  });
  const id = await lastId();
  t.match(await turno('show', id), { status: 0, out: /^AC[\s\S]*stdout\n6\n$/ });
  t.match(await turno('get', id, '--source'), { status: 0, out: /reads numbers/ });
  t.strictSame((await turno('get', id, '--executable')).bytes.subarray(0, 4), Buffer.from('\x7fELF'));
  t.equal((await turno('get', id, '--output')).out, '6\n');

  const answer = (name: string) => ['--stdin', join(files, 'in'), '--expected', join(files, name)];
  t.match(await turno('submit', sum, ...answer('right')), { status: 0, out: /^AC/ });
  t.match(await turno('submit', sum, ...answer('wrong')), { status: 1, out: /^WA.*expected "7", found "6"/ });
  t.match(await turno('submit', example('c/crash.c')), { status: 1, out: /^RE.*SIGSEGV/ });
  t.match(await turno('submit', example('c/compile-error.c')), {
    status: 1,
    out: /^CE[\s\S]*compile-error\.c:5:16: error/,
  });
  t.match(await turno('submit', example('python/crash.py'), '--stdin', join(files, 'in')), {
    status: 1,
    out: /IndexError/,
  });
  const loop = example('c/infinite-loop.c');
  t.match(await turno('submit', loop, '--cpu-time-ms', '100'), { status: 1, out: /^TLE.*limit 100 ms/ });
  t.match(await turno('submit', loop, '--cpu-time-ms', '1.5'), { status: 2, err: /limits\.cpuTimeMs: .*got 1\.5/ });

  t.match(await turno('submit', join(files, 'sum.c'), join(files, 'more.c')), { status: 0, out: /^AC/ }, 'two files');
  t.match(await turno('submit', join(files, 'bytes.py')), { status: 0, out: /^AC/ });
  const bytes = (await turno('get', await lastId(), '--output')).bytes;
  t.strictSame(bytes, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), 'output comes byte for byte');

  const nonsense: readonly (readonly [args: string[], message: RegExp])[] = [
    [['--epsilon', '1'], /--epsilon needs --expected/],
    [['--checker', 'token'], /--checker needs --expected/],
    [['--problem', 'p', '--arg', 'x'], /--arg is not for use together with --problem/],
    [['--problem', 'p', '--fresh'], /--fresh is not/],
    [['--problem', 'p', '--epsilon', '1'], /--epsilon is not/],
    [['--tests', files, '--stdin', 'in'], /--stdin is not for use together with --tests/],
    [['--tests', files, '--epsilon', '1'], /--epsilon is not/],
    [['--tests', files, '--expected', 'right'], /--expected is not for use together with --tests/],
  ];
  for (const [args, err] of nonsense) t.match(await turno('submit', sum, ...args), { status: 2, out: '', err });
  t.match(await turno('get', id, '--source', '--to', '/dev/full'), {
    status: 2,
    err: /^turno: \/dev\/full: no space left/,
  });

  const page = await turno('submissions', '--limit', '2');
  t.equal(page.out.trimEnd().split('\n').length, 3, 'a head and two lines');
  t.match(page.err, /more: turno submissions --after [0-9a-f]{32}/);
  t.match(await turno('show', '0'.repeat(32)), { status: 2, err: /TURNO_NOT_FOUND/ });
});

t.test(
  'whom the Unix socket knows by his uid needs no token, and who has one for another way in is told how',
  async (t) => {
    const files = mkdtempSync(join(tmpdir(), 'turno-'));
    t.teardown(() => rmSync(files, { recursive: true, force: true }));
    const program = join(files, 'a.py');
    writeFileSync(program, 'print(1)\n');
    const trusting = await startServer(t, { args: ['--socket', join(files, 's'), '--socket-trust', 'uid'] });
    const known = { TURNO_SERVER: trusting.address('unix'), XDG_CONFIG_HOME: files };
    t.match(await cli(['submit', program], known), { status: 0, out: /^AC/ });
    t.match(await cli(['submissions'], known), { status: 0, out: /python +AC/ });
    await trusting.stop();

    const strict = await startServer(t, { args: ['--socket', join(files, 's')] });
    const environment = { XDG_CONFIG_HOME: files };
    await cli(['register', 'ada', '--server', strict.url], environment);
    const refused = await cli(['submit', program, '--server', strict.address('unix')], environment);
    t.match(refused, { status: 2, err: /No token for unix:/ });
    t.ok(refused.err.includes(`(kept there: ${strict.url})`), refused.err);
    const { token } = JSON.parse(readFileSync(join(files, 'turno/tokens.json'), 'utf8'))[strict.url];
    const taken = { ...environment, TURNO_TOKEN: token };
    t.match(await cli(['submit', program, '--server', strict.address('unix')], taken), { status: 0 });
  },
);
