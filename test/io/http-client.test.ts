/** What the client over HTTP makes of servers that are none of turno's, and of answers that break off. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
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
