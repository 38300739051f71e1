/** A disk that fills up, becomes read-only, and has room again: refused with 507 meanwhile, and what is there is read. */

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { fillUp, fillUpTo, made, NO_MOUNT, remount, smallDisk } from '../small-disk.js';
import { type Json, StartFailure, startServer, type TestServer } from '../start-server.js';

const HELLO = { language: 'python', source: 'print("hello")' };
const ARGS = ['--max-rows', '1000'];

const health = async (server: TestServer): Promise<Json> => (await server.request('GET', '/v1/health')).body;

/** Waits until the server refuses new work for this reason; null: until it takes it. */
async function refuses(server: TestServer, code: string | null): Promise<Json> {
  for (;;) {
    const found = await health(server);
    if (found.refuses === code) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const submit = (server: TestServer, token: string) =>
  server.request('POST', '/v1/submissions?wait=true', { token, body: HELLO });

t.test('below the floor new work is refused before writes fail; old answers are read, and room ends it', async (t) => {
  const disk = smallDisk(t, 192);
  if (disk === undefined) {
    t.pass('a small disk', NO_MOUNT);
    return;
  }
  const server = await startServer(t, { data: join(disk, 'data'), args: [...ARGS, '--fronts', '2'] });
  const token = await server.register('ada');
  const { id } = await server.judge(token, HELLO);
  const before = await health(server);
  t.ok(before.freeBytes > 64 * 1_048_576 && before.freeBytes < 192 * 1_048_576, `${before.freeBytes} bytes free`);
  t.equal(before.refuses, null);

  fillUpTo(join(disk, 'ballast'), 32);
  const low = await refuses(server, 'TURNO_DISK_LOW');
  t.ok(low.freeBytes < 64 * 1_048_576, `${low.freeBytes} bytes free`);
  t.match(await submit(server, token), { status: 507, body: { error: { code: 'TURNO_DISK_LOW', message: /64/ } } });
  const registration = await server.request('POST', '/v1/users', { body: { name: 'bob' } });
  t.match(registration, { status: 507, body: { error: { code: 'TURNO_DISK_LOW' } } });
  t.match(await server.show(token, id), { verdict: 'AC', stdout: 'hello\n' });
  await server.logged(/"freeBytes":\d+.*"refuses":"TURNO_DISK_LOW".*refused/);

  rmSync(join(disk, 'ballast'));
  await refuses(server, null);
  t.match(await submit(server, token), { status: 200, body: { verdict: 'AC' } });
  t.equal((await health(server)).rows, 2, 'what was refused has no row');
  await server.logged(/"freeBytes":\d+.*new submissions are taken/);
});

t.test(
  'without a floor a full disk refuses the first write that fails, and room ends it; a read-only one the start',
  async (t) => {
    const disk = smallDisk(t, 128);
    if (disk === undefined) {
      t.pass('a small disk', NO_MOUNT);
      return;
    }
    const server = await startServer(t, { data: join(disk, 'data'), args: [...ARGS, '--min-free-mib', '0'] });
    const token = await server.register('ada');
    const { id } = await server.judge(token, HELLO);
    fillUp(join(disk, 'ballast'));
    t.match(await submit(server, token), { status: 507, body: { error: { code: 'TURNO_DISK_FULL' } } });
    t.match(await server.show(token, id), { verdict: 'AC', stdout: 'hello\n' });
    t.match(
      await cli(['snapshot', server.data]),
      { status: 1, err: /no snapshot: .*no space left/ },
      'the asker is told',
    );
    t.same(
      readdirSync(join(server.data, 'snapshots')).filter((name) => name.startsWith('making')),
      [],
      'nothing is left of it',
    );
    rmSync(join(disk, 'ballast'));
    await refuses(server, null);
    t.match(await submit(server, token), { status: 200, body: { verdict: 'AC' } });
    t.match(await cli(['snapshot', server.data]), { status: 0 });

    await server.stop();
    remount(disk, 'ro');
    const failure = await startServer(t, { data: server.data, args: ARGS }).catch((error) => error);
    remount(disk, 'rw');
    t.ok(failure instanceof StartFailure, 'on a read-only disk the start is refused, and says why');
    t.match(failure.log, /TURNO_DISK_REFUSES/);
  },
);

t.test('a directory that becomes read-only: new work is refused at once, and taken when it is writable', async (t) => {
  const data = smallDisk(t, 128);
  const sources = data && smallDisk(t, 8, made(join(data, 'sources')));
  if (data === undefined || sources === undefined) {
    t.pass('a small disk', NO_MOUNT);
    return;
  }
  const server = await startServer(t, { data, args: [...ARGS, '--min-free-mib', '1'] });
  const token = await server.register('ada');
  const { id } = await server.judge(token, HELLO);
  remount(sources, 'ro');
  // The primary may not have looked yet: then the saver meets it.
  t.match(await submit(server, token), { status: 507, body: { error: { code: 'TURNO_DISK_REFUSES' } } });
  await refuses(server, 'TURNO_DISK_REFUSES');
  t.match(await submit(server, token), { status: 507, body: { error: { message: /read-only/ } } });
  t.match(await server.show(token, id), { verdict: 'AC', stdout: 'hello\n' });
  t.equal((await server.request('GET', `/v1/submissions/${id}/source`, { token })).body, HELLO.source);
  remount(sources, 'rw');
  await refuses(server, null);
  t.match(await submit(server, token), { status: 200, body: { verdict: 'AC' } });
});
