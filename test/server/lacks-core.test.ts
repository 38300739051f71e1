/** A process that has SIGSTOP before it and no core to stop on is told from one that has stopped, sleeps, or is gone. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { t } from 'tap';
import { statOf } from '../../src/proc-stat.js';
import { lacksCore } from '../../src/server/lacks-core.js';
import { childrenOf } from '../start-server.js';

const stateOf = (pid: number) => statOf(pid)?.[0];

/** A shell with one child that burns on core 0, below everything; and one of normal priority that has that core. */
async function starving() {
  const burn = 'while :; do :; done';
  const shell = spawn('sh', ['-c', `taskset -c 0 chrt -i 0 sh -c '${burn}' & wait`], { stdio: 'ignore' });
  const other = spawn('taskset', ['-c', '0', 'sh', '-c', burn], { stdio: 'ignore' });
  t.teardown(async () => {
    for (const pid of childrenOf(shell.pid ?? 0)) process.kill(pid, 'SIGKILL');
    other.kill('SIGKILL');
    if (shell.exitCode === null) await once(shell, 'exit');
  });
  let child: number | undefined;
  for (; child === undefined; await delay(5)) {
    child = childrenOf(shell.pid ?? 0).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sh'));
  }
  return { shell: shell.pid ?? 0, child };
}

t.test('as long as it cannot stop for want of a core, and no longer', async (t) => {
  const { shell, child } = await starving();
  t.notOk(lacksCore(shell), 'nobody has told it to stop');
  let hasLacked = false;
  while (!hasLacked) {
    process.kill(child, 'SIGSTOP');
    // Sometimes it has the core just then: let go on, and stopped again.
    for (; stateOf(child) !== 'T'; await delay(0)) hasLacked ||= lacksCore(shell);
    t.notOk(lacksCore(shell), 'it has stopped');
    process.kill(child, 'SIGCONT');
    await delay(1);
  }
  t.ok(hasLacked);
  t.notOk(lacksCore(2 ** 22 + 1), 'there is no such process');
});
