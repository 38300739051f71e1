/**
 * HTTP with bad input: each is answered with status, code and field, and none of it reaches the judge.
 *
 * The transport is the real one, on a real port; behind it stands a judge that only notes what it is asked to do, since
 * what these tests promise is that it is asked nothing. Good requests are tested with the whole server (test/server/).
 */

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { pino } from 'pino';
import { type Test, t } from 'tap';
import { ERRORS, TurnoError } from '../../src/errors.js';
import { HttpTransport } from '../../src/io/http.js';
import { ROUTES } from '../../src/io/http-routes.js';
import { Operations } from '../../src/io/operations.js';
import type { JudgeApi } from '../../src/io/transport.js';
import { readSettings } from '../../src/read-settings.js';
import { LANGUAGES } from './submission-body.js';

const TOKEN = 'token-of-ada';

async function start(t: Test, flags: Record<string, string> = {}, patience: object = {}) {
  const asked: string[] = [];
  const never = (name: string) => () => {
    asked.push(name);
    throw new TurnoError('TURNO_NOT_FOUND', { what: name, id: 'here' });
  };
  const judge: JudgeApi = {
    users: {
      register: never('register'),
      authenticate: (token) => (token === TOKEN ? { index: 0, name: 'ada', priority: 0 } : undefined),
      local: never('local'),
    },
    submit: never('submit'),
    show: never('show'),
    progress: never('progress'),
    rejudge: never('rejudge'),
    problems: {
      add: never('add'),
      list: never('problems'),
      show: never('problem'),
      statement: never('statement'),
      samples: never('samples'),
      remove: never('remove'),
      submit: never('submit to problem'),
      scores: never('scores'),
      rejudge: never('rejudge problem'),
    },
    cancel: never('cancel'),
    list: never('list'),
    source: never('source'),
    executable: never('executable'),
    turns: never('turns'),
    languages: () => LANGUAGES,
    absentLanguages: () => [{ id: 'cobol', name: 'COBOL', reason: 'no cobc on the PATH' }],
    health: () => {
      throw new TypeError('a secret of the server');
    },
  };
  const settings = readSettings({ port: '0', ...flags }, {});
  const operations = new Operations(judge, settings);
  const authenticate = (token: string) => judge.users.authenticate(token);
  const http = new HttpTransport({ operations, authenticate, settings, log: pino({ level: 'silent' }), ...patience });
  const { url } = await http.start();
  t.teardown(() => http.stop(1_000));
  return { url, asked, operations };
}

type Raw = string | Uint8Array<ArrayBuffer>;

async function ask(url: string, method: string, path: string, body?: Raw, headers: Record<string, string> = {}) {
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...json, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    error: text === '' ? undefined : JSON.parse(text).error,
  };
}

const good = JSON.stringify({ language: 'c', source: 'int main(void) {}' });

