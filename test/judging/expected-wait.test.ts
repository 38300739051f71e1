import { t } from 'tap';
import { expectedWaitNs } from '../../src/judging/expected-wait.js';
import type { Standing } from '../../src/pool/process-table.js';
import { NS_PER_MS } from '../../src/units.js';

let rows = 0;
const program = (about: Partial<Standing>): Standing => ({
  ...{ row: rows++, user: 0, priority: 0, level: 3, turns: 1, waitingSinceNs: rows, laneSinceNs: 0, hasLane: false },
  ...about,
});
const waitMs = (own: Standing, others: readonly Standing[], count = 1, mode: 'las' | 'rr' | 'fifo' = 'las') => {
  const ns = expectedWaitNs(own, [own, ...others], { count, mode }, 50 * NS_PER_MS);
  return ns === undefined ? undefined : ns / NS_PER_MS;
};

// On its lane since 0; slices of level 3 last 200 ms, those of levels 0, 1, 2 10, 20 and 50.
const holder = program({ hasLane: true, user: 9 });

t.test('who waits behind a slice waits for its rest, and for those of whoever goes before', async (t) => {
  const own = program({ user: 1 });
  t.equal(waitMs(own, [holder]), 150);
  t.equal(waitMs(own, [holder], 2), 0, 'a lane is free');
  t.equal(waitMs(program({ user: 1, level: 0, turns: 0 }), [holder]), 0, 'it must give way to a newcomer');
  t.equal(waitMs(own, [holder, program({ level: 0 }), program({ level: 1 })]), 150 + 10 + 20, 'better levels first');
  t.equal(waitMs(own, [holder, program({ priority: 1, level: 0 })]), 150, 'a worse priority goes behind');
  t.equal(waitMs(own, [holder, program({ hasLane: true, laneSinceNs: 40 * NS_PER_MS }), program({})], 2), 150 + 100);
});

t.test('users are served in turn: of each as many as own ones go before, and one', async (t) => {
  const crowd = Array.from({ length: 5 }, () => program({ user: 2 }));
  const [first, second] = [program({ user: 1 }), program({ user: 1 })];
  t.equal(waitMs(first, [holder, ...crowd, second]), 150 + 200);
  t.equal(waitMs(second, [holder, ...crowd, first]), 150 + 200 + 2 * 200);
});

t.test('in a circle who has had fewer turns goes before; with fifo there is no telling', async (t) => {
  const own = program({ level: 0, turns: 2 });
  const others = [program({ level: 0, turns: 1 }), program({ level: 0, turns: 3 }), program({ level: 0, turns: 2 })];
  t.equal(waitMs(own, [program({ hasLane: true, level: 0 }), ...others], 1, 'rr'), 150 + 200);
  t.equal(waitMs(own, others, 1, 'fifo'), undefined);
  t.equal(waitMs(holder, [own]), undefined, 'it has a lane');
});
