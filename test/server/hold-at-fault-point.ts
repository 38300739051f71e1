/**
 * Preloaded into every process and thread of a server under test (NODE_OPTIONS=--import=...): holds a thread at one fault
 * point until the test lets it go. HOLD_AT names the point, HOLD_FIFO a FIFO: opening it for reading blocks until the test
 * opens it for writing. No thread polls, and nothing in the server knows of it.
 */

import { closeSync, openSync } from 'node:fs';
import { armFaultPoints } from '../../src/shm/fault-points.js';

const { HOLD_AT, HOLD_FIFO } = process.env;

if (HOLD_AT !== undefined && HOLD_FIFO !== undefined) {
  armFaultPoints((point) => {
    if (point === HOLD_AT) closeSync(openSync(HOLD_FIFO, 'r'));
  });
}
