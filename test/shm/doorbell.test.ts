import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { constants as os } from 'node:os';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { native } from '../../src/shm/native.js';

const SIGNAL = 60;
/** A closed bell leaves its signal ignored, and a shell cannot trap what it finds ignored. */
const OTHER_SIGNAL = 61;

/** A bell does not keep the event loop alive. */
let alive: NodeJS.Timeout | undefined;

/** Opens a bell of 64 bits; `rung` resolves with the bits at the next ring. */
function openBell() {
  const bits = new Int32Array(new SharedArrayBuffer(8));
  let heard: (bits: number[]) => void = () => undefined;
  let rings = 0;
  clearInterval(alive);
  alive = setInterval(() => undefined, 1_000);
  native.openBell(SIGNAL, bits, () => {
    rings++;
    heard([Atomics.exchange(bits, 0, 0), Atomics.exchange(bits, 1, 0)]);
  });
  return {
    rung: () =>
      new Promise<number[]>((resolve) => {
        heard = resolve;
      }),
    rings: () => rings,
  };
}

async function closeBell(): Promise<void> {
  native.closeBell();
  clearInterval(alive);
  await turnOfTheLoop();
  await turnOfTheLoop();
}

t.test('many rings before the loop comes round are one call with all their bits', async (t) => {
  t.teardown(closeBell);
  const bell = openBell();
  const rung = bell.rung();
  for (let i = 0; i < 1_000; i++) for (const value of [0, 31, 32, 63]) native.queueSignal(process.pid, SIGNAL, value);
  t.same(await rung, [1 | (1 << 31), 1 | (1 << 31)]);
  await turnOfTheLoop();
  t.equal(bell.rings(), 1);
  const again = bell.rung();
  native.queueSignal(process.pid, SIGNAL, 5);
  t.same(await again, [1 << 5, 0], 'it rings again after it was heard');
});

t.test('a ring without a payload in range sets nothing and is counted', async (t) => {
  t.teardown(closeBell);
  const bell = openBell();
  const before = native.strayRings();
  for (const value of [64, 1_000_000, -1, -2_147_483_648]) native.queueSignal(process.pid, SIGNAL, value);
  process.kill(process.pid, SIGNAL);
  const rung = bell.rung();
  native.queueSignal(process.pid, SIGNAL, 1);
  t.same(await rung, [2, 0]);
  t.equal(native.strayRings() - before, 5);
});

t.test('a process has one bell; after its end a late ring is ignored, and another can be opened', async (t) => {
  openBell();
  t.throws(() => native.openBell(SIGNAL, new Int32Array(1), () => undefined), { code: 'EBUSY' });
  await closeBell();
  native.queueSignal(process.pid, SIGNAL, 1); // without the handler this would be the end of the process
  t.throws(() => native.openBell(9, new Int32Array(1), () => undefined), { code: 'EINVAL', syscall: 'sigaction' });
  await closeBell();
  await turnOfTheLoop();
  t.teardown(closeBell);
  const bell = openBell();
  const rung = bell.rung();
  native.queueSignal(process.pid, SIGNAL, 0);
  t.same(await rung, [1, 0]);
});

t.test('a thread that ends takes its bell with it', async (t) => {
  const script = `const { native } = await import(${JSON.stringify(new URL('../../src/shm/native.js', import.meta.url).href)});
    native.openBell(${SIGNAL}, new Int32Array(new SharedArrayBuffer(8)), () => undefined);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const [status] = await once(worker, 'exit');
  t.equal(status, 0);
  native.queueSignal(process.pid, SIGNAL, 1);
  t.teardown(closeBell);
  openBell();
});

t.test('a pidfd rings that process, says when it has ended, and a full queue is EAGAIN', async (t) => {
  // With a trap, or the first ring would be its end, stopped or not; stopped it takes nothing from its queue. The queue is
  // one for all processes of a user: only this child's own limit is made small.
  const child = spawn('bash', ['-c', `ulimit -i 16; trap : ${OTHER_SIGNAL}; echo ready; read line`]);
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  const fd = native.openProcess(pid);
  t.teardown(() => closeSync(fd));
  child.kill('SIGSTOP');
  const fill = () => {
    for (let i = 0; i < 1_000; i++) native.ringProcess(fd, OTHER_SIGNAL, i);
  };
  t.throws(fill, { code: 'EAGAIN', errno: os.errno.EAGAIN });
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.equal(native.ringProcess(fd, OTHER_SIGNAL, 1), false);
  t.equal(native.openProcess(pid), -1);
});
