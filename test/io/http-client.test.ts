/** What the client over HTTP makes of servers that are none of turno's, and of answers that break off. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { t } from 'tap';
import { connect } from '../../src/io/connect.js';

const cases: readonly (readonly [name: string, answer: string, expected: { code: string; message?: RegExp }])[] = [
  ['no HTTP', 'hello\n', { code: 'TURNO_ANSWER', message: /HPE_/ }],
  ['no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', { code: 'TURNO_ANSWER' }],
  // So a batch asks again, instead of calling the server none of turno's.
  ['an answer that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{', { code: 'TURNO_UNREACHABLE' }],
  ['a file that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nint main', { code: 'TURNO_UNREACHABLE' }],
];
for (const [name, answer, expected] of cases) {
  t.test(`${name}: ${JSON.stringify(expected)}`, async (t) => {
    const server = createServer((socket) => socket.once('data', () => socket.end(answer)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const client = await connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { token: 'x' });
    const ask = async (): Promise<unknown> => (name.startsWith('a file') ? client.source('1') : client.languages());
    await t.rejects(ask(), expected);
  });
}

t.test('an answer is waited for as long as it takes, not as long as fetch would', async (t) => {
  const server = createServer((socket) => {
    socket.once('data', async () => {
      await setTimeout(2_500);
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  // The five minutes of fetch, made half a second for this process.
  const key = Symbol.for('undici.globalDispatcher.1');
  const scope = globalThis as unknown as Record<symbol, { constructor: new (options: object) => never }>;
  await t.rejects(fetch('http://127.0.0.1:1')); // makes it be there
  const before = scope[key];
  if (before === undefined) throw new Error('fetch has no dispatcher');
  scope[key] = new before.constructor({ headersTimeout: 500, bodyTimeout: 500 });
  t.teardown(() => {
    scope[key] = before;
  });
  const client = await connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await client.ping();
  await client.close();
});

t.test('a redirect is not followed: the token goes nowhere else', async (t) => {
  const head = 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n';
  const server = createServer((socket) => socket.once('data', () => socket.end(head)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const client = await connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { token: 'x' });
  await t.rejects(client.list({}), { code: 'TURNO_ANSWER', message: /status 302/ });
});
