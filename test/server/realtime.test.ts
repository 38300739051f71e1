/** Who goes before everything else on the machine: the scheduler and the runners, and nothing that they start. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Test, t } from 'tap';
import { statOf } from '../../src/proc-stat.js';
import { descendantsOf, startServer, type TestServer } from '../start-server.js';

const isRoot = process.getuid?.() === 0;
const mayGoFirst = spawnSync('chrt', ['--rr', '1', 'true']).status === 0;
const skip = isRoot && mayGoFirst ? false : 'needs root, chrt and a kernel that gives real-time priority here';
const needsSetpriv = existsSync('/usr/bin/setpriv') ? skip : 'needs setpriv';
/** Asked by the program itself: what it is under. */
const POLICY = { language: 'python', source: 'import os\nprint(os.sched_getscheduler(0) == os.SCHED_IDLE)' };

/** Real-time threads of each process of a server; those without any are left out. */
function realtimeThreads(server: TestServer): Record<string, number> {
  const found: Record<string, number> = {};
  for (const pid of [server.pid, ...descendantsOf(server.pid)]) {
    const threads = threadsOf(pid).filter((thread) => isRealtime(pid, thread));
    if (threads.length === 0) continue;
    const name =
      pid === server.pid
        ? 'primary'
        : /front\.js/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
          ? 'front'
          : 'other';
    found[name] = (found[name] ?? 0) + threads.length;
  }
  return found;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // a process of a cell, which has ended meanwhile
  }
}

function isRealtime(pid: number, thread: string): boolean {
  const policy = statOf(`${pid}/task/${thread}`)?.[38];
  return policy !== undefined && policy !== '0' && policy !== '5';
}

async function judged(t: Test, server: TestServer): Promise<void> {
  t.match(await server.judge(await server.register('ada'), POLICY), { verdict: 'AC', stdout: 'True\n' });
}

t.test('the scheduler and every runner are, whatever they start is not', { skip }, async (t) => {
  const server = await startServer(t, { args: ['--runners', '2'] });
  await judged(t, server);
  // The server is ready when one of its runners is.
  while ((realtimeThreads(server).front ?? 0) < 2) await delay(10);
  t.strictSame(realtimeThreads(server), { primary: 1, front: 2 });
});

t.test('nobody is with --realtime off', { skip }, async (t) => {
  const server = await startServer(t, { args: ['--realtime', 'off'] });
  await judged(t, server);
  t.strictSame(realtimeThreads(server), {});
});

t.test('where the kernel refuses it is said, and all goes on', { skip: needsSetpriv }, async (t) => {
  const under = ['setpriv', '--inh-caps=-sys_nice', '--bounding-set=-sys_nice'];
  const server = await startServer(t, { under });
  await judged(t, server);
  t.strictSame(realtimeThreads(server), {});
  await server.logged(/no real-time priority/);
});
