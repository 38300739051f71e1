/** The policy of turns, one promise at a time; random schedules are in turns-random.test.ts. */

import fc from 'fast-check';
import t from 'tap';
import { type Decision, Turns, type TurnsOptions } from '../../src/pool/turns.js';
import { seedOfRun } from './turns-schedules.js';

const MS = 1_000_000;
const LONG_NS = 30_000 * MS;

/** A policy with a clock, whose stops take effect at once. */
class Desk {
  readonly turns: Turns;
  readonly log: string[] = [];
  readonly onLane = new Map<number, number>();
  nowNs = 0;
  alarmNs = Number.POSITIVE_INFINITY;

  constructor(options: Partial<TurnsOptions> = {}) {
    this.turns = new Turns({ slots: 1_024, lanes: 1, ...options });
  }

  arrive(slot: number, { user = 0, priority = 0, limitBytes = 1 } = {}): void {
    this.turns.arrive({ slot, user, priority, limitBytes }, this.nowNs);
    this.decide();
  }

  end(slot: number): void {
    for (const [lane, holder] of this.onLane) if (holder === slot) this.onLane.delete(lane);
    this.turns.ended(slot, this.nowNs);
    this.decide();
  }

  /** Lets time go by, slice after slice. */
  pass(ns: number): void {
    const untilNs = this.nowNs + ns;
    while (this.alarmNs <= untilNs) {
      this.nowNs = this.alarmNs;
      this.decide();
    }
    this.nowNs = untilNs;
  }

  decide(): void {
    const { decisions, alarmNs } = this.turns.decide(this.nowNs);
    this.alarmNs = alarmNs;
    for (const decision of decisions) this.#carryOut(decision);
    if (decisions.some(({ kind }) => kind === 'stop')) this.decide();
  }

  #carryOut(decision: Decision): void {
    this.log.push(`${decision.kind} ${decision.slot}`);
    if (decision.kind === 'run') this.onLane.set(decision.lane, decision.slot);
    if (decision.kind !== 'stop') return;
    this.onLane.delete(decision.lane);
    this.turns.stopped(decision.slot, this.nowNs, 0);
  }

  get running(): number[] {
    return [...this.onLane.values()].sort((a, b) => a - b);
  }

  serviceMs(slot: number): number {
    return this.turns.serviceNs(slot, this.nowNs) / MS;
  }
}

t.test('a newcomer takes the lane at once from whoever has had most', async (t) => {
  const desk = new Desk({ lanes: 2 });
  desk.arrive(1);
  desk.pass(700 * MS);
  desk.arrive(2);
  desk.pass(600 * MS);
  desk.arrive(3, { user: 1 });
  t.same(desk.running, [2, 3], 'of two loops the older one is stopped');
  desk.end(3);
  t.same(desk.running, [1, 2], 'and goes on when the newcomer has ended');
});

t.test('a newcomer does not stop a program as new as itself, but has its turn within a slice', async (t) => {
  const desk = new Desk();
  desk.arrive(1);
  desk.pass(5 * MS);
  desk.arrive(2, { user: 1 });
  t.same(desk.running, [1]);
  desk.pass(5 * MS);
  t.same(desk.running, [2]);
});

t.test('slices grow with the level, and who is alone is not stopped', async (t) => {
  const desk = new Desk();
  desk.arrive(1);
  desk.pass(3_000 * MS);
  t.same(desk.log, ['run 1']);
  t.equal(desk.alarmNs, Number.POSITIVE_INFINITY, 'no alarm while nobody waits');
  desk.arrive(2);
  desk.pass(2_000 * MS);
  t.equal(desk.turns.level(1, desk.nowNs), 3);
  desk.log.length = 0;
  desk.pass(2_000 * MS);
  t.equal(desk.log.filter((line) => line.startsWith('run')).length, 10, 'two loops change every 200 ms');
});

