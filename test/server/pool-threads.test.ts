/** A thread of a pool that dies, or whose sync fails: what its submission gets, and that the next one is well. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { startServer } from '../start-server.js';

const FAIL = fileURLToPath(new URL('./fail-at-fault-point.js', import.meta.url));
const HELLO = { language: 'python', source: 'print("hello")' };
/** Long enough that the saver's own later sync is over before it ends. */
const NAP = { language: 'python', source: 'import time\ntime.sleep(0.3)\nprint("hello")' };
/** It has the only lane when the thread of its cell dies. */
const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000, wallTimeMs: 60_000 } };
const COPY = {
  name: 'Copy',
  extension: '.copy',
  tool: '/bin/cat',
  version: ['--version'],
  run: { command: ['{tool}', '{main}'] },
};

/** One server for all, with one thread in each pool; `fail` says which of them fail from now on, where, and how. */
const directory = mkdtempSync(join(tmpdir(), 'turno-test-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const FAIL_FILE = join(directory, 'fail');
const fail = (how: string) => writeFileSync(FAIL_FILE, how);
fail('');
const server = await startServer(t, {
  data: join(directory, 'data'),
  args: ['--savers', '1', '--runners', '1', '--lanes', '1'],
  env: { NODE_OPTIONS: `--import=${FAIL}`, FAIL_FILE },
});
const token = await server.register('ada');

const allFailures = () =>
  existsSync(`${FAIL_FILE}.log`) ? readFileSync(`${FAIL_FILE}.log`, 'utf8').trim().split('\n') : [];

/** What fails, and how often the log says something, from now on. */
function fromNow() {
  const [failures, characters] = [allFailures().length, server.log.length];
  return {
    failed: () => allFailures().slice(failures),
    logged: (text: string) => server.log.slice(characters).split(text).length - 1,
  };
}

t.test('what a runner thread had when it died is run once more, with what ran in its cells', async (t) => {
  const { failed, logged } = fromNow();
  const loop = (await server.request('POST', '/v1/submissions', { token, body: LOOP })).body;
  const hasLane = async () => (await server.request('GET', '/v1/turns', { token })).body.programs[0]?.lane === 0;
  while (!(await hasLane()));
  fail('runner.before-run runner once exit');
  t.match(await server.judge(token, HELLO), { verdict: 'AC', stdout: 'hello\n' });
  t.same(failed(), ['runner exit']);
  while (!(await hasLane()));
  const cancelled = await server.request('DELETE', `/v1/submissions/${loop.id}`, { token });
  t.match(cancelled, { status: 200, body: { state: 'done', verdict: 'cancelled' } }, 'it goes on until it is ended');
  t.equal(logged('"msg":"run again: the thread that had it died"'), 2);
});

t.test(
  'when the sync of a runner fails a saver makes the end durable, or who waits is told that none could',
  async (t) => {
    const { failed } = fromNow();
    fail('journal.before-sync runner EIO');
    // Mostly the first one: now and then the saver's sync takes the end along, and the runner has none to make.
    while (failed().length === 0) t.match(await server.judge(token, NAP), { verdict: 'AC', stdout: 'hello\n' });
    t.match((await server.request('GET', '/v1/health')).body, { refuses: null }, 'the saver has gone to a new segment');
    t.same(new Set(failed()), new Set(['runner EIO']));

    fail('journal.before-sync runner saver EIO');
    const submitted = await server.request('POST', '/v1/submissions?wait=true', { token, body: NAP });
    t.match(submitted, { status: 507, body: { error: { code: 'TURNO_DISK_REFUSES' } } });
    t.ok(failed().includes('saver EIO'));
    const next = await server.request('POST', '/v1/submissions', { token, body: HELLO });
    t.match(next, { status: 507 }, 'nothing new until the disk takes writes again');
    fail('');
    const [last] = (await server.request('GET', '/v1/submissions', { token })).body.submissions;
    t.match(last, { state: 'done', verdict: 'AC' });
  },
);

/** The last one: the server ends with it. */
t.test('a thread that dies fails what it had; another knows every language, and has what comes next', async (t) => {
  const { failed, logged } = fromNow();
  mkdirSync(join(server.data, 'languages'));
  writeFileSync(join(server.data, 'languages', 'copy.json'), JSON.stringify(COPY));
  t.match(await cli(['ctl', 'reload', '--data', server.data]), { status: 0 });
  const judgeCopy = () => server.judge(token, { language: 'copy', source: 'as it is\n' });

  fail('saver.before-save saver exit');
  const { status, body } = await server.request('POST', '/v1/submissions', { token, body: HELLO });
  t.match([status, body.error?.code], [500, 'TURNO_INTERNAL'], 'what was not saved was not accepted');
  fail('');
  t.match(await judgeCopy(), { verdict: 'AC', stdout: 'as it is\n' });

  fail('runner.before-run runner exit');
  t.match(await server.judge(token, HELLO), { verdict: 'SE', stdout: '' });
  fail('');
  t.match(await judgeCopy(), { verdict: 'AC', stdout: 'as it is\n' });

  const loop = (await server.request('POST', '/v1/submissions', { token, body: LOOP })).body;
  while ((await server.request('GET', '/v1/turns', { token })).body.programs[0]?.lane !== 0);
  fail('runner.before-run runner exit');
  t.match(await server.judge(token, HELLO), { verdict: 'SE', stdout: '' });
  t.match(await server.show(token, loop.id), { state: 'done', verdict: 'SE' }, 'and what ran in its cells');
  fail('');
  t.match(await judgeCopy(), { verdict: 'AC', stdout: 'as it is\n' }, 'the only lane is free again');

  fail('runner.before-run runner exit');
  t.match(await server.judge(token, HELLO), { verdict: 'SE', stdout: '' });
  t.same(failed(), ['saver exit', ...Array(6).fill('runner exit')], 'each of them killed two');
  t.equal(await server.stop(), 0, 'the stop does not wait for a thread that is no more');
  t.equal(logged('"msg":"a submission ends as SE"'), 4, 'and it was told in the log');
});
