/**
 * Preloaded into every process and thread of a server under test (NODE_OPTIONS=--import=...): lets pool threads fail. FAIL_FILE
 * is a file the test changes while the server runs: at which fault point, which threads, and how ("runner.before-run runner
 * exit", "journal.before-sync runner saver once EIO"); empty: none. What failed is noted in FAIL_FILE.log.
 */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { armFaultPoints } from '../../src/shm/fault-points.js';

const { FAIL_FILE } = process.env;
const thread = threadName();

if (FAIL_FILE !== undefined && thread !== undefined) {
  armFaultPoints((point) => {
    const words = readFileSync(FAIL_FILE, 'utf8').split(' ');
    if (words[0] !== point || !words.includes(thread)) return;
    const how = words.at(-1);
    if (words.includes('once')) writeFileSync(FAIL_FILE, '');
    appendFileSync(`${FAIL_FILE}.log`, `${thread} ${how}\n`);
    if (how === 'exit') process.exit(3);
    throw Object.assign(new Error(`${how} at ${point}`), { code: how });
  });
}

/** Undefined for threads that are in neither pool. */
function threadName(): 'runner' | 'saver' | undefined {
  if (typeof workerData !== 'object' || workerData === null) return undefined;
  if ('retirement' in workerData) return 'runner';
  return 'savedMarks' in workerData ? 'saver' : undefined;
}
