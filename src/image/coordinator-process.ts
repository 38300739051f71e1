/**
 * A process of its own: the coordinator of one picture, whose job is in its command line.
 *
 * SIGINT, SIGTERM, and the death of whoever started it (PR_SET_PDEATHSIG) interrupt it: it clears up, and ends.
 */

import { native } from '../shm/native.js';
import { Coordinator } from './coordinator.js';
import type { CoordinatorMessage, ImageJob } from './job.js';
import { plainOf } from './plain-error.js';

const SIGTERM = 15;
const job = JSON.parse(process.argv[2] ?? '{}') as ImageJob;
const coordinator = new Coordinator(job, tell);
let isInterrupted = false;

process.on('SIGINT', () => void interrupt());
process.on('SIGTERM', () => void interrupt());
native.setDeathSignal(SIGTERM);
if (process.ppid === job.starter) await run();

async function run(): Promise<void> {
  try {
    tell({ kind: 'done', report: await coordinator.run() });
  } catch (error) {
    if (!isInterrupted) tell({ kind: 'failed', error: plainOf(error) });
  }
  if (!isInterrupted) process.disconnect?.();
}

async function interrupt(): Promise<void> {
  if (isInterrupted) return;
  isInterrupted = true;
  await coordinator.interrupt();
  // Not exit(): that waits for sharp's threads, which may encode for seconds what nobody wants any more.
  process.kill(process.pid, 'SIGKILL');
}

function tell(message: CoordinatorMessage): void {
  if (process.connected) process.send?.(message);
}
