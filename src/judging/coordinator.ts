/**
 * Decides which test of a submission is run next and which results count, and puts those together. Pure: whoever has lanes
 * asks `next`, runs, and says what came of it by `take`, in whatever order runs end.
 *
 * **What counts does not depend on the number of lanes.** Tests are begun in their order, so when one fails every earlier one
 * has at least begun. Under `first-failure` the tests behind the first failure *in order* do not count, even if one was
 * begun already and has a result: with one lane it would not have run. The same holds within a group that ends at its first
 * failure. An end only ever moves forward, so what was passed over stays so. `cancelled` ends every policy: nobody wants the
 * rest; SE is a failure as any other, or what it ends would depend on whether that test was begun.
 *
 * The merge rule: the verdict is the one that wins by `worst` (verdict.ts) among the tests that count; nothing else than AC
 * can be there twice under `first-failure`, so there it is that of the first failure. The run that decided, the first test
 * with that verdict, lends its output, exit code, signal and reason. CPU, wall and memory are the largest of any test,
 * because limits hold for each test; waited is the sum, because it is what the submitter waited.
 *
 * The score is the sum over groups. A test is worth a fraction from 0 to 1: what its checker says, otherwise 1 for AC and 0
 * for all else, tests that did not count included. A group has its points times the smallest (`min`) or the mean (`sum`)
 * fraction of its tests. Without groups there is no score.
 */

import type { CompileOutcome } from '../io/store.js';
import { type Verdict, worst } from '../verdict.js';
import type { GroupOutcome, Outcome, RunFacts, TestOutcome } from './outcome.js';

export const POLICIES = ['all', 'first-failure'] as const;
export type Policy = (typeof POLICIES)[number];
export const SCORINGS = ['min', 'sum'] as const;
export type Scoring = (typeof SCORINGS)[number];

export interface GroupPlan {
  readonly name: string;
  /** Not negative; 0 for samples, say. */
  readonly points: number;
  readonly scoring: Scoring;
  /** `first-failure`: the rest of this group is not run, other groups are. */
  readonly policy: Policy;
}

export interface Plan {
  /** For the tests of all groups together. */
  readonly policy: Policy;
  readonly groups: readonly GroupPlan[];
  /** Of each test the index of its group, or undefined when it is in none. */
  readonly tests: readonly (number | undefined)[];
}

export function groupNameOf({ groups, tests }: Plan, index: number): string | null {
  const group = tests[index];
  return group === undefined ? null : (groups[group]?.name ?? null);
}

export interface Prepared {
  readonly compile: CompileOutcome | null;
  readonly executable: string | null;
}

export class Coordinator {
  readonly #plan: Plan;
  readonly #taken: (TestOutcome | undefined)[];
  readonly #endsGroup: readonly boolean[];
  /** Index of the first test, in order, after which nothing counts: of the submission, and of each group. */
  #end = Infinity;
  readonly #groupEnds: number[];
  #next = 0;

  /** @throws RangeError without tests: a submission without tests is a single run, see `single`. */
  constructor(plan: Plan) {
    if (plan.tests.length === 0) throw new RangeError('no tests to coordinate');
    this.#plan = plan;
    this.#taken = plan.tests.map(() => undefined);
    this.#endsGroup = plan.groups.map(({ policy }) => policy === 'first-failure');
    this.#groupEnds = plan.groups.map(() => Infinity);
  }

  /** The test to be begun now; undefined when there is none any more whose result could count. */
  next(): number | undefined {
    while (this.#next < this.#plan.tests.length) {
      const index = this.#next++;
      if (this.#mayCount(index)) return index;
    }
    return undefined;
  }

  /** @throws RangeError for a test that was not begun, or has a result already */
  take(index: number, outcome: TestOutcome): void {
    if (index >= this.#next || this.#taken[index] !== undefined) throw new RangeError(`test ${index} was not running`);
    this.#taken[index] = outcome;
    const { verdict } = outcome;
    if (verdict === 'AC') return;
    if (verdict === 'cancelled' || this.#plan.policy === 'first-failure') this.#end = Math.min(this.#end, index);
    const group = this.#plan.tests[index];
    if (group !== undefined && this.#endsGroup[group]) {
      this.#groupEnds[group] = Math.min(this.#groupEnds[group] ?? Infinity, index);
    }
  }

  /** All there is, when `next` has nothing more and every test begun was taken. */
  combine(prepared: Prepared): Outcome {
    const tests = this.#taken.filter((taken, index) => taken !== undefined && this.#mayCount(index)) as TestOutcome[];
    const verdict = worst(tests.map((test) => test.verdict));
    const deciding = tests.find((test) => test.verdict === verdict);
    if (deciding === undefined) throw new RangeError('no test decided');
    const most = (of: (test: TestOutcome) => number) => tests.reduce((largest, test) => Math.max(largest, of(test)), 0);
    const groups = this.#plan.groups.map((group, index) => this.#groupOutcome(group, index));
    return {
      ...prepared,
      verdict,
      reason: verdict === 'AC' ? '' : `test ${deciding.name}: ${deciding.reason}`,
      ...(deciding.cause ? { cause: deciding.cause } : {}),
      exitCode: deciding.exitCode,
      signal: deciding.signal,
      stdout: deciding.stdout,
      stderr: deciding.stderr,
      cpuNs: most((test) => test.cpuNs),
      wallNs: most((test) => test.wallNs),
      memoryBytes: most((test) => test.memoryBytes),
      warm: tests.some((test) => test.warm),
      waitedNs: tests.reduce((sum, test) => sum + test.waitedNs, 0),
      tests,
      groups,
      score: groups.length === 0 ? null : rounded(groups.reduce((sum, { score }) => sum + score, 0)),
      testCount: this.#plan.tests.length,
    };
  }

  #mayCount(index: number): boolean {
    const group = this.#plan.tests[index];
    return index <= this.#end && (group === undefined || index <= (this.#groupEnds[group] ?? Infinity));
  }

  #groupOutcome({ name, points, scoring }: GroupPlan, group: number): GroupOutcome {
    const members = this.#plan.tests.flatMap((of, index) => (of === group ? [index] : []));
    const counted = members.map((index) => (this.#mayCount(index) ? this.#taken[index] : undefined));
    const fractions = counted.map((test) => (test === undefined ? 0 : fractionOf(test)));
    const sum = fractions.reduce((total, one) => total + one, 0);
    const fraction = fractions.length === 0 ? 0 : scoring === 'min' ? Math.min(...fractions) : sum / fractions.length;
    const verdicts = counted.flatMap((test): Verdict[] => (test === undefined ? [] : [test.verdict]));
    return {
      name,
      verdict: verdicts.length === 0 ? null : worst(verdicts),
      points,
      score: rounded(points * fraction),
      testCount: members.length,
    };
  }
}

function fractionOf({ verdict, fraction }: TestOutcome): number {
  return fraction ?? (verdict === 'AC' ? 1 : 0);
}

/** A third of 100 points, three times, is 100. */
function rounded(points: number): number {
  return Math.round(points * 1e6) / 1e6;
}

/** A submission without tests: its verdict says only whether it ran. */
export function single(prepared: Prepared, run: RunFacts): Outcome {
  return { ...prepared, ...run, tests: [], groups: [], score: null, testCount: 0 };
}
