/** `turno table` and `turno check`, on a directory a real server has left, and on this machine. */

import { t } from 'tap';
import { startServer } from '../start-server.js';
import { cli } from './run-cli.js';

const run = (...args: string[]) => cli(args);

t.test('a table that was served is sound, is dumped row by row, and is the same after restore', async (t) => {
  const server = await startServer(t);
  const token = await server.register('ada');
  const { id } = await server.judge(token, { language: 'python', source: 'print(1)' });
  const refused = await run('table', 'restore', server.data);
  t.match(refused, { status: 2, err: /TURNO_DATA_LOCKED/ }, 'not while it is served');
  await server.stop();
  t.match(await run('table', 'check', server.data), { status: 0, out: /sound: 1 rows, 1 users/ });
  const before = await run('table', 'dump', server.data);
  t.match(before.out, new RegExp(id));
  t.match(await run('table', 'restore', server.data), { status: 0, out: /restored/ });
  t.equal((await run('table', 'dump', server.data)).out, before.out);
});

t.test('a directory without a table is refused, and not made', async (t) => {
  t.match(await run('table', 'check', '/nowhere/at/all'), { status: 2, err: /TURNO_NOT_FOUND/ });
});

t.test('commands that work on a directory take that of TURNO_DATA when they are not told another', async (t) => {
  for (const args of [['table', 'check'], ['user', 'ada'], ['snapshot'], ['ctl', 'list']]) {
    const { status, err } = await cli(args, { TURNO_DATA: '/nowhere/at/all' });
    t.match([status, err], [2, /\/nowhere\/at\/all/], args.join(' '));
  }
});

t.test('check says of each part of the sandbox whether it is there', async (t) => {
  const { status, out } = await run('check');
  t.match(out, /^(PASS|CAUTION|FAIL) +kernel: /);
  t.equal(status, out.includes('FAIL ') ? 2 : out.includes('CAUTION ') ? 1 : 0);
  t.match(
    out,
    /^PASS +real-time priority of the scheduler: yes$|^CAUTION real-time priority of the scheduler: no, EPERM; costs/m,
  );
  t.match(out, /^PASS +open files: \d+ at most$|^CAUTION open files.*\nprlimit --pid/m);
});
