/** The control FIFO and `turno ctl`: what the operator says to a running server. */

import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, read, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { startServer } from '../start-server.js';

const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };

t.test('lanes, list, snapshot and drain, each with its answer; bad commands say what is expected', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '1'] });
  const ctl = (...args: string[]) => cli(['ctl', ...args, '--data', server.data]);
  for (const name of ['control', 'control.answers']) t.equal(statSync(join(server.data, name)).mode & 0o777, 0o600);

  t.match(await ctl('lanes', '3'), { status: 0, out: '{"lanes":3}\n' });
  t.equal((await server.request('GET', '/v1/health')).body.lanes, 3);
  t.match(await ctl('lanes', '0'), { status: 2, err: /lanes: expected an integer from 1 to 1024, got "0"/ });
  t.match(await ctl('lanes'), { status: 2, err: /lanes: expected an integer/ });
  t.match(await ctl('lnaes', '2'), { status: 2, err: /expected one of snapshot, .*"lnaes". Did you mean "lanes"/ });
  t.match(await ctl('constructor'), { status: 2, err: /expected one of/ });
  t.match(await ctl('snapshot', 'now'), { status: 2, err: /snapshot has no argument, got "now"/ });
  t.equal((await server.request('GET', '/v1/health')).body.lanes, 3, 'bad commands change nothing');

  const token = await server.register('ada');
  const sent = await Promise.all(
    [1, 2, 3, 4].map(() => server.request('POST', '/v1/submissions', { token, body: LOOP })),
  );
  for (;;) {
    const { lanes, programs } = JSON.parse((await ctl('list', '--json')).out);
    t.equal(lanes, 3);
    // Three lanes are three programs at once, on however many cores; one less while a lane changes hands.
    if (programs.filter(({ lane }: { lane: number | null }) => lane !== null).length === 3) break;
  }
  let list = await ctl('list');
  while (!list.out.includes('3 of 3 lanes busy')) list = await ctl('list');
  t.match(list, { status: 0, out: /ada +python main.py/ }, 'the operator sees whose and what');
  t.match(await ctl('lanes', '1'), { status: 0 });
  for (;;) {
    const { programs } = JSON.parse((await ctl('list', '--json')).out);
    if (programs.filter(({ lane }: { lane: number | null }) => lane !== null).length === 1) break;
  }
  for (const { body } of sent) await server.request('DELETE', `/v1/submissions/${body.id}`, { token });

  const { path } = JSON.parse((await ctl('snapshot')).out);
  t.ok(existsSync(path), path);

  const asleep = server.request('POST', '/v1/submissions?wait=true', {
    token,
    body: { language: 'python', source: 'import time\ntime.sleep(1)\nprint("awake")' },
  });
  while (!(await ctl('list')).out.includes('main.py'));
  t.match(await ctl('drain'), { status: 0, out: '{"draining":true}\n' });
  t.match((await asleep).body, { verdict: 'AC', stdout: 'awake\n' });
  t.same(await server.exited, { code: 0, signal: null });
  t.match(await ctl('list'), { status: 2, err: /TURNO_UNREACHABLE/ });
  t.notOk(existsSync(join(server.data, 'control')));
});

t.test('whoever writes without reading blocks nothing: the answers stand in the log', async (t) => {
  const server = await startServer(t);
  const control = join(server.data, 'control');
  writeFileSync(control, 'snapshot\n');
  await server.logged(/snapshot written/);
  await server.logged(/"command":"snapshot","result":\{"path"/);
  writeFileSync(control, `${'x'.repeat(5_000)}\n@mine lanes 2\n`);
  await server.logged(/a line of more than 4096 bytes/);
  await server.logged(/"tag":"mine","command":"lanes","result":\{"lanes":2\}/);
  writeFileSync(control, Buffer.from([0, 255, 254, 10, 10, 32, 10]));
  writeFileSync(control, 'list\n'.repeat(500));
  writeFileSync(control, 'lanes 4\n');
  await server.logged(/"lanes":4/);
  t.equal((await server.request('GET', '/v1/health')).body.lanes, 4);
  t.match(
    await cli(['ctl', 'lanes', '5', '--data', server.data]),
    { status: 0, out: '{"lanes":5}\n' },
    'nothing stale',
  );
  const both = await Promise.all(['6', '7'].map((n) => cli(['ctl', 'lanes', n, '--data', server.data])));
  t.same(
    both.map(({ out }) => out),
    ['{"lanes":6}\n', '{"lanes":7}\n'],
    'two at once get their own answers',
  );
  await server.kill();
  t.match(await cli(['ctl', 'list', '--data', server.data]), { status: 2, err: /TURNO_UNREACHABLE.*|ENXIO/ });
});

t.test('after reload the invitation in the file is the one that counts', async (t) => {
  const server = await startServer(t, { args: ['--registration', 'invite', '--fronts', '2'] });
  const path = join(server.data, 'invite.token');
  rmSync(path);
  writeFileSync(path, 'rotated\n', { mode: 0o600 });
  const register = (name: string) =>
    server.request('POST', '/v1/users', { body: { name, invite: 'rotated' } }).then(({ status }) => status);
  t.equal(await register('early'), 403);
  t.match(await cli(['ctl', 'reload', '--data', server.data]), {
    status: 0,
    out: /^{"invite":"read","languages":\[.*"c".*\]}\n$/,
  });
  while ((await register('ada')) === 403); // the fronts are told one after the other
  const [front = 0] = server.fronts;
  process.kill(front, 'SIGKILL');
  await server.logged(/front died/);
  for (let i = 0; i < 5; i++) {
    const status = await register(`later${i}`).catch(() => 201); // the front that died had the connection
    t.equal(status, 201, 'a front that is started later knows it too');
  }
});

t.test('the rest of an answer that nobody read to its end does not confuse the next who asks', async (t) => {
  const data = t.testdir();
  const [control, answers] = [join(data, 'control'), join(data, 'control.answers')];
  for (const path of [control, answers]) execFileSync('mkfifo', [path]);
  const command = openSync(control, 'r+'); // somebody reads it
  const asked = cli(['ctl', 'list', '--json', '--data', data]);
  const line = Buffer.alloc(200);
  const length = await promisify(read)(command, line, 0, line.length, null).then(({ bytesRead }) => bytesRead);
  const [, tag] = /^@(\S+) list\n$/.exec(line.toString('utf8', 0, length)) ?? [];
  writeFileSync(answers, `ograms":[]}}\n${JSON.stringify({ tag, command: 'list', result: { lanes: 7 } })}\n`);
  t.match(await asked, { status: 0, out: '{"lanes":7}\n' });
  closeSync(command);
});
