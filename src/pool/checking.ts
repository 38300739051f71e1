/** How the outputs of one submission are judged: by a built-in checker at once, by a program in a cell. */

import { type CheckerChoice, checkerOf } from '../judging/checkers/checker.js';
import type { KeptOutput } from '../judging/kept-output.js';
import type { RunFacts, TestOutcome } from '../judging/outcome.js';
import { type TestCase, withoutSecrets } from '../judging/task.js';
import type { Judgement } from '../judging/validators.js';

export interface Checking {
  /** Runs the program on a test and judges it; without a judgement the run itself decides. */
  readonly judge: (test: TestCase) => Promise<{ readonly facts: RunFacts; readonly judgement: Judgement | undefined }>;
  /** When no check runs any more. */
  readonly close: () => void;
}

type Check = (test: TestCase, output: Uint8Array) => Promise<Judgement> | Judgement | undefined;

/** First the program, then what it wrote, if it came to its end. */
export function inTwoSteps(run: (stdin: Uint8Array) => Promise<RunFacts>, check: Check): Checking['judge'] {
  return async (test) => {
    const facts = await run(test.stdin);
    return { facts, judgement: facts.verdict === 'AC' ? await check(test, facts.stdout) : undefined };
  };
}

/** @returns a check that says nothing when nothing is wrong */
export function builtIn(choice: CheckerChoice): Check {
  const compare = checkerOf(choice);
  return ({ expected, checker }, output) => {
    const difference = expected && (checker ? checkerOf(checker) : compare)(output, expected);
    return difference === undefined ? undefined : { verdict: 'WA', reason: difference, told: '' };
  };
}

/** @param judgement of the checker; undefined: the run itself decides */
export function testOutcome(
  { name, isShown }: TestCase,
  group: string | null,
  facts: RunFacts,
  judgement: Judgement | undefined,
  kept: KeptOutput,
): TestOutcome {
  const { fraction } = judgement ?? {};
  const { verdict, reason } = judgement ?? facts;
  const whole = { ...facts, verdict, reason, name, group, ...(fraction === undefined ? {} : { fraction }) };
  return isShown ? { ...whole, ...kept.cut(whole) } : withoutSecrets(whole, judgement?.told ?? '');
}
