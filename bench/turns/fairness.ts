/**
 * How long does hello world take while others burn CPU in k infinite loops, or have 200 slow compilations?
 *
 *     npm run bench -- turns [--points 0,2,100,1000] [--users one,many] [--compiles 200] [--rounds 5]
 *                            [--hellos 1000] [--new-hellos 1000] [--fifo 0,2,10] [--throughput 20] [--plots DIRECTORY]
 *
 * A point has a server of its own, on which the load is kept up by one user or by as many as there are programs, at most
 * 200; another user sends hello one after the other, first with a cached executable, then with a source never seen before.
 * Rounds go through all points in turn; a figure is the median of the rounds, with the least and the most.
 *
 * With `fifo` hellos wait behind all loops: only points up to 10 are run, with 10 hellos, and larger ones are extrapolated,
 * k / lanes x 2 s, and marked `~`. Throughput is how long loops sent together take with `las` and with `fifo`, by turns.
 * GO_JUDGE, a path of the go-judge binary, adds its row of points up to 10, by the same rules as fifo.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inWords, quantile, spread } from '../statistics.js';
import { measureGoJudge } from './go-judge.js';
import { distributionSvg, lanesSvg, type Stay } from './plot.js';
import { LOOP_CPU_MS, type Load, measurePoint, measureThroughput, type Source } from './point.js';

const MOST_FIFO = 10;
const FIFO_HELLOS = 10;
const THROUGHPUT_CPU_MS = 1_000;

interface Row {
  readonly name: string;
  readonly source: Source;
  /** Of each round, sorted. */
  readonly rounds: number[][];
}

interface Options {
  readonly loads: readonly Load[];
  readonly rounds: number;
  readonly hellos: Readonly<Record<Source, number>>;
  readonly fifo: readonly number[];
  readonly throughput: number;
  readonly plots: string | undefined;
}

/** Runs the bench and prints its tables; `args` as above. */
export async function benchTurns(args: readonly string[]): Promise<void> {
  const options = optionsOf(args);
  const rows = new Map<string, Row>();
  const stays = new Map<string, readonly Stay[]>();
  const slowdowns: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const load of options.loads) {
      const isLast = round === options.rounds - 1;
      const wantsLanes = options.plots !== undefined && isLast && load.count > 0;
      const measured = await measurePoint(load, { turns: 'las', hellos: options.hellos, wantsLanes });
      for (const source of ['cached', 'new'] as const)
        keep(rows, nameOf('las', load), source, measured.latenciesMs[source]);
      if (wantsLanes) stays.set(nameOf('las', load), measured.stays);
    }
    for (const count of options.fifo) {
      const load: Load = { kind: 'loops', count, users: 'one' };
      const { latenciesMs } = await measurePoint(load, { turns: 'fifo', hellos: { cached: FIFO_HELLOS, new: 0 } });
      keep(rows, nameOf('fifo', load), 'cached', latenciesMs.cached);
      if (process.env.GO_JUDGE) {
        const found = await measureGoJudge(process.env.GO_JUDGE, count, LOOP_CPU_MS, FIFO_HELLOS);
        keep(rows, nameOf('go-judge', load), 'cached', found);
      }
    }
    if (options.throughput > 0) slowdowns.push(await slowdown(options.throughput, round));
    console.log(`round ${round + 1} of ${options.rounds} done: medians so far`);
    report([...rows.values()]); // a bench of an hour that is broken off has said something
  }
  for (const { count } of options.loads.filter((load) => load.kind === 'loops' && load.count > MOST_FIFO)) {
    const waitS = (count * LOOP_CPU_MS) / 1_000 / availableParallelism();
    if (options.fifo.length > 0)
      console.log(`~ fifo, ${count} loops: not run; ${count} / lanes x 2 s = ${waitS} s a hello`);
  }
  if (slowdowns.length > 0)
    console.log(`time of ${options.throughput} loops, las to fifo: ${inWords(spread(slowdowns), 3)}`);
  if (options.plots) plot(options.plots, [...rows.values()], stays);
}

