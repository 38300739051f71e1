/** Bad input gets a clear error that names the field, and changes nothing. */

import { t } from 'tap';
import { type Json, startServer } from '../start-server.js';

const OK = { language: 'python', source: 'print(1)' };

t.test('bad requests are refused by name and leave no trace', async (t) => {
  const server = await startServer(t);
  const token = await server.register('ada');
  const submit = (body: Json) => server.request('POST', '/v1/submissions', { token, body });

  const cases: [what: string, body: Json, status: number, field: RegExp | string][] = [
    ['an unknown language', { ...OK, language: 'cobol' }, 400, 'language'],
    ['a language named __proto__', { ...OK, language: '__proto__' }, 400, 'language'],
    ['an executable, without the setting that allows them', { language: 'executable', source: '#!' }, 400, 'language'],
    ['no language', { source: 'x' }, 400, 'language'],
    ['no source', { language: 'python' }, 400, /source|files/],
    ['an empty body', {}, 400, /./],
    ['an array as body', [], 400, /./],
    ['an unknown field', { ...OK, limts: {} }, 400, 'limts'],
    ['an unknown limit', { ...OK, limits: { cpuTimeMS: 1 } }, 400, /cpuTimeMS/],
    ['a negative limit', { ...OK, limits: { cpuTimeMs: -1 } }, 400, 'limits.cpuTimeMs'],
    ['a limit of zero', { ...OK, limits: { memoryMiB: 0 } }, 400, 'limits.memoryMiB'],
    ['a fractional limit', { ...OK, limits: { wallTimeMs: 1.5 } }, 400, 'limits.wallTimeMs'],
    ['an absurd limit', { ...OK, limits: { processes: 1e9 } }, 400, 'limits.processes'],
    ['a limit as text', { ...OK, limits: { cpuTimeMs: '2s' } }, 400, 'limits.cpuTimeMs'],
    ['a source of 10 MiB', { ...OK, source: 'x'.repeat(10 << 20) }, 413, 'source'],
    ['a number as source', { ...OK, source: 5 }, 400, 'source'],
    ['source and files', { ...OK, files: [{ path: 'a.py', content: '' }], main: 'a.py' }, 400, /source|files/],
    ['a file outside', { language: 'python', files: [{ path: '../x', content: '' }], main: '../x' }, 400, /files/],
    [
      'an absolute file',
      { language: 'python', files: [{ path: '/etc/x', content: '' }], main: '/etc/x' },
      400,
      /files/,
    ],
    [
      'a main that is not there',
      { language: 'python', files: [{ path: 'a.py', content: '' }], main: 'b.py' },
      400,
      'main',
    ],
    [
      'the same file twice',
      { language: 'python', files: [0, 1].map(() => ({ path: 'a.py', content: '' })), main: 'a.py' },
      400,
      /files/,
    ],
    [
      'a file below a file',
      { language: 'python', files: ['a', 'a/b'].map((path) => ({ path, content: '' })), main: 'a' },
      400,
      /files/,
    ],
    [
      'invalid base64',
      { language: 'python', files: [{ path: 'a.py', content: '!!', encoding: 'base64' }], main: 'a.py' },
      400,
      /files/,
    ],
    [
      'a checker nobody knows',
      { ...OK, tests: [{ name: 'a', stdin: '' }], checker: { kind: 'magic' } },
      400,
      /checker/,
    ],
    ['a NUL in an argument', { ...OK, args: ['a\0b'] }, 400, /args/],
  ];
  for (const [what, body, status, field] of cases) {
    await t.test(what, async (t) => {
      const answer = await submit(body);
      t.equal(answer.status, status, JSON.stringify(answer.body));
      t.type(answer.body.error?.code, 'string');
      t.type(answer.body.error?.message, 'string');
      t.match(answer.body.error?.field ?? '', field);
    });
  }

  await t.test('what is wrong with a limit is said: field, rule, value', async (t) => {
    const { body } = await submit({ ...OK, limits: { cpuTimeMs: '2s' } });
    t.equal(body.error.message, 'limits.cpuTimeMs: expected an integer from 1 to 60000, got "2s" (string)');
  });

  await t.test('wrong JSON, bytes that are no UTF-8, another type', async (t) => {
    const post = (raw: string | Uint8Array<ArrayBuffer>, type?: string) =>
      server.request('POST', '/v1/submissions', { token, raw, ...(type ? { type } : {}) });
    t.match(await post('{"language":'), { status: 400, body: { error: { code: 'TURNO_BAD_JSON' } } });
    const bytes = Buffer.concat([
      Buffer.from('{"language":"python","source":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    t.match(await post(new Uint8Array(bytes)), { status: 400 });
    t.match(await post('language=python', 'application/x-www-form-urlencoded'), { status: 415 });
  });

  await t.test('bad tokens and bad queries', async (t) => {
    t.match(await server.request('GET', '/v1/submissions'), { status: 401 });
    t.match(await server.request('GET', '/v1/submissions', { token: 'nobody' }), { status: 401 });
    t.match(await server.request('GET', '/v1/submissions?limit=abc', { token }), { status: 400 });
    t.match(await server.request('GET', '/v1/submissions?limit=0', { token }), { status: 400 });
    t.match(await server.request('GET', '/v1/submissions/../../etc/passwd', { token }), { status: 404 });
    t.match(await server.request('GET', '/v1/nothing', { token }), { status: 404 });
    t.match(await server.request('POST', '/v1/submissions?wait=maybe', { token, body: OK }), { status: 400 });
    t.match(await server.request('POST', '/v1/users', { body: { name: '' } }), { status: 400 });
    t.match(await server.request('POST', '/v1/users', { body: { name: 'ada' } }), { status: 409 });
  });

  await t.test('a submission of another user is not found', async (t) => {
    const other = await server.register('eve');
    const reply = await server.judge(token, OK);
    t.match(await server.request('GET', `/v1/submissions/${reply.id}`, { token: other }), { status: 404 });
    t.match(await server.request('GET', `/v1/submissions/${reply.id}/source`, { token: other }), { status: 404 });
  });

  const { body } = await server.request('GET', '/v1/submissions?limit=100', { token });
  const list = Array.isArray(body) ? body : body.submissions;
  t.equal(list.length, 1, 'of all that, one submission was accepted');
  t.equal(list[0].arrival, 1, 'and no arrival number was used up');
});
