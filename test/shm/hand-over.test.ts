/**
 * Hand-overs from one to the next and back: a wake-up that is lost is a hang. In these spaces nobody looks again without being
 * woken for hours, so that the looks in between, which would find what was missed, cannot hide it.
 *
 * `npm run test:locks` makes a million of them, between every pair of kinds; else a few, between a thread and a process.
 */

import t from 'tap';
import { freshSpace } from './fresh-space.js';
import type { Kind } from './start-actor.js';
import { actWith, numbersOf, type ToolJob, TURN, toolOf } from './tool-actor.js';

const ALL_PAIRS: readonly (readonly [Kind, Kind])[] = [
  ['thread', 'process'],
  ['thread', 'thread'],
  ['process', 'process'],
];
const PAIRS = process.env.HAND_OVERS === undefined ? ALL_PAIRS.slice(0, 1) : ALL_PAIRS;
const HAND_OVERS = Number(process.env.HAND_OVERS ?? 6_000);
/** Tests below. */
const RUNS = 4 * PAIRS.length + 2;
const EACH = Math.ceil(HAND_OVERS / RUNS);
// A hand-over takes 10 us between two cores, and 1 ms where others fill them.
t.setTimeout(300_000 + HAND_OVERS);
const NEVER_LOOK = { lookEveryMs: 60_000_000 };

for (const pair of PAIRS) {
  for (const tool of ['lock', 'semaphore', 'bounded'] as const) {
    t.test(`${tool}: ${pair.join(' and ')} pass a baton ${EACH} times`, async (t) => {
      const { space, path } = freshSpace(t, NEVER_LOOK);
      const batons = [0, 1].map((me) => toolOf(space, tool, `baton ${me}`));
      for (const baton of batons) baton.acquire();
      const job = (me: number): ToolJob => ({ kind: 'baton', tool, me, times: Math.ceil(EACH / 2) });
      const ended = await Promise.all(pair.map((kind, me) => actWith(t, kind, space, path, job(me)).ended));
      t.match(ended, [{ code: 0 }, { code: 0 }]);
    });
  }

  t.test(`pipe: ${pair.join(' and ')} send ${EACH} messages to and fro`, async (t) => {
    const { space, path } = freshSpace(t, NEVER_LOOK);
    const jobs: ToolJob[] = [{ kind: 'ping', times: Math.ceil(EACH / 2) }, { kind: 'echo' }];
    const ended = await Promise.all(jobs.map((job, me) => actWith(t, pair[me] ?? 'thread', space, path, job).ended));
    t.match(ended, [{ code: 0 }, { code: 0 }]);
  });
}

for (const tool of ['lock', 'rlock'] as const) {
  t.test(`condition: the turn goes round ${EACH} times under a ${tool}`, async (t) => {
    const { space, path } = freshSpace(t, NEVER_LOOK);
    const kinds: readonly Kind[] = ['thread', 'process', 'thread', 'process'];
    const times = Math.ceil(EACH / kinds.length);
    const jobs = kinds.map((_, me): ToolJob => ({ kind: 'turns', tool, me, of: kinds.length, times }));
    await Promise.all(jobs.map((job, me) => actWith(t, kinds[me] ?? 'thread', space, path, job).ended));
    t.equal(numbersOf(space)[TURN], 0);
  });
}