t.test('bad input is answered with status, code and field, and nothing of it reaches the judge', async (t) => {
  const { url, asked } = await start(t);
  const cases: readonly (readonly [
    name: string,
    Parameters<typeof ask> extends [string, ...infer R] ? R : never,
    object,
  ])[] = [
    [
      'no token',
      ['POST', '/v1/submissions', good, { authorization: '' }],
      { status: 401, error: { code: 'TURNO_TOKEN_MISSING' } },
    ],
    [
      'a wrong token',
      ['POST', '/v1/submissions', good, { authorization: 'Bearer x' }],
      { status: 401, error: { code: 'TURNO_TOKEN_UNKNOWN' } },
    ],
    [
      'a token that is no Bearer',
      ['GET', '/v1/submissions', undefined, { authorization: `Basic ${TOKEN}` }],
      { status: 401, error: { code: 'TURNO_TOKEN_UNKNOWN' } },
    ],
    [
      'a body that is no JSON',
      ['POST', '/v1/submissions', '{"language":'],
      { status: 400, error: { code: 'TURNO_BAD_JSON', field: 'body' } },
    ],
    [
      'an empty body',
      ['POST', '/v1/submissions', ''],
      { status: 400, error: { code: 'TURNO_BAD_JSON', field: 'body' } },
    ],
    ['no body', ['POST', '/v1/submissions'], { status: 400, error: { code: 'TURNO_BAD_REQUEST', field: 'body' } }],
    ['an array', ['POST', '/v1/submissions', '[]'], { status: 400, error: { field: 'body' } }],
    [
      '100,000 nested arrays',
      ['POST', '/v1/submissions', '['.repeat(1e5) + ']'.repeat(1e5)],
      { status: 400, error: { field: 'body' } },
    ],
    [
      'text',
      ['POST', '/v1/submissions', good, { 'content-type': 'text/plain' }],
      { status: 415, error: { code: 'TURNO_MEDIA_TYPE' } },
    ],
    [
      'a form',
      ['POST', '/v1/users', 'name=x', { 'content-type': 'application/x-www-form-urlencoded' }],
      { status: 415, error: { code: 'TURNO_MEDIA_TYPE' } },
    ],
    [
      'invalid UTF-8',
      ['POST', '/v1/users', Uint8Array.from([...Buffer.from('{"name":"'), 0xff, 0x22, 0x7d])],
      { status: 400, error: { field: 'body', message: /0xff at offset 9/ } },
    ],
    [
      'a source of 10 MiB',
      ['POST', '/v1/submissions', JSON.stringify({ language: 'c', source: 'x'.repeat(10 << 20) })],
      { status: 413, error: { code: 'TURNO_TOO_LARGE', field: 'source' } },
    ],
    [
      'an unknown language',
      ['POST', '/v1/submissions', '{"language":"__proto__","source":""}'],
      { status: 400, error: { field: 'language' } },
    ],
    [
      '__proto__ as a field',
      ['POST', '/v1/submissions', '{"language":"c","source":"","__proto__":{"x":1}}'],
      { status: 400, error: { field: '__proto__' } },
    ],
    [
      'constructor as a field',
      ['POST', '/v1/users', '{"name":"x","constructor":{"prototype":{}}}'],
      { status: 400, error: { field: 'constructor' } },
    ],
    [
      'an archive where none is taken',
      ['POST', '/v1/users', 'PK', { 'content-type': 'application/zip' }],
      { status: 415, error: { code: 'TURNO_MEDIA_TYPE' } },
    ],
    ['no name', ['POST', '/v1/users', '{}'], { status: 400, error: { field: 'name' } }],
    ['a name with a newline', ['POST', '/v1/users', '{"name":"a\\nb"}'], { status: 400, error: { field: 'name' } }],
    ['wait=maybe', ['POST', '/v1/submissions?wait=maybe', good], { status: 400, error: { field: 'wait' } }],
    ['wait twice', ['POST', '/v1/submissions?wait=true&wait=true', good], { status: 400, error: { field: 'wait' } }],
    [
      'an unknown parameter',
      ['POST', '/v1/submissions?wiat=true', good],
      { status: 400, error: { field: 'wiat', message: /mean "wait"/ } },
    ],
    [
      'limit=abc',
      ['GET', '/v1/submissions?limit=abc'],
      { status: 400, error: { field: 'limit', message: /from 1 to 500, got "abc"/ } },
    ],
    ['limit=1.0', ['GET', '/v1/submissions?limit=1.0'], { status: 400, error: { field: 'limit' } }],
    ['limit=0', ['GET', '/v1/submissions?limit=0'], { status: 400, error: { field: 'limit' } }],
    ['limit=', ['GET', '/v1/submissions?limit='], { status: 400, error: { field: 'limit' } }],
    ['after that is no id', ['GET', '/v1/submissions?after=../x'], { status: 400, error: { field: 'after' } }],
    ['a parameter where there are none', ['GET', '/v1/languages?x=1'], { status: 400, error: { field: 'x' } }],
    ['an unknown route', ['GET', '/v1/nothing'], { status: 404, error: { code: 'TURNO_NO_ROUTE' } }],
    ['the root', ['GET', '/'], { status: 404, error: { code: 'TURNO_NO_ROUTE' } }],
    ['a broken path', ['GET', '/v1/%zz'], { status: 400, error: { code: 'TURNO_BAD_REQUEST', field: 'path' } }],
    ['another method', ['DELETE', '/v1/submissions'], { status: 405, error: { code: 'TURNO_METHOD' } }],
    [
      'headers beyond 16 KiB',
      ['GET', '/v1/health', undefined, { 'x-big': 'a'.repeat(20_000) }],
      { status: 431, error: { code: 'TURNO_HEADERS_TOO_LARGE' } },
    ],
  ];
  for (const [name, request, expected] of cases) t.match(await ask(url, ...request), expected, name);
  t.strictSame(asked, []);
});

t.test('a method that is not served is told those that are', async (t) => {
  const { url } = await start(t);
  t.equal((await ask(url, 'PUT', '/v1/users', '{}')).headers.get('allow'), 'POST');
  t.match((await ask(url, 'DELETE', '/v1/health')).headers.get('allow'), /GET/);
});

