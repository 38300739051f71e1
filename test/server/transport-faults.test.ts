/**
 * Deaths under each way in: of a front under load, of a client in the middle, of cells. Whatever was accepted has exactly
 * one final row, what was answered is what the row says, and what was lost is counted.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import type { Client } from '../../src/io/client.js';
import { connect } from '../../src/io/connect.js';
import type { SubmissionReply, SubmissionSummary } from '../../src/io/reply-schema.js';
import { childrenOf, sendIfAlive, startServer, type TestServer } from '../start-server.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const SENT = 40;

const HELLO = `#include <stdio.h>
int main(void) { int n; scanf("%d", &n); printf("%d\\n", n); }`;

const body = (n: number) => ({ language: 'c', source: HELLO, stdin: `${n}` });
const SLEEPER = { language: 'python', source: 'import time\ntime.sleep(0.5)\nprint("awake")' };

/** What a server is started with to have a way in. */
const WAYS = {
  http: () => [],
  tcp: () => ['--tcp-port', '0'],
  unix: (directory: string) => ['--socket', join(directory, 's')],
  signal: () => ['--signals', 'on'],
} as const;
type Way = keyof typeof WAYS;

async function start(t: Test, way: Way) {
  const directory = mkdtempSync(join(tmpdir(), 'turno-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const server = await startServer(t, { args: [...WAYS[way](directory), '--fronts', '2'] });
  const address = way === 'http' ? server.url : server.address(way);
  return { server, address, directory };
}

/** Each death has a user, and so rows, of its own. */
async function openAs(t: Test, { server, address }: { server: TestServer; address: string }, name: string) {
  const token = await server.register(name);
  const open = async () => {
    const client = await connect(address, { token });
    t.teardown(() => client.close());
    return client;
  };
  return { token, open };
}

/** All rows of the user, once each. */
async function rowsOf(client: Client): Promise<SubmissionSummary[]> {
  const rows: SubmissionSummary[] = [];
  for (let after: string | undefined; ; ) {
    const page = await client.list({ limit: 100, ...(after === undefined ? {} : { after }) });
    rows.push(...page.submissions);
    if (page.next === null) return rows;
    after = page.next;
  }
}

/** Sends many at once; what became of each. */
async function load(clients: readonly Client[], onAnswer: (count: number) => void) {
  let answers = 0;
  const outcomes = await Promise.all(
    Array.from({ length: SENT }, async (_, n): Promise<SubmissionReply | 'lost'> => {
      try {
        const reply = await (clients[n % clients.length] as Client).submit(body(n), { wait: true });
        onAnswer(++answers);
        return reply;
      } catch (error) {
        if ((error as { code?: string }).code !== 'TURNO_UNREACHABLE') throw error;
        return 'lost';
      }
    }),
  );
  const answered = outcomes.filter((one): one is SubmissionReply => one !== 'lost');
  return { answered, lost: outcomes.length - answered.length };
}

/** One row for each answer, as it was answered; the rest was lost on the way, and no more than that. */
async function account(
  t: Test,
  server: TestServer,
  client: Client,
  answered: readonly SubmissionReply[],
  lost: number,
) {
  await server.idle();
  const rows = await rowsOf(client);
  const byId = new Map(rows.map((row) => [row.id, row]));
  t.equal(byId.size, rows.length, 'no row twice');
  t.same(new Set(rows.map(({ state }) => state)), new Set(['done']), 'every row is final');
  for (const { id, verdict } of answered) t.equal(byId.get(id)?.verdict, verdict, 'the row says what was answered');
  const unanswered = rows.length - answered.length;
  t.ok(unanswered >= 0 && unanswered <= lost, `${rows.length} rows, ${answered.length} answered, ${lost} lost`);
  return rows;
}

// The others with FAULTS=all (npm run test:faults); fronts killed under requests by HTTP are in many.test.ts, too.
const ways = process.env.FAULTS === 'all' ? (Object.keys(WAYS) as Way[]) : (['unix'] as const);
for (const way of ways) {
  t.test(`by ${way}`, (t) => deaths(t, way));
}

async function deaths(t: Test, way: Way) {
  const started = await start(t, way);
  const { server, address, directory } = started;

  await t.test(`${way}: fronts killed under load lose connections, but no submission`, async (t) => {
    const { open } = await openAs(t, started, 'ada');
    const clients = await Promise.all([open(), open(), open(), open()]);
    const kill = (front: number | undefined) => front !== undefined && sendIfAlive(front, 'SIGKILL');
    const { answered, lost } = await load(clients, (count) => {
      if (count === 5) kill(server.fronts[0]);
      if (count === 15) kill(server.fronts[1] ?? server.fronts[0]);
    });
    t.ok(answered.every(({ verdict, stdout }) => verdict === 'AC' && /^\d+\n$/.test(stdout)));
    const again = await open();
    while (
      !(await again.ping().then(
        () => true,
        () => false,
      ))
    ); // a front is on its way
    const rows = await account(t, server, again, answered, lost);
    t.ok(
      rows.every(({ verdict }) => verdict === 'AC'),
      'what was lost was run all the same',
    );
  });

  await t.test(`${way}: a client killed in the middle leaves its submissions to be judged`, async (t) => {
    const { open, token } = await openAs(t, started, 'bob');
    const file = join(directory, 'in');
    writeFileSync(file, `${JSON.stringify(SLEEPER)}\n`.repeat(6));
    const child = spawn(process.execPath, [MAIN, 'batch', file], {
      env: { ...process.env, TURNO_SERVER: address, TURNO_TOKEN: token },
      stdio: 'ignore',
    });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    const client = await open();
    while ((await rowsOf(client)).length < 6);
    child.kill('SIGKILL');
    await gone;
    await server.idle();
    const rows = await rowsOf(client);
    t.equal(rows.length, 6);
    t.ok(rows.every(({ verdict }) => verdict === 'AC'));
  });

  await t.test(`${way}: cells killed under load: every submission is answered`, async (t) => {
    const { open } = await openAs(t, started, 'cleo');
    const clients = await Promise.all([open(), open()]);
    const { answered, lost } = await load(clients, (count) => {
      if (count % 10 !== 5) return;
      for (const front of server.fronts) for (const keeper of childrenOf(front)) sendIfAlive(keeper, 'SIGKILL');
    });
    t.equal(lost, 0);
    t.equal(answered.length, SENT);
    const rows = await account(t, server, clients[0] as Client, answered, 0);
    t.equal(rows.length, SENT);
    t.ok(rows.every(({ verdict }) => verdict === 'AC' || verdict === 'SE' || verdict === 'CE'));
    t.match(
      await (clients[0] as Client).submit(body(1), { wait: true }),
      { verdict: 'AC' },
      'and the next one is judged',
    );
  });
}
