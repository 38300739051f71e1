/** Who sleeps until somebody else does something, and who may wake by itself. */

import { spawn } from 'node:child_process';
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Test, t } from 'tap';
import { stillnessOf } from '../../src/pool/stillness.js';
import { native } from '../../src/shm/native.js';

/** A shell in the place of a cell's PID 1; its children have a pipe nobody writes to as stdin. */
function start(t: Test, script: string): { ready: Promise<unknown>; pid: number } {
  const [ours, theirs] = native.pipe(false);
  const cell = spawn('/bin/sh', ['-c', `${script} & wait`], {
    stdio: [theirs, 'ignore', 'pipe', theirs],
    detached: true,
  });
  const ready = new Promise((resolve) => cell.stderr?.once('data', resolve));
  closeSync(theirs);
  t.teardown(() => {
    process.kill(-(cell.pid ?? 0), 'SIGKILL');
    closeSync(ours);
  });
  return { ready, pid: cell.pid ?? 0 };
}

/** Looks until it says something, which a process that has just been started does a moment later. */
async function still(pid: number): Promise<string> {
  for (;;) {
    const found = stillnessOf(pid);
    if (found !== undefined) return found;
    await setTimeout(5);
  }
}

/** When all threads of its children sleep, and go on to. */
async function asleep(pid: number): Promise<void> {
  let before = '';
  for (;;) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean);
    const seen = children.flatMap((child) =>
      readdirSync(`/proc/${child}/task`).map((tid) => readFileSync(`/proc/${child}/task/${tid}/status`, 'latin1')),
    );
    const now = seen.map((status) => status.replace(/^(?!State|Pid|.*ctxt_switches).*\n/gm, '')).join('');
    if (now !== '' && now === before && !/State:\t[^S]/.test(now)) return;
    before = now;
    await setTimeout(50);
  }
}

t.test('a program in a read of an empty pipe is still, and says the same as long as it does not move', async (t) => {
  const { pid } = start(t, 'cat <&3');
  const found = await still(pid);
  t.equal(stillnessOf(pid), found);
});

t.test('so are two of which one waits for the other', async (t) => {
  const { pid } = start(t, 'python3 -c \'import subprocess; subprocess.run(["cat"])\' <&3');
  t.match(await still(pid), / /, 'both are looked at');
});

t.test('whoever sleeps for a time, waits with a time limit or has an alarm may wake', async (t) => {
  // Each says "ready" when nothing but its wait is left.
  const python = (before: string, wait: string) =>
    `python3 -c 'import select, signal, sys, threading, time; ${before}; print("ready", file=sys.stderr, flush=True); ${wait}' <&3`;
  const alarm = 'signal.signal(signal.SIGALRM, print); signal.alarm(1000)';
  const thread = 'threading.Thread(target=time.sleep, args=(1000,)).start()';
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['a sleep', python('pass', 'time.sleep(1000)'), false],
    ['a select with a time limit', python('pass', 'select.select([0], [], [], 1000)'), false],
    ['an alarm to come', python(alarm, 'sys.stdin.read()'), false],
    ['an alarm that is blocked', python('signal.pthread_sigmask(signal.SIG_BLOCK, [14])', 'sys.stdin.read()'), false],
    ['a thread that sleeps', python(thread, 'sys.stdin.read()'), false],
    ['a select without', python('pass', 'select.select([0], [], [])'), true],
    ['a read', python('pass', 'sys.stdin.read()'), true],
    ['a thread that reads', python('t = threading.Thread(target=sys.stdin.read); t.start()', 't.join()'), true],
  ];
  await Promise.all(
    cases.map(async ([name, script, isStill]) => {
      const { ready, pid } = start(t, script);
      await ready;
      await asleep(pid);
      t.equal(stillnessOf(pid) !== undefined, isStill, name);
    }),
  );
});

t.test('where nobody runs nobody is still', async (t) => {
  t.equal(stillnessOf(process.pid), undefined);
});
