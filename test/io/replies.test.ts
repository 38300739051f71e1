/** What the server answers is what its schemas promise: no field missing, none of another type, none unannounced. */

import { type TSchema, Type } from '@sinclair/typebox';
import { t } from 'tap';
import { Health, LanguageReply, SubmissionPage, SubmissionReply, UserReply } from '../../src/io/reply-schema.js';
import { Validators } from '../../src/io/validator.js';
import { startServer } from '../start-server.js';

const validators = new Validators();

/** The schema with every object closed: a reply must not say more than is announced either. */
function closed<S extends TSchema>(schema: S): TSchema {
  const text = JSON.stringify(schema, (_key, value) =>
    typeof value === 'object' && value?.properties ? { ...value, additionalProperties: false } : value,
  );
  return Type.Unsafe(JSON.parse(text));
}

/** One for both. */
const server = await startServer(t);

t.test('replies are as their schemas say, for every kind of end', async (t) => {
  const is = (schema: TSchema, value: unknown, name: string) =>
    t.doesNotThrow(() => validators.compile(closed(schema), name)(value), name);

  const user = await server.request('POST', '/v1/users', { body: { name: 'ada' } });
  t.equal(user.status, 201);
  is(UserReply, user.body, 'user');
  const { token } = user.body;

  const submissions = {
    accepted: { language: 'python', source: 'print(1)' },
    'runtime error': { language: 'python', source: 'raise SystemExit(3)' },
    'not UTF-8': {
      language: 'python',
      source: 'import sys; sys.stdout.buffer.write(b"\\xff"); sys.stderr.buffer.write(b"\\xfe")',
    },
    killed: { language: 'python', source: 'import os; os.kill(os.getpid(), 9)' },
    'time limit': { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 100 } },
    'compile error': { language: 'c', source: 'int main(void) { return x; }' },
    'several tests': {
      language: 'c',
      source: 'int main(void) { return 0; }',
      tests: [{ name: 'a' }, { expected: '1' }],
    },
  };
  for (const [name, body] of Object.entries(submissions)) {
    const reply = await server.judge(token, body);
    is(SubmissionReply, reply, name);
    t.strictSame(await server.show(token, reply.id), reply, `${name}: shown as it was answered`);
  }

  // A loop: whatever ends by itself may be done by the time its source is saved.
  const loop = { ...submissions['time limit'], limits: { cpuTimeMs: 60_000 } };
  const accepted = await server.request('POST', '/v1/submissions', { token, body: loop });
  t.equal(accepted.status, 202);
  is(SubmissionReply, accepted.body, 'not done yet');
  t.match(accepted.body, { verdict: null, stdout: '', tests: { length: 0 }, exitCode: null });
  const cancelled = await server.request('DELETE', `/v1/submissions/${accepted.body.id}`, { token });
  is(SubmissionReply, cancelled.body, 'cancelled');
  t.strictSame(await server.show(token, accepted.body.id), cancelled.body, 'cancelled: shown as it was answered');

  const page = await server.request('GET', '/v1/submissions?limit=3', { token });
  is(SubmissionPage, page.body, 'page');
  const arrivals = page.body.submissions.map(({ arrival }: { arrival: number }) => arrival);
  t.strictSame(arrivals, [8, 7, 6]);
  const next = await server.request('GET', `/v1/submissions?limit=500&after=${page.body.next}`, { token });
  t.match(next.body, { submissions: [{ arrival: 5 }, {}, {}, {}, { arrival: 1 }], next: null });

  is(LanguageReply, (await server.request('GET', '/v1/languages')).body, 'languages');
  is(Health, (await server.request('GET', '/v1/health')).body, 'health');
});

t.test("another user's submission is not found, in any way of asking", async (t) => {
  const [ada, eve] = [await server.newUser('ada'), await server.newUser('eve')];
  const { id } = await server.judge(ada, { language: 'c', source: 'int main(void) { return 0; }' });
  for (const path of [`/v1/submissions/${id}`, `/v1/submissions/${id}/source`, `/v1/submissions/${id}/executable`]) {
    t.equal((await server.request('GET', path, { token: ada })).status, 200, path);
    t.match(await server.request('GET', path, { token: eve }), {
      status: 404,
      body: { error: { code: 'TURNO_NOT_FOUND' } },
    });
  }
  t.match(await server.request('GET', `/v1/submissions?after=${id}`, { token: eve }), { status: 404 });
  t.strictSame((await server.request('GET', '/v1/submissions', { token: eve })).body, { submissions: [], next: null });
});
