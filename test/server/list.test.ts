/** Who has a lane and who waits: GET /v1/turns, the place of a submission, the time it waited, `turno list`. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type TSchema, Type } from '@sinclair/typebox';
import { type Test, t } from 'tap';
import { TurnsReply } from '../../src/io/reply-schema.js';
import { Validators } from '../../src/io/validator.js';
import { cli } from '../cli/run-cli.js';
import { type Json, startServer, type TestServer } from '../start-server.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const LOOP = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000 } };
const HELLO = { language: 'python', source: 'print("hello")' };

const accept = async (server: TestServer, token: string, body: Json): Promise<string> =>
  (await server.request('POST', '/v1/submissions', { token, body })).body.id;

/** Asks until the answer is so, and gives it. */
async function until(ask: () => Promise<Json>, isSo: (answer: Json) => boolean): Promise<Json> {
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const turnsOf = (server: TestServer, token: string) => async (): Promise<Json> =>
  (await server.request('GET', '/v1/turns', { token })).body;

function closed(schema: TSchema): TSchema {
  const text = JSON.stringify(schema, (_key, value) =>
    typeof value === 'object' && value?.properties ? { ...value, additionalProperties: false } : value,
  );
  return Type.Unsafe(JSON.parse(text));
}

/** For those that need one lane and no more; each leaves it free. */
const oneLane = await startServer(t, { args: ['--lanes', '1'] });

t.test('all see who has a lane and who waits, and only of their own programs what they are', async (t) => {
  const server = oneLane;
  const [ada, eve] = [await server.newUser('ada'), await server.newUser('eve')];
  t.equal((await server.request('GET', '/v1/turns')).status, 401);
  t.strictSame(await turnsOf(server, ada)(), { lanes: 1, programs: [] });
  const own = [await accept(server, ada, LOOP), await accept(server, ada, LOOP)];
  const other = await accept(server, eve, LOOP);

  // The slots are read one after the other: while the lane changes hands, it may look like two.
  const oneRuns = ({ programs }: Json) =>
    programs.filter(({ lane }: Json) => lane !== null).length <= 1 &&
    programs.filter(({ state }: Json) => state === 'running').length <= 1;
  const hasAll = ({ programs }: Json) => programs.length === 3 && programs.every(({ turns }: Json) => turns > 1);
  const seen = await until(turnsOf(server, ada), (answer) => hasAll(answer) && oneRuns(answer));
  t.doesNotThrow(() => new Validators().compile(closed(TurnsReply), 'turns')(seen));
  const ids = seen.programs.map(({ id }: Json) => id);
  t.same(ids.toSorted(), [...own, null].toSorted());
  const foreign = seen.programs.find(({ id }: Json) => id === null);
  t.match(foreign, { user: 'eve', program: null });
  t.match(
    seen.programs.find(({ id }: Json) => id === own[0]),
    { user: 'ada', program: /^python main\.py$/, waitingSince: /^\d{4}-\d\d-\d\dT.*Z$/ },
  );
  const theirs = await turnsOf(server, eve)();
  t.same(theirs.programs.map(({ id }: Json) => id).toSorted(), [other, null, null].toSorted());

  const stopped = await until(
    () => server.show(ada, own[0] ?? ''),
    ({ position }) => position !== null,
  );
  t.ok(stopped.turnsHad > 1 && stopped.position < 3, `${stopped.turnsHad} turns, ${stopped.position} before it`);
  // Two others at most, of slices of 200 ms, and the rest of one: more it is never told.
  t.ok(stopped.expectedWaitMs >= 0 && stopped.expectedWaitMs <= 600, `about ${stopped.expectedWaitMs} ms`);
  const told = await until(turnsOf(server, ada), ({ programs }) => programs.some(({ lane }: Json) => lane !== null));
  for (const { lane, expectedWaitMs } of told.programs) t.equal(expectedWaitMs === null, lane !== null);
  t.match((await server.request('GET', '/v1/submissions', { token: ada })).body.submissions[0], { state: 'running' });
  for (const id of own) await server.request('DELETE', `/v1/submissions/${id}`, { token: ada });
  await server.request('DELETE', `/v1/submissions/${other}`, { token: eve });
  await until(turnsOf(server, ada), ({ programs }) => programs.length === 0);
});

t.test('turno list shows it, and turno cancel ends what it shows', async (t) => {
  const server = oneLane;
  const token = await server.newUser('ada');
  const environment = { TURNO_SERVER: server.url, TURNO_TOKEN: token };
  t.match(await cli(['list'], environment), { status: 0, out: '0 of 1 lane busy, 0 waiting\n' });
  const id = await accept(server, token, LOOP);
  await until(turnsOf(server, token), ({ programs }) => programs.length === 1);
  t.match(
    (await cli(['list'], environment)).out,
    new RegExp(`^1 of 1 lane busy[\\s\\S]*\\n${id} +\\d+ +ada \\d+ +python main.py`),
  );
  t.equal(JSON.parse((await cli(['list', '--json'], environment)).out).programs[0].id, id);

  const watching = spawn(process.execPath, [MAIN, 'list', '--watch'], { env: { ...process.env, ...environment } });
  t.teardown(() => watching.kill('SIGKILL'));
  await said(watching, /1 of 1 lane busy[\s\S]*1 of 1 lane busy/);
  t.match(await cli(['cancel', id], environment), { status: 0, out: `cancelled  submission ${id}\n` });
  await said(watching, /0 of 1 lane busy/);
  watching.kill('SIGINT');
  await once(watching, 'exit');
  t.match(await cli(['cancel', id], environment), { status: 2, err: /TURNO_DONE/ });
});

t.test('who waits for a cell knows how many go before, and is told afterwards how long it was', async (t) => {
  const server = await startServer(t, { args: ['--cells', '1'] });
  const [ada, eve] = [await server.register('ada'), await server.register('eve')];
  const loop = await accept(server, ada, LOOP);
  const waiting = [await accept(server, ada, HELLO), await accept(server, ada, HELLO)];
  const other = await accept(server, eve, HELLO);
  t.match(await server.show(ada, waiting[0] ?? ''), { state: 'queued', position: 0, turnsHad: 0 });
  t.match(await server.show(ada, waiting[1] ?? ''), { position: 2 }, "ada's second is behind eve's first");
  t.match(await server.show(eve, other), { position: 1 });
  await waitedForAtLeast(t, server, ada, waiting[0] ?? '', loop);
});

t.test('the wait for the first turn is told too', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '1', '--turns', 'fifo'] });
  const token = await server.register('ada');
  const loop = await accept(server, token, LOOP);
  await until(
    () => server.show(token, loop),
    ({ turnsHad }) => turnsHad === 1,
  );
  const hello = await accept(server, token, HELLO);
  await until(
    () => server.show(token, hello),
    ({ position, state }) => position === 0 && state === 'running',
  );
  await waitedForAtLeast(t, server, token, hello, loop);
});

/** Holds `id` behind `loop` for a while that is measured, lets it go, and compares what it says that it waited. */
async function waitedForAtLeast(t: Test, server: TestServer, token: string, id: string, loop: string): Promise<void> {
  const sinceMs = performance.now();
  let heldMs = 0;
  while (heldMs < 200) {
    await server.show(token, id);
    heldMs = performance.now() - sinceMs;
  }
  t.equal((await server.request('DELETE', `/v1/submissions/${loop}`, { token })).status, 200);
  await server.idle();
  const done = await server.show(token, id);
  t.match(done, { verdict: 'AC', position: null, turnsHad: null, expectedWaitMs: null });
  t.ok(done.waitedMs >= heldMs, `waited ${done.waitedMs} ms, held for ${heldMs} ms`);
}

async function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = '';
  for await (const part of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += part;
    if (pattern.test(text)) return;
  }
  throw new Error(`it never said ${pattern}: ${text}`);
}
