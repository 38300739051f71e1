/**
 * Every tool under load, by threads and processes at once, while one after the other is killed wherever it is: waiting, inside,
 * on its way out. KILLS says how many for each tool; `npm run test:locks` kills 30, else it is 2 for some of the tools.
 */

import { randomInt } from 'node:crypto';
import t, { type Test } from 'tap';
import { PipeEnd, type Space } from '../../src/shm/index.js';
import { freshSpace, until } from './fresh-space.js';
import type { Actor, Kind } from './start-actor.js';
import {
  actWith,
  BROKEN,
  COUNT,
  FILLED,
  numbersOf,
  READY,
  STOP,
  TOLD,
  TOOLS,
  type ToolJob,
  toolOf,
} from './tool-actor.js';

const KILLS = Number(process.env.KILLS ?? 2);
// Each kill starts a thread or a process, in seconds on a busy machine, for each of the 7 tests below.
t.setTimeout(300_000 + KILLS * 7 * 10_000);
const KILLED_TOOLS = process.env.KILLS === undefined ? (['rlock', 'semaphore'] as const) : TOOLS;
const LANES: readonly Kind[] = ['thread', 'process', 'thread', 'process'];
/** So much must be done between two kills. */
const PROGRESS = 50;

/** Keeps one actor a lane, kills one at random after each progress, and starts another in its place. */
async function killAndReplace(
  t: Test,
  { space, path }: { space: Space; path: string },
  jobOf: (lane: number) => ToolJob,
  progress: () => number,
): Promise<void> {
  const numbers = numbersOf(space);
  const start = (lane: number): Actor => actWith(t, LANES[lane] ?? 'thread', space, path, jobOf(lane));
  const actors = LANES.map((_, lane) => start(lane));
  await until(() => Atomics.load(numbers, READY) === LANES.length);
  for (let kill = 0; kill < KILLS; kill++) {
    const before = progress();
    await until(() => progress() >= before + PROGRESS);
    const lane = randomInt(LANES.length);
    await actors[lane]?.kill();
    const ready = Atomics.load(numbers, READY);
    actors[lane] = start(lane);
    await until(() => Atomics.load(numbers, READY) > ready);
  }
  const before = progress();
  await until(() => progress() >= before + PROGRESS);
  Atomics.store(numbers, STOP, 1);
  await Promise.all(actors.map(({ ended }) => ended));
}

for (const tool of KILLED_TOOLS) {
  t.test(`${tool}: never two inside, and nobody is held up by the dead`, async (t) => {
    const fresh = freshSpace(t);
    const numbers = numbersOf(fresh.space);
    await killAndReplace(
      t,
      fresh,
      () => ({ kind: 'work', tool }),
      () => Atomics.load(numbers, COUNT),
    );
    t.equal(numbers[BROKEN], 0);
    t.ok(toolOf(fresh.space, tool).acquire({ timeoutMs: 20_000 }), 'it is free in the end');
  });
}

t.test('condition: producers and consumers of a small buffer go on when others of them die', async (t) => {
  const fresh = freshSpace(t);
  const numbers = numbersOf(fresh.space);
  const jobOf = (lane: number): ToolJob => ({ kind: lane < 2 ? 'produce' : 'consume', me: lane });
  const moved = () => LANES.reduce((sum, _, lane) => sum + Atomics.load(numbers, TOLD + lane), 0);
  await killAndReplace(t, fresh, jobOf, moved);
  const filled = numbers[FILLED] ?? 0;
  t.ok(filled >= 0 && filled <= 4, `${filled} in the buffer`);
});

for (const kind of ['thread', 'process'] as const) {
  t.test(
    `pipe: when a ${kind} is killed at the other end, the next one there gets what it had not taken`,
    async (t) => {
      const { space, path } = freshSpace(t);
      const pipe = new PipeEnd(space, 'pipe', 0, 4_096);
      const lost: number[] = [];
      let sent = 0;
      let last = 0;
      const take = (received: { readonly message: unknown } | undefined) => {
        if (received === undefined) return;
        const number = Number(received.message);
        t.ok(number > last, 'in order, none twice');
        for (let missed = last + 1; missed < number; missed++) lost.push(missed);
        last = number;
      };
      for (let kill = 0; kill < KILLS; kill++) {
        const echo = actWith(t, kind, space, path, { kind: 'echo' });
        for (let n = 0; n < 20; n++) pipe.send(++sent);
        const until = last + 1 + randomInt(15);
        while (last < until) take(await pipe.receiveLater().catch(whenOpened));
        await echo.kill();
        for (let isOpen = true; isOpen; ) {
          try {
            take(pipe.receive({ timeoutMs: 20_000 }));
          } catch (error) {
            t.match(error, /closed/);
            isOpen = false;
          }
        }
      }
      t.comment(`${sent} sent, ${last} was the last to come back, ${lost.length} lost with their receiver`);
      t.ok(lost.length <= KILLS, 'at most the one each had in its hands');
    },
  );
}

/** Until somebody new has opened it the other end is that of the dead. */
function whenOpened(error: Error): undefined {
  if (!/closed/.test(error.message)) throw error;
}
