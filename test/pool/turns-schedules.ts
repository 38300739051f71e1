/** Random schedules for the simulation: small enough to read when fast-check has shrunk one that fails. */

import fc from 'fast-check';
import { Machine, type Schedule, type TurnsClass } from './turns-simulation.js';

const MS = 1_000_000;

const demandNs = fc
  .oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 20 }) },
    { weight: 3, arbitrary: fc.integer({ min: 20, max: 200 }) },
    { weight: 2, arbitrary: fc.integer({ min: 200, max: 2_500 }) },
  )
  .map((ms) => ms * MS);

const arrival = fc
  .record({
    user: fc.integer({ min: 0, max: 4 }),
    priority: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) },
    ),
    demandNs,
    limitBytes: fc.integer({ min: 1, max: 40 }),
    usePercent: fc.integer({ min: 0, max: 100 }),
  })
  .map(({ usePercent, ...program }) => ({
    kind: 'arrive' as const,
    ...program,
    useBytes: Math.floor((program.limitBytes * usePercent) / 100),
  }));

const happening = fc.oneof(
  { weight: 20, arbitrary: arrival },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(63) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lanes' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('front dies' as const), which: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'rebuild' as const }) },
);

const afterNs = fc
  .oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 15 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 400 }) },
  )
  .map((ms) => ms * MS);

/** Loops that burn for a minute, some behind others: who is forgotten here waits far beyond the bound. */
const loops = fc.array(
  fc.record({
    afterNs,
    what: fc
      .record({ user: fc.nat(2), priority: fc.nat(1), seconds: fc.integer({ min: 1, max: 60 }) })
      .map(({ seconds, ...program }) => ({
        ...{ kind: 'arrive' as const, ...program },
        ...{ demandNs: seconds * 1_000 * MS, limitBytes: 1, useBytes: 1 },
      })),
  }),
  { maxLength: 8, size: 'max' },
);

const anything = fc.array(fc.record({ afterNs, what: happening }), { maxLength: 60, size: 'max' });

export const anySchedule: fc.Arbitrary<Schedule> = fc.record({
  mode: fc.oneof(
    { weight: 4, arbitrary: fc.constant('las' as const) },
    { weight: 1, arbitrary: fc.constantFrom('rr' as const, 'fifo' as const) },
  ),
  lanes: fc.integer({ min: 1, max: 4 }),
  memoryBytes: fc.oneof(
    { weight: 3, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
    { weight: 1, arbitrary: fc.integer({ min: 30, max: 200 }) },
  ),
  stopNs: fc.array(fc.integer({ min: 0, max: 2_000_000 }), { maxLength: 4 }),
  takes: fc.array(fc.boolean(), { maxLength: 4 }),
  denials: fc.nat(8),
  happenings: fc.oneof({ weight: 5, arbitrary: anything }, { weight: 1, arbitrary: loops }),
});

/** The seed of this run: `SEED` repeats one. Printed by every test that uses it. */
export function seedOfRun(): number {
  return Number(process.env.SEED ?? Date.now() % 2 ** 31);
}

/**
 * Runs random schedules; when a promise is broken fast-check prints the schedule, the seed and the path to it.
 * @param endOnFailure do not look for a shorter schedule that breaks it too
 */
export function checkSchedules(Policy: TurnsClass, seed: number, numRuns: number, endOnFailure = false): void {
  fc.assert(
    fc.property(anySchedule, (schedule) => {
      new Machine(Policy, schedule).run();
    }),
    { seed, numRuns, endOnFailure },
  );
}