t.test('a hundred loops of one user leave a second user half of the lane', async (t) => {
  const desk = new Desk();
  for (let slot = 0; slot < 100; slot++) desk.arrive(slot, { user: 1 });
  desk.pass(3_000 * MS);
  desk.arrive(500, { user: 2 });
  desk.pass(4_000 * MS);
  t.ok(desk.serviceMs(500) >= 1_900, `it had ${desk.serviceMs(500)} of 4,000 ms`);
});

t.test('a thousand loops of one user: the hello world of another runs at once', async (t) => {
  const desk = new Desk({ lanes: 2 });
  for (let slot = 0; slot < 1_000; slot++) desk.arrive(slot, { user: 1 });
  desk.pass(5_000 * MS);
  let longestNs = 0;
  for (let round = 0; round < 50; round++) {
    desk.arrive(1_001, { user: 2 });
    const waitsFromNs = desk.nowNs;
    while (!desk.running.includes(1_001)) desk.pass(MS);
    longestNs = Math.max(longestNs, desk.nowNs - waitsFromNs);
    desk.pass(2 * MS);
    desk.end(1_001);
    desk.pass(3 * MS);
  }
  t.equal(longestNs, 0);
});

t.test('a newcomer of a user with many loops of their own goes before these', async (t) => {
  const desk = new Desk();
  for (let slot = 0; slot < 20; slot++) desk.arrive(slot, { user: 1 });
  desk.pass(12_000 * MS);
  desk.arrive(500, { user: 1 });
  t.same(desk.running, [500]);
});

t.test('several newcomers at once of a user who has spent the allowance take a lane each', async (t) => {
  const desk = new Desk({ lanes: 3 });
  for (let slot = 0; slot < 20; slot++) desk.arrive(slot, { user: 1 });
  desk.pass(12_000 * MS);
  for (const slot of [500, 501]) desk.turns.arrive({ slot, user: 1, priority: 0, limitBytes: 1 }, desk.nowNs);
  desk.decide();
  t.ok(desk.running.includes(500) && desk.running.includes(501), `running: ${desk.running.join(', ')}`);
});

t.test('a hundred loops of as many users arrive together: hello world waits for first slices at most', async (t) => {
  const desk = new Desk({ lanes: 2 });
  for (let slot = 0; slot < 100; slot++) desk.arrive(slot, { user: slot });
  desk.pass(501 * MS); // 100 slices of 10 ms on two lanes
  for (let round = 0; round < 50; round++) {
    desk.arrive(500, { user: 500 });
    t.ok(desk.running.includes(500));
    desk.pass(2 * MS);
    desk.end(500);
  }
});

t.test('short programs of one user, without end, leave the loop of another its half of the lanes', async (t) => {
  const desk = new Desk();
  desk.arrive(1, { user: 1 });
  desk.pass(1_000 * MS);
  const beforeMs = desk.serviceMs(1);
  for (let slot = 100; desk.nowNs < LONG_NS; slot = slot === 199 ? 100 : slot + 1) {
    // Ten short programs wait at any time.
    for (let next = 0; next < 10; next++) {
      const one = 100 + ((slot + next) % 100);
      if (desk.turns.turns(one) === 0 && !desk.running.includes(one)) {
        desk.end(one);
        desk.arrive(one, { user: 2 });
      }
    }
    const holder = desk.running[0];
    desk.pass(5 * MS);
    if (holder !== undefined && holder !== 1 && desk.running[0] === holder) desk.end(holder);
  }
  const share = (desk.serviceMs(1) - beforeMs) / ((LONG_NS - 1_000 * MS) / MS);
  t.ok(share > 0.45, `it had ${share.toFixed(2)} of the lane`);
});

t.test('a higher priority number goes behind, and still has its turns', async (t) => {
  const desk = new Desk();
  desk.arrive(1, { user: 1, priority: 1 });
  desk.pass(5 * MS);
  desk.arrive(2, { user: 2 });
  t.same(desk.running, [2], 'the live contest goes first at once');
  desk.pass(6_000 * MS);
  t.ok(desk.turns.turns(1) >= 3, `the retest had ${desk.turns.turns(1)} turns`);
  t.ok(desk.serviceMs(1) < 700, `and no more than a little: ${desk.serviceMs(1)} ms`);
});

