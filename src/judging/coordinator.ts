/**
 * Puts the partial results of a submission's tests together. Pure.
 *
 * The merge rule: the verdict is the one that wins by `worst` (verdict.ts). The run that decided, the first test with that
 * verdict, lends its output, exit code, signal and reason. CPU, wall and memory are the largest of any test, because
 * limits hold for each test; waited is the sum, because it is what the submitter waited.
 */

import type { CompileOutcome } from '../io/store.js';
import { worst } from '../verdict.js';
import type { Outcome, RunFacts, TestOutcome } from './outcome.js';

export interface Prepared {
  readonly compile: CompileOutcome | null;
  readonly executable: string | null;
}

/** @throws RangeError without tests: a submission without tests is a single run, see `single`. */
export function combine(prepared: Prepared, tests: readonly TestOutcome[]): Outcome {
  const verdict = worst(tests.map((test) => test.verdict));
  const deciding = tests.find((test) => test.verdict === verdict);
  if (deciding === undefined) throw new RangeError('no test decided');
  const most = (of: (test: TestOutcome) => number) => tests.reduce((largest, test) => Math.max(largest, of(test)), 0);
  return {
    ...prepared,
    verdict,
    reason: verdict === 'AC' ? '' : `test ${deciding.name}: ${deciding.reason}`,
    exitCode: deciding.exitCode,
    signal: deciding.signal,
    stdout: deciding.stdout,
    stderr: deciding.stderr,
    cpuNs: most((test) => test.cpuNs),
    wallNs: most((test) => test.wallNs),
    memoryBytes: most((test) => test.memoryBytes),
    waitedNs: tests.reduce((sum, test) => sum + test.waitedNs, 0),
    tests,
  };
}

/** A submission without tests: its verdict says only whether it ran. */
export function single(prepared: Prepared, run: RunFacts): Outcome {
  return { ...prepared, ...run, tests: [] };
}
