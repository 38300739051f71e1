/** The quota of a user: said by the operator on the data directory, kept, and obeyed by every front. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { connect } from '../../src/io/connect.js';
import { cli } from '../cli/run-cli.js';
import { startServer } from '../start-server.js';

const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };

t.test('a user with a quota goes by it and others by --max-queued, on all fronts and after a restart', async (t) => {
  const args = ['--max-queued', '3', '--fronts', '2', '--cells', '2'];
  const data = join(t.testdir(), 'data');
  const first = await startServer(t, { args, data });
  const [ada, eve] = [await first.register('ada'), await first.register('eve')];
  let { url } = first;
  // Each request a connection of its own, so that both fronts are asked.
  const submit = async (token: string) => {
    const headers = { authorization: `Bearer ${token}`, connection: 'close', 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/submissions`, { method: 'POST', headers, body: JSON.stringify(LOOP) });
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
  };
  const accepts = async (token: string, count: number) => {
    for (let n = 0; n < count; n++) t.equal((await submit(token)).status, 202);
  };
  const refuses = async (token: string, message: RegExp) => {
    const refused = { status: 429, retryAfter: /^\d+$/, body: { error: { code: 'TURNO_TOO_MANY', message } } };
    for (let n = 0; n < 4; n++) t.match(await submit(token), refused);
  };
  const set = (quota: string) => cli(['user', 'ada', '--data', data, '--quota', quota]);

  t.match(await set('1'), { status: 0, out: 'user ada, priority 0, quota 1\n' });
  await accepts(ada, 1);
  await refuses(ada, /1 submissions.*your own quota/);
  await accepts(eve, 3);
  await refuses(eve, /3 submissions.*--max-queued/);
  t.match(await set('5'), { status: 0, out: /quota 5/ });
  await accepts(ada, 4);
  await refuses(ada, /5 submissions.*your own quota/);

  await first.kill();
  const second = await startServer(t, { args, data });
  ({ url } = second);
  await refuses(ada, /5 submissions.*your own quota/);
  await refuses(eve, /3 submissions/);
  t.match(await set('0'), { status: 0 });
  await refuses(ada, /3 submissions.*--max-queued/);

  await t.test('a bad quota is refused and changes nothing', async (t) => {
    await second.stop(); // its directory is left, and nobody serves there
    const set = (...words: string[]) => cli(['user', 'bob', '--data', data, ...words]);
    t.match(await set('--add', '--quota', '4'), {
      status: 0,
      out: /^token [0-9a-f]{48}\nuser bob, priority 0, quota 4\n$/,
    });
    for (const bad of ['-1', '1e3', '', '100000001']) {
      const refused = { status: 2, err: /--quota.*Expected an integer from 0 to 100000000/ };
      t.match(await set('--priority', '3', `--quota=${bad}`), refused, bad);
    }
    t.match(await set('--priority', '3'), { out: 'user bob, priority 3, quota 4\n' });
  });
});

t.test('a connection that has known its user from its beginning goes by the quota of now', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'turno-')); // short, since the path of a socket may be
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  const server = await startServer(t, { data, args: ['--socket', join(data, 's'), '--socket-trust', 'uid'] });
  const local = await connect(server.address('unix'));
  t.teardown(() => local.close());
  await local.submit(LOOP, { wait: false });
  const name = `uid:${process.getuid?.()}`;
  t.match(await cli(['user', name, '--data', data, '--quota', '2']), { status: 0 });
  await local.submit(LOOP, { wait: false });
  await t.rejects(local.submit(LOOP, { wait: false }), { code: 'TURNO_TOO_MANY', message: /your own quota/ });
});