t.test(
  'memory: a newcomer that would not fit waits until a program ends, one above the whole budget is refused',
  async (t) => {
    const desk = new Desk({ lanes: 4, memoryBytes: 100 });
    desk.arrive(1, { user: 1, limitBytes: 60 });
    desk.arrive(2, { user: 2, limitBytes: 60 });
    t.same(desk.running, [1]);
    t.equal(desk.turns.waiting, 1);
    desk.arrive(3, { user: 3, limitBytes: 101 });
    t.same(desk.log.at(-1), 'refuse 3');
    desk.end(1);
    t.same(desk.running, [2]);
  },
);

t.test('memory: one user alone fills half of it, so that the first of another can start', async (t) => {
  const desk = new Desk({ lanes: 8, memoryBytes: 100 });
  for (let slot = 0; slot < 8; slot++) desk.arrive(slot, { user: 1, limitBytes: 10 });
  t.equal(desk.running.length, 5);
  desk.arrive(9, { user: 2, limitBytes: 40 });
  t.ok(desk.running.includes(9));
});

t.test('memory: retests of many users together fill half of it, so that the live contest can start', async (t) => {
  const desk = new Desk({ lanes: 16, memoryBytes: 100 });
  for (let slot = 0; slot < 10; slot++) desk.arrive(slot, { user: slot, priority: 9, limitBytes: 10 });
  t.equal(desk.running.length, 5);
  desk.arrive(20, { user: 20, limitBytes: 40 });
  t.ok(desk.running.includes(20));
});

t.test('memory: a newcomer for whom it does not suffice waits for the slice of a loop, not for its end', async (t) => {
  // The loop may use all there is. That it uses next to nothing is known only when it has been seen stopped.
  const desk = new Desk({ lanes: 2, memoryBytes: 100 });
  desk.arrive(1, { user: 1, limitBytes: 100 });
  desk.pass(1_000 * MS);
  desk.arrive(2, { user: 2, limitBytes: 40 });
  t.equal(desk.turns.waiting, 1);
  desk.pass(200 * MS);
  t.ok(desk.running.includes(2), 'the newcomer runs');
  desk.end(2);
  t.same(desk.running, [1], 'and the loop goes on behind it');
  desk.arrive(3, { user: 1, limitBytes: 100 });
  desk.pass(200 * MS);
  t.same(desk.running, [3], 'one of its own user, too');
});

t.test('memory: who would not fit beside a loop even then does not have it stopped', async (t) => {
  const desk = new Desk({ lanes: 2, memoryBytes: 100 });
  desk.arrive(1, { user: 1, limitBytes: 10 });
  desk.arrive(2, { user: 2, limitBytes: 90 });
  desk.arrive(3, { user: 3, limitBytes: 95 });
  desk.pass(1_000 * MS);
  t.notOk(desk.log.includes('stop 1'));
});

t.test('cancelled programs get no turn, are killed, and hold their lane until they have ended', async (t) => {
  const desk = new Desk();
  desk.arrive(1);
  desk.arrive(2);
  desk.arrive(3);
  desk.turns.cancel(1);
  desk.turns.cancel(2);
  desk.decide();
  t.same(desk.log.slice(-2), ['kill 1', 'kill 2']);
  t.same(desk.running, [1]);
  desk.end(2);
  desk.end(1);
  t.same(desk.running, [3]);
});

