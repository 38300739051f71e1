/** A server of an ordinary user: its programs have the uid of its cells' PID 1. */

import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { cellBinary } from '../../src/shm/native.js';
import { startServer } from '../start-server.js';

const UID = 65_534;
const under = process.getuid?.() === 0 ? ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'] : [];
/** Its files must be readable for that user too. */
const [command = cellBinary, ...args] = [...under, cellBinary, '--check'];
const facts = spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '';
const skip = /"fact": "ordinary user with user namespaces"[^}]*"PASS"/.test(facts)
  ? false
  : 'no sandbox for an ordinary user here';

/** The kernel counts what waits for a program and what waits for PID 1 in one queue, when both have one uid. */
const FULL_QUEUE = `#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  sigset_t all;
  int count = 0;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  while (sigqueue(getpid(), SIGRTMAX, (union sigval){0}) == 0) count++;
  printf("%d\\n", count > 0);
  fflush(stdout);
  for (;;) continue;
}
`;

t.test(
  'a program that fills the queue of signals is stopped for others, and ended, all the same',
  { skip },
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'turno-test-'));
    if (under.length > 0) chownSync(directory, UID, UID);
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const server = await startServer(t, { under, data: join(directory, 'data'), args: ['--lanes', '1'] });
    const token = await server.register('ada');
    const loop = server.judge(token, { language: 'c', source: FULL_QUEUE, limits: { cpuTimeMs: 3_000 } });
    const hello = { language: 'python', source: 'print(1)' };
    for (let count = 0; count < 20; count++) t.match(await server.judge(token, hello), { verdict: 'AC' });
    t.match(await loop, { verdict: 'TLE', stdout: '1\n', compile: { output: '' } });
  },
);
