/** The thread that takes care of the table: orders in, reports out. The work is in care.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { TurnoError } from '../errors.js';
import { attachTable } from '../shm/table.js';
import { Care, type CareOrder } from './care.js';
import type { CareSetup } from './caretaker.js';

const LOOK_MS = 1_000;

const { table: buffer, stop, ...options } = workerData as CareSetup;
const table = attachTable(buffer);
const checkStop = () => {
  if (Atomics.load(stop, 0) !== 0) throw new TurnoError('TURNO_STOPPING');
};
const care = new Care(table, options, (report) => parentPort?.postMessage(report), checkStop);
care.begin();
const looks = setInterval(() => care.look(), LOOK_MS);
parentPort?.on('message', ({ kind }: CareOrder) => {
  switch (kind) {
    case 'snapshot':
      care.snapshot();
      return;
    case 'stop':
      clearInterval(looks);
      table.close();
      parentPort?.close(); // nothing is left to wait for: the thread ends
  }
});
