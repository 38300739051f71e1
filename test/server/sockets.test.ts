/** Sockets beyond the conformance suite: who is believed, what is closed, and what a bad neighbour cannot do. */

import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { connect } from '../../src/io/connect.js';
import { frameHeader, Kind, STRANGER_PAYLOAD_BYTES } from '../../src/io/frame.js';
import { RawSocket } from '../raw-socket.js';
import { StartFailure, startServer, type TestServer } from '../start-server.js';

/** Short, since the path of a socket may be: not t.testdir(). */
function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'turno-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function client(t: Test, server: TestServer, address: string, name = 'ada') {
  const one = await connect(address, { token: await server.register(name) });
  t.teardown(() => one.close());
  return one;
}

t.test(
  'with --socket-trust uid whoever connects is the user of the uid, and nobody can register as that',
  async (t) => {
    const path = join(directory(t), 's');
    const server = await startServer(t, { args: ['--socket', path, '--socket-trust', 'uid', '--tcp-port', '0'] });
    const name = `uid:${process.getuid?.()}`;
    const local = await connect(server.address('unix'));
    t.teardown(() => local.close());
    const done = await local.submit({ language: 'python', source: 'print(1)' }, { wait: true });
    t.match(done, { verdict: 'AC', user: name });
    const again = await connect(server.address('unix'));
    t.same(
      (await again.list({})).submissions.map(({ id }) => id),
      [done.id],
      'the same user on another connection',
    );
    await again.close();
    await t.rejects(local.register(name), { code: 'TURNO_BAD_REQUEST', field: 'name' });
    const ada = await client(t, server, server.address('unix'));
    t.same((await ada.list({})).submissions, [], 'a token goes before the uid');
    const stranger = await connect(server.address('tcp'));
    t.teardown(() => stranger.close());
    await t.rejects(stranger.list({}), { code: 'TURNO_TOKEN_MISSING' }, 'over TCP there is no uid');
  },
);

t.test('the Unix socket is for its owner, unless a setting opens it, and is there again after deaths', async (t) => {
  const path = join(directory(t), 's');
  const server = await startServer(t, { args: ['--socket', path] });
  t.equal(statSync(path).mode & 0o777, 0o600);
  const ada = await client(t, server, server.address('unix'));
  await ada.ping();
  const [front = 0] = server.fronts;
  process.kill(front, 'SIGKILL');
  await server.logged(/front died/);
  for (;;) {
    const isBack = await ada.ping().then(
      () => true,
      () => false,
    );
    if (isBack) break;
  }
  t.equal(statSync(path).mode & 0o777, 0o600, 'and so it is after the death of the front');
  await server.kill();
  t.ok(existsSync(path), 'what a killed server leaves');
  const second = await startServer(t, { data: server.data, args: ['--socket', path, '--socket-permissions', '666'] });
  t.equal(statSync(path).mode & 0o777, 0o666);
  const failure = await startServer(t, { args: ['--socket', path] }).catch((error) => error);
  t.ok(failure instanceof StartFailure);
  t.match(failure.log, /--socket: .* is in use by another server/);
  await ada.ping();
  t.equal(await second.stop(), 0);
  t.notOk(existsSync(path), 'an orderly end takes it away');
  writeFileSync(path, 'mine');
  const refused = await startServer(t, { args: ['--socket', path] }).catch((error) => error);
  t.match(refused.log, /--socket: .* it is no socket/);
});

t.test('where a server cannot listen, the setting is named that has to be changed', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0'] });
  const failure = async (...args: string[]) => {
    const error = await startServer(t, { args }).catch((one) => one);
    t.ok(error instanceof StartFailure);
    t.equal(error.code, 2);
    return error.log;
  };
  const port = (url: string) => new URL(url).port;
  t.match(await failure('--port', port(server.url)), /turno: --port: \d+ of 127\.0\.0\.1 is in use by another program/);
  t.match(await failure('--tcp-port', port(server.address('tcp'))), /turno: --tcp-port: \d+ of .* is in use/);
  t.match(await failure('--host', '192.0.2.1'), /turno: --host: expected an address of this machine, got "192/);
});

