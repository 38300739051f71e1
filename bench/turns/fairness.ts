/**
 * How long does hello world take while others burn CPU in k infinite loops?
 *
 *     node .build/bench/turns/fairness.js [--points 0,2,100,1000] [--hellos 1000] [--rounds 5] [--users one,many]
 *                                         [--turns las,fifo] [--source cached,new]
 *
 * A point has a server of its own: k loops (limit 2 s of CPU each) are kept going by one user, or by as many users as there
 * are loops, at most 200; another user sends hello, one after the other. Rounds go through all points in turn, and a figure
 * is the median of the rounds. With `fifo` hellos wait behind all loops: only points up to 10 are run, with 10 hellos, and
 * the rest is k / lanes x 2 s, marked as such.
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { quantile, spread } from '../statistics.js';
import { BenchServer } from './bench-server.js';

const LOOP = { language: 'c', source: 'int main(void) { for (;;); }\n', limits: { cpuTimeMs: 2_000, memoryMiB: 16 } };
const LOOP_SECONDS = 2;
const MOST_USERS = 200;
const MOST_FIFO = 10;

interface Point {
  readonly loops: number;
  readonly users: 'one' | 'many';
  readonly turns: string;
  readonly source: 'cached' | 'new';
}

interface Figures {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly loopsPerS: number;
}

/** One point, once: latencies in ms, and how many loops ended in a second meanwhile. */
async function measure({ loops, users, turns, source }: Point, hellos: number): Promise<Figures> {
  const server = await BenchServer.start(['--turns', turns, '--cells', String(loops + 50)]);
  let isOver = false;
  let ended = 0;
  const burners: Promise<void>[] = [];
  try {
    const hello = await server.register('hello');
    const latenciesMs: number[] = [];
    for (let n = 0; n < 5; n++) await server.submit(hello, program(source, -1 - n)); // cells are made, code is hot
    const count = users === 'one' ? Math.min(1, loops) : Math.min(MOST_USERS, loops);
    const tokens = await Promise.all(Array.from({ length: count }, (_, n) => server.register(`loops ${n}`)));
    if (loops > 0) await server.submit(tokens[0] ?? '', LOOP); // compiled once
    const burn = async (token: string) => {
      while (!isOver) {
        await server.submit(token, LOOP);
        ended++;
      }
    };
    for (let n = 0; n < loops; n++) burners.push(burn(tokens[n % count] ?? '').catch(() => undefined)); // cut off at the end
    // Loops that have just begun are newcomers as hello is: that wave is over when each has had 50 ms.
    const settledMs = performance.now() + (loops * 50) / availableParallelism();
    for (let n = 0; performance.now() < settledMs; n++) await server.submit(hello, program(source, -1_000 - n));
    const fromMs = performance.now();
    const endedBefore = ended;
    for (let n = 0; n < hellos; n++) {
      const sentMs = performance.now();
      const { verdict } = await server.submit(hello, program(source, n));
      if (verdict !== 'AC') throw new Error(`hello is ${verdict}`);
      latenciesMs.push(performance.now() - sentMs);
    }
    const loopsPerS = ((ended - endedBefore) * 1_000) / (performance.now() - fromMs);
    latenciesMs.sort((a, b) => a - b);
    const [p50 = 0, p90 = 0, p99 = 0] = [0.5, 0.9, 0.99].map((q) => quantile(latenciesMs, q));
    return { p50, p90, p99, loopsPerS };
  } finally {
    isOver = true;
    await server.stop();
    await Promise.all(burners);
  }
}

/** Hello, always the same, or never seen before. */
function program(source: 'cached' | 'new', n: number) {
  const note = source === 'new' ? `/* ${n} */` : '';
  return { language: 'c', source: `#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n${note}` };
}

async function main(): Promise<void> {
  const list = (text: string) => text.split(',');
  const { values } = parseArgs({
    options: {
      points: { type: 'string', default: '0,2,100,1000' },
      hellos: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '5' },
      users: { type: 'string', default: 'one,many' },
      turns: { type: 'string', default: 'las' },
      source: { type: 'string', default: 'cached' },
    },
  });
  const points: Point[] = list(values.turns).flatMap((turns) =>
    list(values.source).flatMap((source) =>
      list(values.points)
        .map(Number)
        .filter((loops) => turns !== 'fifo' || loops <= MOST_FIFO)
        .flatMap((loops) =>
          (loops === 0 ? ['one'] : list(values.users)).map(
            (users) =>
              ({
                ...{ loops, turns, users: users === 'many' ? 'many' : 'one' },
                ...{ source: source === 'new' ? 'new' : 'cached' },
              }) as const,
          ),
        ),
    ),
  );
  const rounds: Figures[][] = points.map(() => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [index, point] of points.entries()) {
      const hellos = point.turns === 'fifo' ? MOST_FIFO : Number(values.hellos);
      rounds[index]?.push(await measure(point, hellos));
    }
  }
  report(points, rounds);
  if (list(values.turns).includes('fifo')) {
    for (const loops of list(values.points)
      .map(Number)
      .filter((count) => count > MOST_FIFO)) {
      const waitS = (loops * LOOP_SECONDS) / availableParallelism();
      console.log(`fifo    k=${loops}: not run; k / lanes x ${LOOP_SECONDS} s = ${waitS} s a hello`);
    }
  }
}

function report(points: readonly Point[], rounds: readonly (readonly Figures[])[]): void {
  const median = (index: number, key: keyof Figures) =>
    spread((rounds[index] ?? []).map((figures) => figures[key])).median;
  console.log('turns  source  k     users  p50 ms        p90 ms        p99 ms        loops/s   (ratio to k = 0)');
  for (const [index, { turns, source, loops, users }] of points.entries()) {
    const idle = points.findIndex((other) => other.loops === 0 && other.turns === turns && other.source === source);
    const cells = (['p50', 'p90', 'p99'] as const).map((key) => {
      const ratio = idle < 0 ? '' : `(${(median(index, key) / median(idle, key)).toFixed(2)})`;
      return `${median(index, key).toFixed(2)} ${ratio}`.padEnd(12);
    });
    const name = [turns.padEnd(5), source.padEnd(6), String(loops).padEnd(4), users.padEnd(5)].join('  ');
    console.log([name, ...cells, median(index, 'loopsPerS').toFixed(2)].join('  '));
  }
}

await main();
