/**
 * What would it buy to free a lane the moment a request arrives, before it is parsed?
 *
 *     npm run --silent bench:arrival -- [--rounds 5] [--hellos 300]
 *
 * Hello from a cached executable, one after the other, (1) on an idle server, (2) while one loop burns on each lane,
 * (3) the same, but every program in a cell is stopped from outside just before the request is sent and continued after its
 * answer. (3) is better than any server can be: the cores are free before the first byte comes. So 2 less 3 is the most
 * that could be gained by not letting programs compete with the server, and 3 less 1 is what the hand-over of a lane costs.
 * Of that, `lane after` is the time from the moment the run asks for a lane until the scheduler has given it one: the stop.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ProcessEntry, ProcessTable } from '../../src/pool/process-table.js';
import { NS_PER_MS } from '../../src/units.js';
import { inWords, quantile, spread } from '../statistics.js';
import { BenchServer } from './bench-server.js';

const CELLS = 20;
const HELLO = { language: 'c', source: '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' };
const LOOP = { language: 'c', source: 'int main(void) { for (;;); }\n', limits: { cpuTimeMs: 60_000 } };

type Case = 'idle' | 'burning' | 'stopped first';

interface Measured {
  /** Both sorted. */
  readonly latenciesMs: number[];
  readonly laneAfterMs: number[];
}

async function measure(which: Case, hellos: number): Promise<Measured> {
  const server = await BenchServer.start(['--cells', String(CELLS)]);
  let isOver = false;
  try {
    const [hello, burner] = [await server.register('hello'), await server.register('burner')];
    for (let n = 0; n < 20; n++) await server.submit(hello, HELLO);
    const burn = async () => {
      while (!isOver) await server.submit(burner, LOOP);
    };
    const burners =
      which === 'idle' ? [] : Array.from({ length: availableParallelism() }, () => burn().catch(() => undefined));
    const table = ProcessTable.open(join(server.data, 'turns.turno'), CELLS);
    while ([...table.alive()].filter(({ turns }) => turns > 1).length < burners.length)
      await server.submit(hello, HELLO);
    const latenciesMs: number[] = [];
    const laneAfterMs: number[] = [];
    for (let n = 0; n < hellos; n++) {
      const stopped = which === 'stopped first' ? programsOf(table) : [];
      for (const pid of stopped) send(pid, 'SIGSTOP');
      const sentMs = performance.now();
      await server.submit(hello, HELLO);
      latenciesMs.push(performance.now() - sentMs);
      laneAfterMs.push(lastLaneAfterMs(table));
      for (const pid of stopped) send(pid, 'SIGCONT');
    }
    return { latenciesMs: latenciesMs.sort((a, b) => a - b), laneAfterMs: laneAfterMs.sort((a, b) => a - b) };
  } finally {
    isOver = true;
    await server.stop();
  }
}

/** For how long the run that was asked for last waited for its lane: its slot still has what it wrote there. */
function lastLaneAfterMs(table: ProcessTable): number {
  let last: ProcessEntry | undefined;
  for (const slot of table.slots()) {
    const entry = table.entry(slot);
    if (!last || entry.waitingSinceNs > last.waitingSinceNs) last = entry;
  }
  return last ? (last.laneSinceNs - last.waitingSinceNs) / NS_PER_MS : 0;
}

/** Pids of the programs alive: the children of each cell's PID 1. */
function programsOf(table: ProcessTable): number[] {
  return [...table.alive()].flatMap(({ pid }) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, hellos: { type: 'string', default: '300' } },
});
const found = new Map<Case, Measured[]>([
  ['idle', []],
  ['burning', []],
  ['stopped first', []],
]);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [which, rounds] of found) rounds.push(await measure(which, Number(values.hellos)));
}
for (const [which, rounds] of found) {
  const inRounds = (of: (one: Measured) => number[]) =>
    [0.5, 0.9, 0.99].map((q) => inWords(spread(rounds.map((one) => quantile(of(one), q))))).join('   ');
  console.log(`${which.padEnd(14)} p50, p90, p99 ms: ${inRounds(({ latenciesMs }) => latenciesMs)}`);
  console.log(`${''.padEnd(14)} lane after, ms:   ${inRounds(({ laneAfterMs }) => laneAfterMs)}`);
}
