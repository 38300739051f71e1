/** The coordinator in simulated time: what counts, what is begun, and what comes of it, however runs end. */

import { t } from 'tap';
import { Coordinator, type GroupPlan, type Plan, type Policy } from '../../src/judging/coordinator.js';
import type { TestOutcome } from '../../src/judging/outcome.js';
import type { Verdict } from '../../src/verdict.js';

const PREPARED = { compile: null, executable: null };

function outcome(index: number, verdict: Verdict, more: Partial<TestOutcome> = {}): TestOutcome {
  return {
    name: `t${index}`,
    group: null,
    verdict,
    reason: verdict === 'AC' ? '' : 'because',
    exitCode: 0,
    signal: null,
    cpuNs: 10 + index,
    wallNs: 20 + index,
    waitedNs: 5,
    memoryBytes: 100 - index,
    warm: false,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    ...more,
  };
}

const ungrouped = (policy: Policy, count: number): Plan => ({
  policy,
  groups: [],
  tests: Array.from({ length: count }, () => undefined),
});

const group = (name: string, points: number, more: Partial<GroupPlan> = {}): GroupPlan => ({
  name,
  points,
  scoring: 'min',
  policy: 'all',
  ...more,
});

/** Runs the tests one after the other. @returns the outcome, and which tests were begun */
function judged(plan: Plan, verdicts: readonly Verdict[], fractions: readonly (number | undefined)[] = []) {
  const coordinator = new Coordinator(plan);
  const begun: number[] = [];
  for (let index = coordinator.next(); index !== undefined; index = coordinator.next()) {
    begun.push(index);
    const fraction = fractions[index];
    coordinator.take(index, outcome(index, verdicts[index] ?? 'AC', fraction === undefined ? {} : { fraction }));
  }
  return { ...coordinator.combine(PREPARED), begun };
}

t.test('all: every test is run, and the verdict that wins is told with the first test that has it', async (t) => {
  const result = judged(ungrouped('all', 4), ['AC', 'WA', 'RE', 'RE']);
  t.strictSame(result.begun, [0, 1, 2, 3]);
  t.match(result, { verdict: 'RE', reason: 'test t2: because', score: null, groups: { length: 0 }, testCount: 4 });
});

t.test('CPU, wall and memory are the largest of any test, waited is the sum', async (t) => {
  t.match(judged(ungrouped('all', 3), []), { cpuNs: 12, wallNs: 22, memoryBytes: 100, waitedNs: 15, reason: '' });
});

t.test('first-failure: nothing is begun behind it, and it decides', async (t) => {
  const result = judged(ungrouped('first-failure', 5), ['AC', 'WA', 'RE', 'AC', 'AC']);
  t.strictSame(result.begun, [0, 1]);
  t.match(result, { verdict: 'WA', testCount: 5, tests: [{ name: 't0' }, { name: 't1' }] });
});

t.test('a result behind the first failure does not count, even if it was there before', async (t) => {
  const coordinator = new Coordinator(ungrouped('first-failure', 4));
  t.strictSame([coordinator.next(), coordinator.next(), coordinator.next()], [0, 1, 2]);
  coordinator.take(2, outcome(2, 'RE', { memoryBytes: 1_000 }));
  t.equal(coordinator.next(), undefined, 'what stands behind a failure is not begun');
  coordinator.take(1, outcome(1, 'WA'));
  coordinator.take(0, outcome(0, 'AC'));
  t.match(coordinator.combine(PREPARED), { verdict: 'WA', memoryBytes: 100, tests: [{ name: 't0' }, { name: 't1' }] });
});

t.test('cancelled ends every policy, SE is a failure as any other', async (t) => {
  const plan: Plan = { policy: 'all', groups: [group('a', 1), group('b', 1)], tests: [0, 0, 1] };
  const cancelled = judged(plan, ['AC', 'cancelled', 'AC']);
  t.match(cancelled, { verdict: 'cancelled', begun: [0, 1], groups: [{}, { verdict: null, score: 0 }] });
  t.match(judged(plan, ['AC', 'SE', 'AC']), {
    verdict: 'SE',
    begun: [0, 1, 2],
    groups: [{}, { verdict: 'AC', score: 1 }],
  });
});