/** Both sides of a round right after another, the first one by turns. */
async function slowdown(count: number, round: number): Promise<number> {
  const order = round % 2 ? ['fifo', 'las'] : ['las', 'fifo'];
  const tookMs = new Map<string, number>();
  for (const turns of order) tookMs.set(turns, await measureThroughput(turns, count, THROUGHPUT_CPU_MS));
  return (tookMs.get('las') ?? Number.NaN) / (tookMs.get('fifo') ?? Number.NaN);
}

function keep(rows: Map<string, Row>, name: string, source: Source, latenciesMs: number[]): void {
  if (latenciesMs.length === 0) return;
  const key = `${name}/${source}`;
  const row = rows.get(key) ?? { name, source, rounds: [] };
  rows.set(key, row);
  row.rounds.push(latenciesMs);
}

function nameOf(turns: string, { kind, count, users }: Load): string {
  return count === 0 ? `${turns}, idle` : `${turns}, ${count} ${kind} of ${users === 'one' ? 'one user' : 'many'}`;
}

function report(rows: readonly Row[]): void {
  console.log(
    `${'hello beside'.padEnd(34)}${'source'.padEnd(8)}${'p50 ms'.padEnd(38)}${'p90 ms'.padEnd(38)}p99 ms (x: ratio to idle, +: more than idle)`,
  );
  for (const { name, source, rounds } of rows) {
    const idle = rows.find((other) => other.name === `${name.split(',')[0]}, idle` && other.source === source);
    const figures = [0.5, 0.9, 0.99].map((q) => {
      const found = spread(rounds.map((one) => quantile(one, q)));
      const ofIdle = idle && spread(idle.rounds.map((one) => quantile(one, q))).median;
      if (!ofIdle || idle.name === name) return inWords(found, 1).padEnd(38);
      const more = (found.median - ofIdle).toFixed(1);
      return `${inWords(found, 1)} x${(found.median / ofIdle).toFixed(2)} +${more}`.padEnd(38);
    });
    console.log(`${name.padEnd(34)}${source.padEnd(8)}${figures.join('').trimEnd()}`);
  }
}

function plot(directory: string, rows: readonly Row[], stays: ReadonlyMap<string, readonly Stay[]>): void {
  mkdirSync(directory, { recursive: true });
  for (const source of ['cached', 'new'] as const) {
    const curves = rows
      .filter((row) => row.source === source)
      .map(({ name, rounds }) => ({ name, latenciesMs: rounds.flat().sort((a, b) => a - b) }));
    if (curves.length === 0) continue;
    writeFileSync(
      join(directory, `latency-${source}.svg`),
      distributionSvg(`Latency of hello, ${source} source`, curves),
    );
  }
  for (const [name, log] of stays) {
    const file = `lanes-${name.replaceAll(/[^a-z0-9]+/g, '-')}.svg`;
    writeFileSync(join(directory, file), lanesSvg(`Who had the lanes: ${name}, and hello`, log));
  }
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      points: { type: 'string', default: '0,2,100,1000' },
      users: { type: 'string', default: 'one,many' },
      compiles: { type: 'string', default: '200' },
      rounds: { type: 'string', default: '5' },
      hellos: { type: 'string', default: '1000' },
      'new-hellos': { type: 'string', default: '1000' },
      fifo: { type: 'string', default: '0,2,10' },
      throughput: { type: 'string', default: '20' },
      plots: { type: 'string' },
    },
  });
  const numbers = (text: string) => (text === '' ? [] : text.split(',').map(Number));
  const users = values.users.split(',').map((word): Load['users'] => (word === 'many' ? 'many' : 'one'));
  const loops = numbers(values.points).flatMap((count) =>
    (count === 0 ? (['one'] as const) : users).map((who): Load => ({ kind: 'loops', count, users: who })),
  );
  const compiles = numbers(values.compiles).filter((count) => count > 0);
  return {
    loads: [...loops, ...compiles.map((count): Load => ({ kind: 'compiles', count, users: 'many' }))],
    rounds: Number(values.rounds),
    hellos: { cached: Number(values.hellos), new: Number(values['new-hellos']) },
    fifo: numbers(values.fifo).filter((count) => count <= MOST_FIFO),
    throughput: Number(values.throughput),
    plots: values.plots,
  };
}
