/** What one user may have, and who may become one. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { StartFailure, startServer } from '../start-server.js';

const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };

t.test('a user has at most maxQueued unfinished, whichever fronts took them; others are not concerned', async (t) => {
  const args = ['--max-queued', '3', '--fronts', '2', '--cells', '4'];
  const server = await startServer(t, { args });
  let { url } = server;
  const [ada, eve] = [await server.register('ada'), await server.register('eve')];
  // Each request a connection of its own, so that both fronts are asked.
  const submit = async (token: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, connection: 'close', 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/submissions`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
  };
  const done = await server.judge(ada, { language: 'python', source: 'print(1)' });
  t.equal(done.verdict, 'AC', 'what is done does not count');
  for (let n = 0; n < 3; n++) t.equal((await submit(ada, LOOP)).status, 202);
  for (let n = 0; n < 8; n++) {
    const refused = {
      status: 429,
      retryAfter: /^\d+$/,
      body: { error: { code: 'TURNO_TOO_MANY', message: /have 3/ } },
    };
    t.match(await submit(ada, LOOP), refused);
  }
  const again = (token: string) => server.request('POST', `/v1/submissions/${done.id}/rejudge`, { token });
  t.match(await again(ada), { status: 429 }, 'judging again is no way around it');
  t.equal((await submit(eve, LOOP)).status, 202);

  const { submissions } = (await server.request('GET', '/v1/submissions', { token: ada })).body;
  t.equal(submissions.length, 4, 'what was refused left nothing behind');
  t.equal((await server.request('DELETE', `/v1/submissions/${submissions[1].id}`, { token: ada })).status, 200);
  t.equal((await submit(ada, LOOP)).status, 202, 'one has ended, one may come');
  t.equal((await submit(ada, LOOP)).status, 429);
  const operator = readFileSync(join(server.data, 'operator.token'), 'utf8').trim();
  t.match(await again(operator), { status: 202 }, 'the operator may have it judged again all the same');

  await server.stop();
  ({ url } = await startServer(t, { args, data: server.data }));
  t.equal((await submit(ada, LOOP)).status, 429, 'after a restart it is counted anew');
  for (let n = 0; n < 2; n++) t.equal((await submit(eve, LOOP)).status, 202);
  t.equal((await submit(eve, LOOP)).status, 429);
});

t.test('by invitation only who knows the token in the file may register', async (t) => {
  const args = ['--registration', 'invite'];
  const data = join(t.testdir({ config: {} }), 'data');
  const server = await startServer(t, { args, data });
  const path = join(data, 'invite.token');
  const invite = readFileSync(path, 'utf8').trim();
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.ok(invite.length >= 32);
  t.notMatch(server.log, invite, 'it is in no log');
  const register = (body: object) => server.request('POST', '/v1/users', { body });
  for (const wrong of [{}, { invite: '' }, { invite: invite.slice(1) }, { invite: `${invite} ` }]) {
    t.match(await register({ name: 'eve', ...wrong }), { status: 403, body: { error: { code: 'TURNO_INVITE' } } });
  }
  t.match(await register({ name: 'eve', invite: 1 }), { status: 400, body: { error: { field: 'invite' } } });
  t.equal((await register({ name: 'ada', invite })).status, 201);

  const environment = { TURNO_SERVER: server.url, XDG_CONFIG_HOME: join(data, '../config') };
  t.match(await cli(['register', 'bob'], environment), { status: 2, err: /TURNO_INVITE/ });
  t.match(await cli(['register', 'bob', '--invite', invite], environment), { status: 0, out: /registered bob/ });

  await server.stop();
  const again = await startServer(t, { args, data });
  t.equal(readFileSync(path, 'utf8').trim(), invite, 'it stays the same');
  await again.stop();
  writeFileSync(path, '');
  const failure = await startServer(t, { args, data }).catch((error: unknown) => error);
  t.ok(
    failure instanceof StartFailure && /TURNO_SETTING|empty/.test(failure.log),
    'an empty invitation invites nobody',
  );
});
