/** Runs the tests of a submission, several at once, in the order and as far as the coordinator wants them. */

import type { Coordinator } from '../judging/coordinator.js';
import type { TestOutcome } from '../judging/outcome.js';

/**
 * Resolves when every test begun has ended, also when one has failed: nothing runs on that uses what the caller closes.
 * @param width how many at once: as many as there are lanes, more would only hold cells that others could use
 * @throws the first failure of `run`, which is turno's own; no further test is begun after it
 */
export async function runTests(
  coordinator: Coordinator,
  width: number,
  run: (index: number) => Promise<TestOutcome>,
): Promise<void> {
  let isBroken = false;
  const worker = async () => {
    while (!isBroken) {
      const index = coordinator.next();
      if (index === undefined) return;
      try {
        coordinator.take(index, await run(index));
      } catch (error) {
        isBroken = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
