/** `turno snapshot` and SIGUSR2 at a running server; temporary files a dead one left. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { t } from 'tap';
import { openTable } from '../../src/shm/open.js';
import { openSnapshot } from '../../src/shm/rebuilding.js';
import { cli } from '../cli/run-cli.js';
import { startServer } from '../start-server.js';

const HELLO = { language: 'python', source: 'print("hello")' };
const snapshotsIn = (data: string) => readdirSync(join(data, 'snapshots')).filter((name) => name.endsWith('.turno'));

t.test('one data directory', async (t) => {
  let server = await startServer(t, { args: ['--snapshots', '3'] });
  const { data } = server;
  const start = () => startServer(t, { data });
  const token = await server.register('ada');
  let newest = '';

  await t.test('turno snapshot prints the path of a snapshot that holds everything; the last k are kept', async (t) => {
    const paths: string[] = [];
    for (let n = 1; n <= 4; n++) {
      newest = (await server.judge(token, HELLO)).id;
      const { status, out, err } = await cli(['snapshot', server.data]);
      t.same([status, err], [0, '']);
      paths.push(out.trim());
      const snapshot = openSnapshot(out.trim());
      t.match(snapshot.counts(), { rows: n, done: n });
      snapshot.close();
    }
    t.same(
      paths.map((path) => existsSync(path)),
      [false, true, true, true],
    );
    // Two at once are one, or at most the second follows the first: each asker gets the name of one that is there.
    const both = await Promise.all([cli(['snapshot', server.data]), cli(['snapshot', server.data])]);
    for (const { out } of both)
      t.ok(
        snapshotsIn(server.data).some((name) => out.trim().endsWith(name)),
        out,
      );
    await server.stop();
    t.match(await cli(['snapshot', server.data]), { status: 2, err: /TURNO_NOT_FOUND/ }, 'nobody serves');
  });

  await t.test('temporary files of a dead server are removed at the next start, and nothing else', async (t) => {
    const id = newest;
    const part = join(data, 'sources', id.slice(0, 2));
    const stale = [`${id}.request.123-0-abc.tmp`, `${id}.request.123-1-x1y2.tmp`].map((name) => join(part, name));
    mkdirSync(join(data, 'responses', 'ab'), { recursive: true });
    stale.push(join(data, 'responses', 'ab', `${id}.99-7-zz.tmp`));
    const ofUser = join(part, `${id}-notes.1-0-abc.tmp`);
    for (const path of [...stale, ofUser]) {
      writeFileSync(path, 'half');
      utimesSync(path, 1_000, 1_000);
    }
    server = await start();
    await server.logged(/"files":3.*temporary files/);
    t.same(stale.map(existsSync), [false, false, false]);
    t.ok(existsSync(ofUser), 'a name a user chose is no temporary one');
    t.equal((await server.show(token, id)).verdict, 'AC');
  });

  await t.test(
    'a table without journal and snapshots beside it: one is written before the server takes anything',
    async (t) => {
      const reply = await server.show(token, newest);
      await server.stop();
      for (const name of ['journal', 'snapshots']) rmSync(join(data, name), { recursive: true, force: true });
      server = await start();
      await server.logged(/without its journal/);
      t.equal(snapshotsIn(data).length, 1);
      t.same(await server.show(token, newest), reply);
    },
  );

  await t.test('a snapshot that cannot be written: the asker is told why, and the last one stands', async (t) => {
    const first = await cli(['snapshot', server.data]);
    const before = snapshotsIn(server.data);
    t.ok(before.includes(basename(first.out.trim())));
    // A damaged answer: what the snapshot copies is looked at, and it does not become one.
    const fd = openSync(join(server.data, 'table.turno'), 'r+');
    const found = openTable({ path: join(server.data, 'table.turno'), create: false });
    writeSync(fd, Buffer.from('damage'), 0, 6, found.offsetOf(0) + 100);
    found.close();
    closeSync(fd);
    const second = await cli(['snapshot', server.data]);
    t.match(second, { status: 1, out: '', err: /no snapshot: .*damaged|checksum/ });
    t.same(snapshotsIn(server.data), before);
    t.equal((await server.judge(await server.register('bob'), HELLO)).verdict, 'AC', 'the server goes on');
  });
});
