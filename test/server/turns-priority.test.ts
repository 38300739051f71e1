/** The priority of a user: said by the operator on the data directory, kept, and obeyed by every front. */

import { setTimeout as delay } from 'node:timers/promises';
import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { type Json, startServer, type TestServer } from '../start-server.js';

const loop = (cpuTimeMs: number) => ({ language: 'python', source: 'while True: pass', limits: { cpuTimeMs } });

const accept = async (server: TestServer, token: string, body: Json): Promise<string> =>
  (await server.request('POST', '/v1/submissions', { token, body })).body.id;

async function programs(server: TestServer, token: string): Promise<Json[]> {
  await delay(10); // programs run below the server: asked without pause they would have no core
  return (await server.request('GET', '/v1/turns', { token })).body.programs;
}

const laneTimeMs = (all: readonly Json[], user: string): number =>
  all.reduce((sum, one) => sum + (one.user === user ? one.laneTimeMs : 0), 0);

const server = await startServer(t, { args: ['--lanes', '1', '--fronts', '2', '--registration', 'closed'] });

t.test('a retest goes behind the live contest, on all fronts, from the moment the operator says so', async (t) => {
  const user = async (...words: string[]) => {
    const { status, out, err } = await cli(['user', '--data', server.data, ...words]);
    t.equal(status, 0, err);
    return /^token (\S+)/.exec(out)?.[1] ?? '';
  };
  const live = await user('live', '--add');
  const retest = await user('retest', '--add', '--priority', '2');
  const late = await user('late', '--add');
  await user('late', '--priority', '2');
  // Enough of them that both fronts have some.
  for (let n = 0; n < 4; n++) await accept(server, n % 2 ? retest : late, loop(60_000));
  for (let all = await programs(server, live); ; all = await programs(server, live)) {
    t.ok(
      all.every(({ priority }) => priority === 2),
      'as it was said',
    );
    if (all.length === 4 && all.every(({ turns }) => turns > 0)) break;
  }
  const id = await accept(server, live, loop(700));
  const seen: { live: number; behind: number }[] = [];
  for (let all = await programs(server, live); ; all = await programs(server, live)) {
    const own = all.find((one) => one.id === id);
    if (own) {
      t.equal(own.priority, 0);
      seen.push({ live: own.laneTimeMs, behind: laneTimeMs(all, 'retest') + laneTimeMs(all, 'late') });
    } else if ((await server.show(live, id)).state === 'done') break;
  }
  t.match(await server.show(live, id), { verdict: 'TLE' });
  // Each of the others that is overdue has a protected turn of 10 ms in 100: together they would have had two thirds.
  const behindMs = (seen.at(-1)?.behind ?? 0) - (seen[0]?.behind ?? 0);
  t.ok(behindMs < (seen.at(-1)?.live ?? 0) / 2, `they had ${behindMs} ms meanwhile, of ${JSON.stringify(seen.at(-1))}`);
});

/** The last one: the server is killed. */
t.test('a priority is kept; who or where it is about must exist', async (t) => {
  const set = (...words: string[]) => cli(['user', '--data', server.data, ...words]);
  t.match(await set('ada', '--add', '--priority', '9'), {
    status: 0,
    out: /^token [0-9a-f]{48}\nuser ada, priority 9, quota 0\n$/,
  });
  t.match(await set('ada', '--add'), { status: 2, err: /TURNO_USER_EXISTS/ });
  t.match(await set('ada', '--priority', '10'), { status: 2, err: /from 0 to 9/ });
  t.match(await set('eve', '--priority', '1'), { status: 2, err: /TURNO_NOT_FOUND/ });
  await server.kill();
  t.match(await set('ada'), { status: 0, out: 'user ada, priority 9, quota 0\n' }, 'nobody serves there now');
  t.match(await set('ada', '--priority', '4'), { status: 0 });
  const again = await startServer(t, { data: server.data });
  t.match(await set('ada'), { out: 'user ada, priority 4, quota 0\n' });
  await again.stop();
  t.match(await cli(['user', 'ada', '--data', `${server.data}/none`]), { status: 2, err: /TURNO_NOT_FOUND/ });
});