t.test('groups: min gives all points or none, sum gives each test its share, a checker may give a part', async (t) => {
  const tests = [0, 0, 1, 1, 1];
  const plan: Plan = { policy: 'all', groups: [group('a', 40), group('b', 60, { scoring: 'sum' })], tests };
  t.match(judged(plan, []), { verdict: 'AC', score: 100, groups: [{ score: 40 }, { score: 60, testCount: 3 }] });
  t.match(judged(plan, ['AC', 'WA', 'AC', 'TLE', 'AC']), {
    verdict: 'TLE',
    score: 40,
    groups: [
      { name: 'a', verdict: 'WA', score: 0 },
      { name: 'b', verdict: 'TLE', score: 40 },
    ],
  });
  t.match(judged(plan, [], [0.5, 1, 0.25, 1, 1]), { score: 65, groups: [{ score: 20 }, { score: 45 }] });
  const thirds: Plan = { policy: 'all', groups: [0, 1, 2].map((n) => group(`${n}`, 100 / 3)), tests: [0, 1, 2] };
  t.equal(judged(thirds, []).score, 99.999999, 'each group is rounded to a millionth');
});

t.test('a group that ends at its first failure leaves the others alone', async (t) => {
  const first = { policy: 'first-failure' } as const;
  const plan: Plan = { policy: 'all', groups: [group('a', 1, first), group('b', 2, first)], tests: [0, 0, 0, 1, 1] };
  const result = judged(plan, ['AC', 'WA', 'AC', 'AC', 'AC']);
  t.strictSame(result.begun, [0, 1, 3, 4]);
  t.match(result, {
    verdict: 'WA',
    score: 2,
    groups: [
      { score: 0, testCount: 3 },
      { verdict: 'AC', score: 2 },
    ],
  });
});

t.test('a test that does not run does not bring the points of its group', async (t) => {
  const plan: Plan = { policy: 'first-failure', groups: [group('a', 1), group('b', 2)], tests: [0, 1] };
  t.match(judged(plan, ['WA', 'AC']), { score: 0, groups: [{ verdict: 'WA' }, { verdict: null, score: 0 }] });
});

t.test('the outcome is the same with any number of lanes and any order of ends', async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  t.comment(`SEED=${seed}`);
  const random = generator(seed);
  for (let round = 0; round < 3_000; round++) {
    const count = 1 + random(12);
    const groups = Array.from({ length: random(4) }, (_, index) =>
      group(`g${index}`, random(100), {
        scoring: random(2) === 0 ? 'min' : 'sum',
        policy: random(2) === 0 ? 'all' : 'first-failure',
      }),
    );
    const plan: Plan = {
      policy: random(2) === 0 ? 'all' : 'first-failure',
      groups,
      tests: Array.from({ length: count }, () => (groups.length === 0 ? undefined : random(groups.length))),
    };
    const verdicts = Array.from({ length: count }, (): Verdict => {
      return (['AC', 'AC', 'AC', 'WA', 'RE', 'TLE', 'SE'] as const)[random(7)] ?? 'AC';
    });
    const { begun, ...alone } = judged(plan, verdicts);
    t.strictSame(together(plan, verdicts, 2 + random(5), random), alone, `round ${round}`);
    if (!t.passing()) return;
  }
});

/** Several lanes; whichever of the running ends next is drawn. */
function together(plan: Plan, verdicts: readonly Verdict[], lanes: number, random: (below: number) => number) {
  const coordinator = new Coordinator(plan);
  const running: number[] = [];
  for (;;) {
    while (running.length < lanes) {
      const index = coordinator.next();
      if (index === undefined) break;
      running.push(index);
    }
    const [ended] = running.splice(random(running.length || 1), 1);
    if (ended === undefined) return coordinator.combine(PREPARED);
    coordinator.take(ended, outcome(ended, verdicts[ended] ?? 'AC'));
  }
}

t.test('a result that was not asked for is refused', async (t) => {
  const coordinator = new Coordinator(ungrouped('all', 2));
  t.throws(() => coordinator.take(0, outcome(0, 'AC')), RangeError);
  coordinator.take(coordinator.next() ?? 0, outcome(0, 'AC'));
  t.throws(() => coordinator.take(0, outcome(0, 'AC')), RangeError);
  t.throws(() => new Coordinator(ungrouped('all', 0)), RangeError);
});

/** xorshift32: the same numbers for the same seed, below `below`. */
function generator(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
