/**
 * One point of the fairness bench, once: a server of its own, a load that is kept up, and hello world beside it, one after
 * the other.
 */

import { availableParallelism } from 'node:os';
import { BenchServer } from './bench-server.js';
import { LaneLog } from './lane-log.js';
import type { Stay } from './plot.js';

export const LOOP_CPU_MS = 2_000;
const LOOP = {
  ...{ language: 'c', source: 'int main(void) { for (;;); }\n' },
  limits: { cpuTimeMs: LOOP_CPU_MS, memoryMiB: 16 },
};
const MOST_USERS = 200;
/** Cells are made then, and what V8 compiles is compiled: a point with loops goes on warming while they settle. */
const WARM_UP = 5_000;
/**
 * The levels of the policy in which a program is as new as a hello that is run, and as a hello that is compiled. Programs that
 * began together climb through them together: before that they are newcomers as hello is, and have their turns as it has. A
 * part of the time is for switches and for the hellos themselves.
 */
const SETTLE_MS_PER_PROGRAM = { cached: 70, new: 700 } as const;
/** What the plot of lanes shows. */
const LANES_MS = 2_000;

export type Source = 'cached' | 'new';

export interface Load {
  readonly kind: 'loops' | 'compiles';
  readonly count: number;
  /** All from one user, or each from another, at most 200. */
  readonly users: 'one' | 'many';
}

export interface PointOptions {
  readonly turns: string;
  readonly hellos: Readonly<Record<Source, number>>;
  readonly wantsLanes?: boolean;
}

export interface Measured {
  /** Sorted. */
  readonly latenciesMs: Readonly<Record<Source, number[]>>;
  readonly stays: readonly Stay[];
}

export async function measurePoint(load: Load, { turns, hellos, wantsLanes }: PointOptions): Promise<Measured> {
  const cells = Math.ceil(((load.count + 50) * 4) / 3); // a quarter is for further tests of a submission
  const server = await BenchServer.start(['--turns', turns, '--cells', String(cells)]);
  let isOver = false;
  const burners: Promise<void>[] = [];
  try {
    const hello = await server.register('hello');
    const send = (source: Source, n: number) => oneHello(server, hello, source, n);
    for (let n = 0; n < WARM_UP; n++) await send('cached', 0);
    const count = load.users === 'one' ? Math.min(1, load.count) : Math.min(MOST_USERS, load.count);
    const tokens = await Promise.all(Array.from({ length: count }, (_, n) => server.register(`load ${n}`)));
    if (load.kind === 'loops' && load.count > 0) await server.submit(tokens[0] ?? '', LOOP); // compiled once
    const keepUp = async (token: string, n: number) => {
      for (let round = 0; !isOver; round++) await server.submit(token, bodyOf(load, n, round));
    };
    // Cut off at the end, when the server stops.
    for (let n = 0; n < load.count; n++) burners.push(keepUp(tokens[n % count] ?? '', n).catch(() => undefined));
    const begunMs = performance.now();
    const settle = async (source: Source) => {
      const tookMs = (load.count * SETTLE_MS_PER_PROGRAM[source]) / availableParallelism();
      while (performance.now() - begunMs < tookMs) await send('cached', 0);
    };
    await settle('cached');
    const log = wantsLanes
      ? new LaneLog(server.data, cells, (user) => (user === 0 ? 'hello' : `load ${user - 1}`))
      : undefined;
    const untilMs = performance.now() + LANES_MS;
    while (log && performance.now() < untilMs) await send('cached', 0);
    const stays = log?.stop() ?? [];
    const latenciesMs = { cached: [] as number[], new: [] as number[] };
    for (const source of ['cached', 'new'] as const) {
      if (hellos[source] > 0) await settle(source);
      for (let n = 1; n <= hellos[source]; n++) latenciesMs[source].push(await send(source, n));
      latenciesMs[source].sort((a, b) => a - b);
    }
    return { latenciesMs, stays };
  } finally {
    isOver = true;
    await server.stop();
    await Promise.all(burners);
  }
}

/** How long `count` loops of `cpuTimeMs` take that are sent together and beside which nothing else runs. */
export async function measureThroughput(turns: string, count: number, cpuTimeMs: number): Promise<number> {
  const server = await BenchServer.start(['--turns', turns]);
  try {
    const body = { ...LOOP, limits: { ...LOOP.limits, cpuTimeMs } };
    const tokens = await Promise.all([0, 1, 2, 3].map((n) => server.register(`load ${n}`)));
    await server.submit(tokens[0] ?? '', body);
    const fromMs = performance.now();
    await Promise.all(Array.from({ length: count }, (_, n) => server.submit(tokens[n % 4] ?? '', body)));
    return performance.now() - fromMs;
  } finally {
    await server.stop();
  }
}

async function oneHello(server: BenchServer, token: string, source: Source, n: number): Promise<number> {
  const note = source === 'new' ? `/* ${process.pid} ${n} */` : '';
  const body = {
    language: 'c',
    source: `#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n${note}`,
  };
  const sentMs = performance.now();
  const { verdict } = await server.submit(token, body);
  if (verdict !== 'AC') throw new Error(`hello is ${verdict}`);
  return performance.now() - sentMs;
}

function bodyOf({ kind }: Load, n: number, round: number): unknown {
  return kind === 'loops' ? LOOP : { language: 'cpp', source: `${SLOW_TO_COMPILE}// ${process.pid} ${n} ${round}\n` };
}

/** Some seconds of compile time, all of it in template instantiation; the program itself ends at once. */
const SLOW_TO_COMPILE = `#include <regex>
#include <map>
#include <string>
template <int N> struct chain { static std::map<int, chain<N - 1>*> next; int value() { return next.size() + chain<N - 1>().value(); } };
template <int N> std::map<int, chain<N - 1>*> chain<N>::next;
template <> struct chain<0> { int value() { return 0; } };
int main() { std::regex pattern("a*b"); return chain<150>().value() + std::regex_match("b", pattern) - 1; }
`;
