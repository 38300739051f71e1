/** The watchdog's thread: sleeps, looks, and sleeps again. The work is in shm/watchdog.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { attachTable } from '../shm/table.js';
import { Watchdog } from '../shm/watchdog.js';
import type { LockWatchSetup } from './lock-watch.js';

const { table: buffer, stop, lookMs } = workerData as LockWatchSetup;
const watchdog = new Watchdog(attachTable(buffer));
while (Atomics.wait(stop, 0, 0, lookMs) === 'timed-out') {
  for (const done of watchdog.look()) parentPort?.postMessage(done);
}
