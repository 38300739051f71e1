/** Who may be rung, and what becomes of a ring when the queue of signals is full. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Test, t } from 'tap';
import { Peer, processNamed } from '../../src/io/peer.js';
import { native } from '../../src/shm/native.js';

const OTHER_SIGNAL = 61;
const UID = process.getuid?.() ?? 0;

/** A shell that says `rung` for the mailbox's signal, and has room for few signals that wait. */
async function shell(t: Test) {
  // Traps run between two reads: a bash that waits for a child would leave that behind.
  const script = `ulimit -i 16; trap : ${OTHER_SIGNAL}; trap 'echo rung' 36; echo ready; while :; do read -t 0.02 x; done`;
  const child = spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const name = processNamed(child.pid ?? 0);
  if (name === undefined) throw new Error('no shell');
  return { child, name };
}

t.test('a ring that finds the queue full is rung again until it is heard', async (t) => {
  const { child, name } = await shell(t);
  const peer = Peer.find(name, UID);
  if (typeof peer === 'string') throw new Error(peer);
  t.teardown(() => peer.close());
  const fd = native.openProcess(name.pid);
  t.teardown(() => closeSync(fd));
  child.kill('SIGSTOP'); // it takes nothing from its queue
  const fill = () => {
    for (let i = 0; i < 1_000; i++) native.ringProcess(fd, OTHER_SIGNAL, 0);
  };
  t.throws(fill, { code: 'EAGAIN' });
  peer.ring(7);
  child.kill('SIGCONT');
  const [heard] = await once(child.stdout, 'data');
  t.equal(String(heard), 'rung\n');
});

t.test('rings in one go of the event loop are one signal, and none is lost by closing', async (t) => {
  // Takes signals one by one, as they were queued: a handler would not say how many there were.
  const script = `
import signal
signal.signal(36, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [36, ${OTHER_SIGNAL}])
print('ready', flush=True)
while True: print(signal.sigwaitinfo([36, ${OTHER_SIGNAL}]).si_signo, flush=True)`;
  const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const name = processNamed(child.pid ?? 0);
  if (name === undefined) throw new Error('no child');
  const peer = Peer.find(name, UID);
  if (typeof peer === 'string') throw new Error(peer);
  const fd = native.openProcess(name.pid);
  t.teardown(() => closeSync(fd));
  const heard: string[] = [];
  const hear = async () => {
    native.ringProcess(fd, OTHER_SIGNAL, 0); // comes after all of a lower number
    for (let line = await lines.next(); ; line = await lines.next()) {
      heard.push(String(line.value));
      if (heard.at(-1) === String(OTHER_SIGNAL)) return;
    }
  };
  for (const slot of [1, 2, 3]) peer.ring(slot);
  await new Promise(setImmediate);
  await hear();
  for (const slot of [4, 5]) peer.ring(slot);
  peer.close();
  await hear();
  t.same(heard, ['36', String(OTHER_SIGNAL), '36', String(OTHER_SIGNAL)]);
});

t.test('no peer: another start time, another uid, no handler, ended, no pid at all', async (t) => {
  const { child, name } = await shell(t);
  t.match(Peer.find({ ...name, startTime: name.startTime + 1n }, UID), /is another one/);
  t.match(Peer.find({ pid: 1, startTime: processNamed(1)?.startTime ?? 0n }, UID), /no handler|belongs to/);
  t.match(Peer.find({ pid: 0, startTime: 0n }, UID), /EINVAL/);
  const peer = Peer.find(name, UID);
  if (typeof peer === 'string') throw new Error(peer);
  t.equal(peer.isAlive, true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.equal(peer.isAlive, false);
  const told = new Promise<void>((resolve) => {
    peer.onEnded = resolve;
  });
  peer.ring(1);
  await told;
  peer.close();
  t.match(Peer.find(name, UID), /has ended/);
});
