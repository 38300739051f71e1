/** The scheduler's thread: sleeps on the bell, looks, and sleeps again. The work is in scheduler.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { takePrecedence } from '../pool/precedence.js';
import { ProcessTable } from '../pool/process-table.js';
import { Scheduler, type SchedulerSetup } from './scheduler.js';

const { processTable, isRealtime, ...options } = workerData as SchedulerSetup;
if (isRealtime) takePrecedence();
new Scheduler(ProcessTable.attach(processTable), options, (cell) => parentPort?.postMessage(cell)).run();
