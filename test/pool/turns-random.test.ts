/**
 * The promises of turns.ts under random schedules. `SCHEDULES=10000 npm test -- test/pool/turns-random.test.ts` is the long
 * form; `SEED=n` repeats a run.
 */

import t from 'tap';
import { Turns } from '../../src/pool/turns.js';
import { checkSchedules, seedOfRun } from './turns-schedules.js';

const SCHEDULES = Number(process.env.SCHEDULES ?? 1_000);
const seed = seedOfRun();

t.test(`in ${SCHEDULES} random schedules nobody is lost, doubled, left waiting or charged for waiting`, async (t) => {
  t.comment(`seed ${seed}`);
  t.doesNotThrow(() => checkSchedules(Turns, seed, SCHEDULES));
});
