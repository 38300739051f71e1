/** `turno stress` and `turno client` against a real server, by each way in. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { connect } from '../../src/io/connect.js';
import { startServer } from '../start-server.js';
import { cli } from './run-cli.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'turno-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const everyWay = ['--signals', 'on', '--tcp-port', '0', '--socket', join(directory, 's')];
const server = await startServer(t, { args: everyWay });

t.test('one plan, each way in, only --transport changed: nothing is unaccounted for', async (t) => {
  const ways = [server.url, server.address('tcp'), server.address('unix'), server.address('signal')];
  const svg = join(directory, 'plot.svg');
  for (const way of ways) {
    const args = ['stress', '--server', server.url, '--transport', way, '--mix', 'ping=9,hello-python', '--json'];
    const { status, out, err } = await cli(
      [...args, '--duration', '0.5', '--concurrency', '4', '--clients', '2', '--svg', svg],
      { XDG_CONFIG_HOME: directory },
    );
    t.equal(status, 0, err);
    const report = JSON.parse(out);
    t.match(report, { server: way, unanswered: 0, unaccounted: 0 });
    t.strictSame([report.refused, report.errors], [{}, {}]);
    t.equal(report.sent, report.answered.ok + report.answered.AC);
    t.match(readFileSync(svg, 'utf8'), /<svg/);
  }
  const bad = await cli(['stress', '--server', server.url, '--mix', 'nothing'], { XDG_CONFIG_HOME: directory });
  t.match(bad, { status: 2, err: /TURNO_USAGE/ });
  t.equal((await cli(['stress', '--clients', '0', '--server', server.url])).status, 2);
});

t.test('turno client: burst, figures, another plan, report', async (t) => {
  const token = await server.newUser('ada');
  const path = join(t.testdir(), 'plan.json');
  const plan = { server: server.address('signal'), token, mix: [{ name: 'ping', weight: 1 }], requests: 20 };
  writeFileSync(path, JSON.stringify(plan));
  const child = spawn(process.execPath, [MAIN, 'client', path, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  t.match(await next(), { event: 'ready', pid: child.pid });
  child.kill('SIGUSR1');
  t.match(await next(), { event: 'burst-end' });
  child.kill('SIGUSR2');
  const told = await next();
  t.match(told, { event: 'figures', figures: { sent: 20, answered: { ok: 20 } } });
  writeFileSync(path, '{}');
  child.kill('SIGHUP');
  t.match(await next(), { event: 'plan', problem: /server/ });
  writeFileSync(path, JSON.stringify({ ...plan, server: server.url, requests: 5 }));
  child.kill('SIGHUP');
  t.strictSame(await next(), { event: 'plan' });
  child.kill('SIGUSR1');
  t.match(await next(), { event: 'burst-end' });
  child.kill('SIGUSR2');
  const { seconds } = await next();
  t.ok(seconds > told.seconds);
  child.kill('SIGTERM');
  const report = await next();
  t.match(report, { event: 'report', figures: { sent: 25, answered: { ok: 25 }, unanswered: 0 } });
  t.equal(report.seconds, seconds, 'between bursts no time is counted');
  t.same(await once(child, 'exit'), [0, null]);
});

t.test(
  'deaths under load by signals: fronts and cells are killed, every row is final once, all is accounted for',
  async (t) => {
    const server = await startServer(t, { args: ['--signals', 'on', '--fronts', '2', '--max-queued', '6'] });
    const token = await server.register('ada');
    const address = server.address('signal');
    const args = ['stress', '--server', address, '--mix', 'hello-python', '--json', '--duration', '3'];
    const load = cli([...args, '--concurrency', '12', '--clients', '2'], { TURNO_TOKEN: token });
    const client = await connect(address, { token });
    const done = async (n: number) => {
      while (((await client.health().catch(() => undefined))?.done ?? 0) < n) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await done(3);
    for (const { pid } of (await client.turns()).programs) killIfAlive(pid); // process 1 of cells
    await done(6);
    killIfAlive(server.fronts[0] ?? 0);
    const { out } = await load;
    const report = JSON.parse(out);
    t.match(report, { unanswered: 0, unaccounted: 0, refused: { TURNO_TOO_MANY: Number } });
    const answered = Object.values<number>(report.answered).reduce((sum, n) => sum + n, 0);
    const lost = Object.values<number>(report.errors).reduce((sum, n) => sum + n, 0);
    await server.idle();
    const rows = await client.health();
    t.equal(rows.done, rows.rows, 'every row is final');
    t.ok(
      rows.rows >= answered && rows.rows <= answered + lost,
      `${rows.rows} rows, ${answered} answered, ${lost} lost`,
    );
    await client.close();
  },
);

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