t.test('what is idle, half a frame or without a hello is closed; what waits for its answer is not', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0', '--socket-idle-s', '1'] });
  const address = server.address('tcp');
  const token = await server.register('ada');
  const [idle, half, mute, waiting, ended] = Array.from({ length: 5 }, () => new RawSocket(address));
  if (!idle || !half || !mute || !waiting || !ended) throw new Error('five');
  for (const one of [idle, half, waiting, ended]) one.hello(token);
  half.write(frameHeader(Kind.request, 1, 100));
  const body = { language: 'python', source: 'import time\ntime.sleep(2)\nprint("awake")' };
  waiting.request(1, { op: 'submit', query: { wait: true }, body });
  ended.request(1, { op: 'ping' });
  ended.socket.end();
  t.match(
    await ended.rest(),
    [{ kind: Kind.welcome }, { kind: Kind.answer, id: 1 }],
    'who has said all is answered and closed',
  );
  const [welcome, ...rest] = await idle.rest();
  t.equal(welcome?.kind, Kind.welcome);
  t.strictSame(rest, [{ kind: Kind.bye, id: 0, value: {} }]);
  t.match(await half.rest(), [
    { kind: Kind.welcome },
    { kind: Kind.bye, value: { error: { code: 'TURNO_FRAME', message: /not the rest/ } } },
  ]);
  t.match(await mute.rest(), [
    { kind: Kind.bye, value: { error: { code: 'TURNO_FRAME', message: /no hello within 1 s/ } } },
  ]);
  t.match(await waiting.rest(), [
    { kind: Kind.welcome },
    { kind: Kind.answer, id: 1, value: { verdict: 'AC', stdout: 'awake\n' } },
    { kind: Kind.bye, id: 1 },
  ]);
  const ada = await connect(address, { token });
  await ada.ping();
  const later = new RawSocket(address);
  later.hello();
  t.match((await later.rest()).at(-1), { kind: Kind.bye }, 'and so was who had been idle for longer');
  await ada.ping();
  t.pass('a client that was closed while it was idle connects again');
  await ada.close();
});

t.test('a bad frame gets a bye, a bad message an error, and the good neighbour is served', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0', '--max-body-mib', '1'] });
  const address = server.address('tcp');
  const good = await client(t, server, address);
  const token = await server.register('eve');
  const ask = async (...writes: ((raw: RawSocket) => void)[]) => {
    const raw = new RawSocket(address);
    for (const write of writes) write(raw);
    const frames = await raw.rest();
    await good.ping();
    return frames.find(({ kind }) => kind === Kind.bye);
  };
  const frameError = { kind: Kind.bye, value: { error: { code: 'TURNO_FRAME' } } };
  const hello = (raw: RawSocket) => raw.hello(token);
  const ping = (raw: RawSocket) => raw.request(2, { op: 'ping' });
  const large = (bytes: number) => (raw: RawSocket) => raw.write(frameHeader(Kind.request, 1, bytes));
  t.match(await ask((raw) => raw.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))), frameError);
  t.match(await ask(ping), frameError, 'no hello');
  t.match(await ask(hello, hello), frameError, 'two of them');
  t.match(await ask(hello, ping, ping), { ...frameError, id: 2 }, 'the same id again');
  t.match(await ask((raw) => raw.hello('nobody'), large(STRANGER_PAYLOAD_BYTES + 1)), frameError, 'of a stranger');
  t.match(await ask(hello, large((1 << 20) + 1)), frameError);

  const raw = new RawSocket(address);
  raw.hello(token);
  raw.write(frameHeader(Kind.request, 1, 1), Buffer.of(0xc1));
  raw.request(2, { op: 'pong' });
  raw.request(3, { op: 'ping', extra: 1 });
  raw.request(4, { op: 'ping', body: {} });
  raw.request(5, { op: 'show' });
  raw.request(6, { op: 'ping' });
  t.match(await raw.next(), { kind: Kind.welcome, value: { maxPayloadBytes: 1 << 20, user: 'eve' } });
  const answers = new Map<number, unknown>();
  for (let i = 0; i < 6; i++) {
    const one = await raw.next();
    answers.set(one?.id ?? 0, one?.value);
  }
  t.match(answers.get(1), { error: { code: 'TURNO_FRAME' } });
  t.match(answers.get(2), { error: { code: 'TURNO_BAD_REQUEST', field: 'op', message: /mean "ping"/ } });
  t.match(answers.get(3), { error: { code: 'TURNO_BAD_REQUEST', field: 'extra' } });
  t.match(answers.get(4), { error: { code: 'TURNO_BAD_REQUEST', field: 'body' } });
  t.match(answers.get(5), { error: { code: 'TURNO_BAD_REQUEST', field: 'id' } });
  t.strictSame(answers.get(6), {});
  raw.socket.destroy();
  await t.rejects(good.submit({ language: 'c', source: 'x'.repeat(2 << 20) }, { wait: false }), {
    code: 'TURNO_TOO_LARGE',
  });
});

