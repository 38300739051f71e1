/**
 * What a program is judged by, wherever it comes from: the tests of a request, or those of a problem. The runner knows only
 * this. A test's bytes are loaded when it is its turn: a problem may have more of them than memory.
 */

import type { SubmissionRequest } from '../io/transport.js';
import type { CheckerChoice } from './checkers/checker.js';
import type { Plan } from './coordinator.js';

export interface TestCase {
  readonly name: string;
  readonly stdin: Uint8Array;
  /** Absent: the test says only whether the program ran. */
  readonly expected?: Uint8Array;
}

export interface Task {
  readonly plan: Plan;
  readonly checker: CheckerChoice;
  readonly load: (index: number) => TestCase;
}

/** The tests that came with a request. */
export function taskOf({ tests, groups = [], policy = 'all', checker }: SubmissionRequest): Task {
  return {
    plan: { policy, groups, tests: tests.map(({ group }) => group) },
    checker,
    load(index) {
      const test = tests[index];
      if (test === undefined) throw new RangeError(`no test ${index}`);
      return test;
    },
  };
}
