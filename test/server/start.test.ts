/** Starting and ending: one server a directory, signals, the table mapped back in. */

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { t } from 'tap';
import { openTable } from '../../src/shm/open.js';
import { StartFailure, startServer } from '../start-server.js';

t.test('one server, from its start to the next', async (t) => {
  const server = await startServer(t);
  const token = await server.register('grace');
  const before = await server.judge(token, { language: 'python', source: 'print("x" * 5000)' });

  await t.test('the start-up line says where, who, what and how', async (t) => {
    t.match(server.startLine, /http:\/\/127\.0\.0\.1:\d+/);
    t.match(server.startLine, new RegExp(`pid ${server.pid}`));
    t.match(server.startLine, /0 rows/);
    t.match(server.startLine, /sandbox/);
    t.match(server.startLine, /python \(/);
  });

  await t.test('a second server on the same directory is refused, and the first goes on', async (t) => {
    const failure = await startServer(t, { data: server.data }).catch((error) => error);
    t.ok(failure instanceof StartFailure);
    t.match(failure.log, /TURNO_DATA_LOCKED/);
    t.match(failure.log, new RegExp(`pid ${server.pid}`));
    t.equal((await server.request('GET', '/v1/health')).status, 200);
  });

  await t.test('SIGUSR2 writes a snapshot and logs where, whichever process it reaches', async (t) => {
    const written = () => [...server.log.matchAll(/"path":"([^"]+)".*snapshot written/g)].map(([, path = '']) => path);
    const [front] = server.fronts;
    if (front === undefined) throw new Error('no front');
    for (const pid of [server.pid, front]) {
      const { length } = written();
      process.kill(pid, 'SIGUSR2');
      while (written().length === length) await delay(5);
      t.ok(existsSync(written().at(-1) ?? ''));
    }
    process.kill(front, 'SIGINT');
    process.kill(front, 'SIGTERM');
    await server.request('GET', '/v1/health');
    t.equal(server.fronts.length, 1, 'SIGINT and SIGTERM to a front are left to the primary');
  });

  await t.test('the pid file goes with the server', async (t) => {
    t.equal(readFileSync(join(server.data, 'turno.pid'), 'utf8').trim(), String(server.pid));
    t.equal(await server.stop(), 0);
    t.notOk(existsSync(join(server.data, 'turno.pid')));
  });

  await t.test('what was done is there after a restart, response included', async (t) => {
    const second = await startServer(t, { data: server.data });
    t.match(second.startLine, /1 rows?/);
    t.same(await second.show(token, before.id), before);
  });
});

t.test('a submission accepted by one front is read from another, and after its death', async (t) => {
  const server = await startServer(t, { args: ['--fronts', '2'] });
  const token = await server.register('alan');
  const reply = await server.judge(token, { language: 'python', source: 'print("shared")' });
  // Connections are spread by the kernel: new ones until both fronts have answered.
  const seen = new Set<number>();
  for (let i = 0; i < 200 && seen.size < 2; i++) {
    const answer = await fetch(`${server.url}/v1/submissions/${reply.id}`, {
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
    });
    t.same(await answer.json(), reply);
    const health = await fetch(`${server.url}/v1/health`, { headers: { connection: 'close' } });
    seen.add(((await health.json()) as { pid: number }).pid);
  }
  t.equal(seen.size, 2, 'both fronts answered');
  for (const front of server.fronts) {
    process.kill(front, 'SIGKILL');
    await server.logged(new RegExp(`"pid":${front}.*front died`));
  }
  for (;;) {
    const answer = await server.request('GET', `/v1/submissions/${reply.id}`, { token }).catch(() => undefined);
    if (answer === undefined) continue; // no front listens yet
    t.same(answer.body, reply);
    break;
  }
});

t.test('a table file that is none, or of a newer version, is refused and not touched', async (t) => {
  const data = join(t.testdir(), 'data');
  mkdirSync(data);
  const path = join(data, 'table.turno');
  writeFileSync(path, Buffer.alloc(1 << 20, 'x'));
  const failure = await startServer(t, { data }).catch((error) => error);
  t.ok(failure instanceof StartFailure);
  t.match(failure.log, /TURNO_TABLE_NOT_A_TABLE/);
  t.equal(readFileSync(path).length, 1 << 20, 'the file is as it was');
  t.equal(readFileSync(path)[0], 'x'.charCodeAt(0));
});

t.test('a table of a newer layout is refused', async (t) => {
  const data = join(t.testdir(), 'data');
  mkdirSync(data);
  const path = join(data, 'table.turno');
  openTable({ path, create: true }).closeClean();
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.from([0xff, 0, 0, 0]), 0, 4, LAYOUT_VERSION_OFFSET);
  closeSync(fd);
  const failure = await startServer(t, { data }).catch((error) => error);
  t.match(failure.log, /TURNO_TABLE_LAYOUT/);
});

/** The version follows the 8 bytes of magic. */
const LAYOUT_VERSION_OFFSET = 8;

t.test('an unknown flag or TURNO_ variable is refused with the nearest name', async (t) => {
  const flag = await startServer(t, { args: ['--lnes', '2'] }).catch((error) => error);
  t.match(flag.log, /--lanes/);
  const variable = await startServer(t, { env: { TURNO_LNES: '2' } }).catch((error) => error);
  t.match(variable.log, /TURNO_LANES/);
});
