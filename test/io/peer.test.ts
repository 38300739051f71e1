/** Who may be rung, and what becomes of a ring when the queue of signals is full. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
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
  t.equal(peer.ring(7), true);
  child.kill('SIGCONT');
  const [heard] = await once(child.stdout, 'data');
  t.equal(String(heard), 'rung\n');
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
  t.equal(peer.ring(1), false);
  peer.close();
  t.match(Peer.find(name, UID), /has ended/);
});