t.test('a lane taken by another meanwhile: the loser waits at the front and has lost nothing', async (t) => {
  const desk = new Desk();
  desk.arrive(1);
  t.same(desk.running, [1]);
  desk.turns.arrive({ slot: 2, user: 1, priority: 0, limitBytes: 1 }, desk.nowNs);
  desk.turns.took(2, 0, desk.nowNs);
  desk.decide();
  t.equal(desk.turns.waiting, 1);
  t.equal(desk.turns.turns(1), 0);
  desk.turns.ended(2, desk.nowNs + MS);
  desk.nowNs += MS;
  desk.onLane.clear();
  desk.decide();
  t.same(desk.running, [1]);
});

t.test('a run that was denied its lane is as if never chosen', async (t) => {
  const desk = new Desk({ memoryBytes: 100 });
  desk.turns.arrive({ slot: 1, user: 0, priority: 0, limitBytes: 60 }, 0);
  t.same(desk.turns.decide(0).decisions, [{ kind: 'run', slot: 1, lane: 0 }]);
  desk.turns.denied(1, 0);
  t.equal(desk.turns.turns(1), 0);
  t.equal(desk.turns.waiting, 1);
  desk.turns.cancel(1);
  desk.turns.ended(1, 0);
  desk.arrive(2, { limitBytes: 100 });
  t.same(desk.running, [2], 'its memory is free');
});

t.test('rr: a circle of equal slices, newcomers at its end, nobody before anybody', async (t) => {
  const desk = new Desk({ mode: 'rr', sliceNs: 50 * MS });
  for (const slot of [1, 2, 3]) desk.arrive(slot, { user: slot, priority: slot });
  desk.pass(120 * MS);
  desk.arrive(4);
  desk.pass(280 * MS);
  const order = desk.log.filter((line) => line.startsWith('run')).map((line) => Number(line.slice(4)));
  t.same(order, [1, 2, 3, 1, 2, 4, 3, 1, 2].slice(0, order.length));
  t.equal(order.length, 9);
});

t.test('fifo: first come, first served, and nobody is ever stopped', async (t) => {
  const desk = new Desk({ mode: 'fifo' });
  for (const slot of [3, 1, 2]) desk.arrive(slot, { user: slot });
  desk.pass(10_000 * MS);
  desk.end(3);
  desk.end(1);
  t.same(desk.log, ['run 3', 'run 1', 'run 2']);
});

t.test('equal shares: users who wait all along are never more than one slice apart', async (t) => {
  const seed = seedOfRun();
  t.comment(`seed ${seed}`);
  const crowd = fc.integer({ min: 1, max: 4 }).chain((lanes) =>
    fc.record({
      lanes: fc.constant(lanes),
      // A user with fewer programs than lanes could not use an equal share of them.
      counts: fc.array(fc.integer({ min: lanes, max: 30 }), { minLength: 2, maxLength: 8 }),
      stepMs: fc.integer({ min: 1, max: 250 }),
    }),
  );
  const property = fc.property(crowd, ({ lanes, counts, stepMs }) => apartMs(lanes, counts, stepMs) <= 200);
  fc.assert(property, { seed, numRuns: 200 });
});

/** How far apart the service of users gets within some seconds who all begin together with loops of long ago. */
function apartMs(lanes: number, counts: readonly number[], stepMs: number): number {
  const desk = new Desk({ lanes });
  const users = counts.map((count, user) => Array.from({ length: count }, (_, n) => user * 100 + n));
  const loops = users.flatMap((slots, user) =>
    slots.map((slot) => ({
      ...{ slot, user, priority: 0, limitBytes: 1, serviceNs: 1_000 * MS },
      ...{ turns: 1, lane: undefined, laneSinceNs: 0, memoryBytes: 0 },
    })),
  );
  desk.turns.rebuild(loops, 0);
  desk.decide();
  let apart = 0;
  for (let step = 0; step < 100; step++) {
    desk.pass(stepMs * MS);
    const hadMs = users.map((slots) => slots.reduce((sum, slot) => sum + desk.serviceMs(slot) - 1_000, 0));
    apart = Math.max(apart, Math.max(...hadMs) - Math.min(...hadMs));
  }
  return apart;
}
