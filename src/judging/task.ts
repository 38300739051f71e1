/**
 * What a program is judged by, wherever it comes from: the tests of a request, or those of a problem. The runner knows only
 * this. A test's bytes are loaded when it is its turn: a problem may have more of them than memory.
 */

import type { SourceFile, SubmissionRequest } from '../io/transport.js';
import type { CheckerChoice } from './checkers/checker.js';
import type { Plan } from './coordinator.js';
import type { TestOutcome } from './outcome.js';

export interface TestCase {
  readonly name: string;
  readonly stdin: Uint8Array;
  /** Absent: the test says only whether the program ran. */
  readonly expected?: Uint8Array;
  /** false: of input, output and difference nothing is told. */
  readonly isShown: boolean;
  /** Arguments of a checker that is a program. */
  readonly checkerFlags: readonly string[];
  /** Of a problem with scores. */
  readonly mostPoints?: number;
  /** Instead of the built-in checker of the task. */
  readonly checker?: CheckerChoice;
}

/** What a checker gets unless its package says otherwise. */
export const CHECKER_CPU_MS = 10_000;
export const CHECKER_MEMORY_MIB = 1_024;

/** A checker, or an interactor, that is a program: judging/validators.ts has the protocols. */
export interface ProgramChecker {
  readonly kind: 'program';
  readonly protocol: 'icpc' | 'testlib';
  readonly language: string;
  /** The main file is the first. */
  readonly files: readonly SourceFile[];
  readonly limits: { readonly checkerCpuTimeMs?: number; readonly checkerMemoryMiB?: number };
}

export interface Task {
  readonly plan: Plan;
  readonly checker: CheckerChoice | ProgramChecker;
  /** The checker is an interactor: it runs beside the program and talks with it. */
  readonly isInteractive: boolean;
  readonly load: (index: number) => TestCase;
}

/** The tests that came with a request: whoever sent them knows them. */
export function taskOf({ tests, groups = [], policy = 'all', checker }: SubmissionRequest): Task {
  return {
    plan: { policy, groups, tests: tests.map(({ group }) => group) },
    checker,
    isInteractive: false,
    load(index) {
      const test = tests[index];
      if (test === undefined) throw new RangeError(`no test ${index}`);
      return { ...test, isShown: true, checkerFlags: [] };
    },
  };
}

/**
 * What is told of a test that is secret: verdict, times and limits, but nothing that was written or read. Its words for a
 * wrong answer are `told`, what the checker has for the team.
 */
export function withoutSecrets(test: TestOutcome, told: string): TestOutcome {
  const nothing = new Uint8Array();
  const isAboutAnswer = test.verdict === 'WA' || test.verdict === 'SE';
  const reason = isAboutAnswer ? told || (test.verdict === 'WA' ? 'wrong answer' : 'the checker failed') : test.reason;
  return { ...test, reason, stdout: nothing, stderr: nothing };
}