t.test('a body beyond the maximum is refused before it is sent, and a stranger is refused before that', async (t) => {
  const { url, asked } = await start(t, { maxBodyMib: '1' });
  const head = (token: string) =>
    `POST /v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
    'Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n';
  t.match(
    await answerTo(url, head(TOKEN)),
    /^HTTP\/1\.1 413 [\s\S]*TURNO_TOO_LARGE[\s\S]*1048576 bytes, found 999999999/,
  );
  t.match(await answerTo(url, head('stranger')), /^HTTP\/1\.1 401 [\s\S]*TURNO_TOKEN_UNKNOWN/);
  t.match(
    await answerTo(url, head(TOKEN).replace('submissions', 'users')),
    /^HTTP\/1\.1 413 [\s\S]*4096 bytes, found 999999999/,
    'what needs no token takes little',
  );
  t.match(
    await answerTo(url, head(TOKEN).replace('submissions', 'submission')),
    /^HTTP\/1\.1 404 [\s\S]*TURNO_NO_ROUTE/,
  );
  t.strictSame(asked, []);
});

t.test('what is not HTTP is answered in the same form', async (t) => {
  const { url } = await start(t);
  t.match(await answerTo(url, 'HELLO\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*"code":"TURNO_BAD_REQUEST"/);
});

t.test('a request of which only a part comes is ended, and told so', async (t) => {
  const { url, asked } = await start(t, {}, { requestMs: 300, lookMs: 50 });
  const head =
    'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"name"';
  t.match(await answerTo(url, head), /^HTTP\/1\.1 408 Request Timeout[\s\S]*TURNO_SLOW_REQUEST/);
  t.strictSame(asked, []);
});

t.test('closed registration refuses everybody', async (t) => {
  const { url, asked } = await start(t, { registration: 'closed' });
  t.match(await ask(url, 'POST', '/v1/users', '{"name":"x"}'), {
    status: 403,
    error: { code: 'TURNO_REGISTRATION_CLOSED' },
  });
  t.strictSame(asked, []);
});

t.test('an unexpected failure tells the request number and nothing of the inside', async (t) => {
  const { url } = await start(t);
  const { status, error } = await ask(url, 'GET', '/v1/health');
  t.equal(status, 500);
  t.match(error, { code: 'TURNO_INTERNAL', message: /request \d+-\d+/ });
  t.notMatch(JSON.stringify(error), /secret/);
});

t.test('OpenAPI lists every route with its schemas', async (t) => {
  const { url } = await start(t);
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, object>;
  };
  t.equal(document.openapi, '3.1.0');
  t.strictSame(Object.keys(document.paths).sort(), [
    '/v1/health',
    '/v1/languages',
    '/v1/ping',
    '/v1/problems',
    '/v1/problems/{id}',
    '/v1/problems/{id}/rejudge',
    '/v1/problems/{id}/samples',
    '/v1/problems/{id}/scores',
    '/v1/problems/{id}/statement',
    '/v1/problems/{id}/submissions',
    '/v1/submissions',
    '/v1/submissions/{id}',
    '/v1/submissions/{id}/events',
    '/v1/submissions/{id}/executable',
    '/v1/submissions/{id}/progress',
    '/v1/submissions/{id}/rejudge',
    '/v1/submissions/{id}/source',
    '/v1/turns',
    '/v1/users',
  ]);
  t.match(document.paths['/v1/submissions'], {
    post: {
      operationId: 'submit',
      requestBody: {},
      responses: { 200: {}, 202: {}, 400: {} },
      security: [{ token: [] }],
    },
  });
  t.match(document.paths['/v1/submissions/{id}/source'], {
    get: {
      parameters: [{ name: 'id', in: 'path', description: 'id of a submission' }],
      responses: { 200: { content: { 'application/x-tar': {} } }, 404: { content: { 'application/json': {} } } },
    },
  });
  t.match(document.paths['/v1/problems'], { post: { requestBody: { content: { 'application/zip': {} } } } });
  const ids = JSON.stringify(document).match(/"operationId":"[^"]*"/g) ?? [];
  t.equal(new Set(ids).size, ids.length, 'operations have names of their own');
});

/** No request over HTTP ends with one of these: they are of other ways in, of the start of a server, of the command line. */
const ELSEWHERE = `FRAME CONNECTIONS OTHER_UID TABLE_NOT_A_TABLE TABLE_LAYOUT TABLE_DAMAGED DATA_LOCKED NATIVE_MISSING NATIVE_ABI
  UNREACHABLE ANSWER NO_TOKEN IMAGE SHARP_MISSING USAGE LANGUAGE SETTING CELL NO_SANDBOX`;

t.test('OpenAPI tells every code, and its examples are taken as they are', async (t) => {
  const { url, asked, operations } = await start(t);
  const document = JSON.stringify(await (await fetch(`${url}/openapi.json`)).json());
  const elsewhere = ELSEWHERE.split(/\s+/).map((name) => `TURNO_${name}`);
  const told = Object.keys(ERRORS).filter((code) => document.includes(`\`${code}\``));
  t.strictSame([...told, ...elsewhere].sort(), Object.keys(ERRORS).sort());
  for (const route of ROUTES) {
    const hasBody = operations.table[route.operation].body !== undefined;
    t.equal(hasBody, route.examples !== undefined || route.takesZip === true, `${route.path} has an example`);
    for (const example of route.examples ?? []) {
      t.ok(document.includes(JSON.stringify(example)));
      const before = asked.length;
      const { error } = await ask(url, route.method, route.path.replace(':id', 'x'), JSON.stringify(example));
      t.match(error, { code: 'TURNO_NOT_FOUND' }, 'the judge was asked, who knows nothing here');
      t.equal(asked.length, before + 1);
    }
  }
});

t.test('docs/protocol.md names every operation', async (t) => {
  const { operations } = await start(t);
  const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const listed = /`op` is one of `([^`]*)`/.exec(page)?.[1]?.split(/\s+/) ?? [];
  t.strictSame(listed.sort(), [...operations.names].sort());
});

/** Writes bytes to the server and reads until it closes or says enough. */
function answerTo(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
      if (answer.includes('}}')) socket.destroy();
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}