t.test('a client that asks and never reads is not read any more, and costs the others nothing', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0'] });
  const address = server.address('tcp');
  const token = await server.register('eve');
  const good = await connect(address, { token });
  t.teardown(() => good.close());
  const large = `#${'x'.repeat(60_000)}`;
  const { id } = await good.submit({ language: 'python', source: large }, { wait: true });
  const socket = new RawSocket(address);
  socket.hello(token);
  t.match(await socket.next(), { kind: Kind.welcome });
  socket.socket.pause();
  // Until nothing goes out any more: the server holds some MiB of answers, which are large first, the kernel some of requests.
  let sent = 0;
  for (;;) {
    const request = sent < 400 ? { op: 'source', id } : { op: 'submit', body: { language: 'none', source: large } };
    socket.request(++sent, request);
    if (socket.socket.writableLength < 1 << 20) continue;
    const isTaken = await Promise.race([
      new Promise((resolve) => socket.socket.once('drain', () => resolve(true))),
      new Promise((resolve) => setTimeout(() => resolve(false), 500)),
    ]);
    if (!isTaken) break;
    if (sent > 1_000_000) throw new Error('a million requests were taken');
  }
  await good.ping();
  socket.socket.resume();
  for (let id = 1; id <= sent; id++) if ((await socket.next()) === undefined) t.fail('closed');
  t.pass(`all ${sent} are answered when it reads again`);
  socket.socket.destroy();
});

t.test('a long answer that is fetched slowly comes whole; one that is not fetched is given up', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0', '--socket-idle-s', '1'] });
  const token = await server.register('ada');
  const source = 'import sys\nsys.stdout.write("x" * (32 << 20))';
  const { id } = await server.judge(token, { language: 'python', source, limits: { outputKiB: 65_536 } });
  const asking = (pauseMs?: number) => {
    const raw = new RawSocket(server.address('tcp'));
    raw.hello(token);
    raw.request(1, { op: 'show', id });
    raw.socket.on('data', () => {
      raw.socket.pause();
      if (pauseMs !== undefined) setTimeout(() => raw.socket.resume(), pauseMs);
    });
    return raw;
  };
  const never = asking();
  // Who does not read sees that he was closed only when he writes.
  const writing = setInterval(() => never.write(Buffer.of(0)), 100);
  t.teardown(() => clearInterval(writing));
  const [slow, stuck] = await Promise.all([asking(12).rest(), never.rest()]);
  t.match(slow, [{ kind: Kind.welcome }, { kind: Kind.answer, id: 1, value: { verdict: 'AC' } }, { kind: Kind.bye }]);
  t.notMatch(stuck, [{}, { kind: Kind.answer }]);
});

t.test('beyond --socket-connections the next one is told so, and a place that is given back is taken', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0', '--socket-connections', '2'] });
  const address = server.address('tcp');
  const [one, two, three] = await Promise.all([connect(address), connect(address), connect(address)]);
  await one.ping();
  await two.ping();
  await t.rejects(three.ping(), { code: 'TURNO_CONNECTIONS' });
  const large = { language: 'python', source: `#${'x'.repeat(2 * STRANGER_PAYLOAD_BYTES)}` };
  await t.rejects(three.submit(large, { wait: false }), { code: 'TURNO_CONNECTIONS' }, 'nor is it sent before');
  await one.close();
  for (;;) {
    const error = await three.ping().then(undefined, (reason: { code: string }) => reason);
    if (error === undefined) break;
    t.equal(error.code, 'TURNO_CONNECTIONS'); // the server has not seen the end of the first yet
  }
  await Promise.all([two.close(), three.close()]);
});

t.test('many large requests over one connection leave nothing behind in the client', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0'] });
  const ada = await client(t, server, server.address('tcp'));
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const large = { language: 'none', source: 'x'.repeat(2 * STRANGER_PAYLOAD_BYTES) };
  const asked = Array.from({ length: 20 }, () => ada.submit(large, { wait: false }).catch(({ code }) => code));
  t.same(new Set(await Promise.all(asked)), new Set(['TURNO_BAD_REQUEST']));
  await new Promise(setImmediate); // a warning is told later
  t.same(warnings, [], 'no listeners for each of them');
});

t.test('more clients than may wait for a stopped front: all are answered when it goes on', async (t) => {
  const server = await startServer(t, { args: ['--socket', join(directory(t), 's')] });
  const [front = 0] = server.fronts;
  process.kill(front, 'SIGSTOP');
  // Node lets 511 wait; the next ones are sent away by the kernel.
  const clients = await Promise.all(Array.from({ length: 600 }, () => connect(server.address('unix'))));
  const pings = clients.map((client) => client.ping());
  await new Promise(setImmediate); // all of them have asked the kernel
  process.kill(front, 'SIGCONT');
  await Promise.all(pings);
  t.pass('600 answers');
  await Promise.all(clients.map((client) => client.close()));
});

t.test('at an orderly end what waits is answered, and what comes later finds nobody', async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0', '--drain'] });
  const ada = await client(t, server, server.address('tcp'));
  const body = { language: 'python', source: 'import time\ntime.sleep(1)\nprint("awake")' };
  const waited = ada.submit(body, { wait: true });
  await ada.ping(); // it is behind the submission: that one has arrived
  const code = server.stop();
  t.match(await waited, { verdict: 'AC', stdout: 'awake\n' });
  t.equal(await code, 0);
  await t.rejects(ada.ping(), { code: 'TURNO_UNREACHABLE' });
});
