/** SIGUSR1 at any process of the server goes on to every program that is alive, running or stopped. */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { t } from 'tap';
import { descendantsOf, startServer } from '../start-server.js';

const COUNTER = `
import signal
count = 0
def one_more(number, frame):
    global count
    count += 1
signal.signal(signal.SIGUSR1, one_more)
while count == 0:
    pass
print("SIGUSR1", count)
`;
/** It handles another signal, so that one sees when it has begun. */
const LOOP = `
import signal
signal.signal(signal.SIGUSR2, lambda number, frame: None)
while True:
    pass
`;

const submission = (source: string) => ({ language: 'python', source, limits: { cpuTimeMs: 60_000 } });

/** Whether a process is a Python program with a handler for the signal, as the kernel tells. */
function handles(pid: number, signal: 'SIGUSR1' | 'SIGUSR2'): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const caught = BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(status)?.[1] ?? 0}`);
    return /^Name:\s*python/m.test(status) && ((caught >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
  } catch {
    return false; // it has ended meanwhile
  }
}

t.test('it reaches running and stopped programs alike, and ends those that do not expect it', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '1'] });
  const token = await server.register('ada');
  const handling = (signal: 'SIGUSR1' | 'SIGUSR2') =>
    descendantsOf(server.pid).filter((pid) => handles(pid, signal)).length;
  for (const [name, pid] of [
    ['the primary', server.pid],
    ['a front', server.fronts[0] ?? 0],
  ] as const) {
    const answers = [COUNTER, COUNTER, LOOP].map((source) => server.judge(token, submission(source)));
    while (handling('SIGUSR1') < 2 || handling('SIGUSR2') < 1) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(pid, 'SIGUSR1');
    const [first, second, other] = await Promise.all(answers);
    t.match(first, { verdict: 'AC', stdout: 'SIGUSR1 1\n' }, name);
    t.match(second, { verdict: 'AC', stdout: 'SIGUSR1 1\n' }, name);
    t.match(other, { verdict: 'RE', signal: 'SIGUSR1' }, 'its default is to end');
    t.equal((await server.request('GET', '/v1/health')).status, 200, 'the server goes on');
  }
});
