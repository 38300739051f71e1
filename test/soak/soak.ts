/**
 * `npm run soak [-- --minutes N]`: full load by all ways in at once, 10 minutes by default. Memory (what collections of
 * garbage leave, collect.ts), descriptors, threads, cells and zombies are sampled each second; the exit status is 1 when one
 * of them still grows at the end, when a zombie is left, or when a request is unaccounted for.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type Driven, drive } from '../../src/stress/drive.js';
import { checkPlan } from '../../src/stress/plan.js';
import { mixOf } from '../../src/stress/programs.js';
import { reportOf } from '../../src/stress/report.js';
import { startServer, type TestServer } from '../start-server.js';
import { flatness } from './flat.js';
import { type Sample, sample } from './samples.js';

const SAMPLE_MS = 1_000;
const PLAIN = { head: [], border: [] };
const MIX = 'ping=20,hello-c=8,hello-python=4,crash=2,compile-error=1,loop=0.2';
/** Growth that is still flat: a part of what was before, and at least so much. */
type Tolerance = readonly [part: number, atLeast: number, by: 'median' | 'least'];
const TOLERANCE: Readonly<Record<keyof Sample, Tolerance>> = {
  memoryKib: [0.05, 4_096, 'least'],
  descriptors: [0.02, 4, 'median'],
  threads: [0, 0, 'median'],
  cells: [0.1, 4, 'median'],
  zombies: [0, 1, 'median'],
};

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError(`--minutes: expected a number above 0, got ${values.minutes}`);
const directory = mkdtempSync(join(tmpdir(), 'turno-soak-'));
const ends: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
try {
  const flags = ['--fronts', '2', '--signals', 'on', '--tcp-port', '0', '--socket', join(directory, 's')];
  const env = { NODE_OPTIONS: `--import=${new URL('./collect.js', import.meta.url)}` };
  const server = await startServer({ teardown: (end) => ends.unshift(end) }, { args: flags, env });
  process.exitCode = (await soak(server)) ? 0 : 1;
} finally {
  for (const end of ends) await end();
}

async function soak(server: TestServer): Promise<boolean> {
  const samples: Sample[] = [];
  const timer = setInterval(() => samples.push(sample(server.pid)), SAMPLE_MS);
  const ways = [server.url, server.address('tcp'), server.address('unix'), server.address('signal')];
  const driven = await Promise.all(ways.map((way) => load(server, way)));
  clearInterval(timer);
  await server.idle();
  const after = sample(server.pid);
  const isServed = showLoad(ways, driven);
  return showSamples(samples, after) && isServed;
}

async function load(server: TestServer, address: string): Promise<Driven> {
  const token = await server.register(`soak ${address}`.slice(0, 100));
  const mix = await mixOf(MIX, async () => undefined);
  const plan = checkPlan({ server: address, token, mix, concurrency: 8, durationS: minutes * 60 });
  const isAsked = new Promise((resolve) => process.once('SIGINT', resolve));
  return await drive({ plan, clients: 1, onLook: () => undefined, isAsked });
}

function showLoad(ways: readonly string[], driven: readonly Driven[]): boolean {
  const table = new Table({
    head: ['way', 'sent', 'answered', 'refused', 'errors', 'unaccounted', '/s', 'p50 ms', 'p99 ms'],
    style: PLAIN,
  });
  const reports = driven.map(({ figures, durationS, lost }) => reportOf(figures, durationS, lost));
  for (const [i, r] of reports.entries()) {
    const answered = JSON.stringify(r.answered);
    const rest = [JSON.stringify(r.refused), JSON.stringify(r.errors), r.unaccounted + r.unanswered];
    table.push([
      ways[i]?.replace(/[^:]*\//g, '') ?? '',
      r.sent,
      answered,
      ...rest,
      r.throughput.toFixed(0),
      r.latencyMs.p50,
      r.latencyMs.p99,
    ]);
  }
  console.log(table.toString());
  return reports.every(
    ({ errors, unaccounted, unanswered }) => Object.keys(errors).length + unaccounted + unanswered === 0,
  );
}

function showSamples(samples: readonly Sample[], after: Sample): boolean {
  const table = new Table({ head: ['', 'second third', 'last third', 'afterwards', ''], style: PLAIN });
  let isFlat = true;
  for (const [name, [part, atLeast, by]] of Object.entries(TOLERANCE) as [keyof Sample, Tolerance][]) {
    const series = samples.map((one) => one[name]);
    const found = flatness(series, part, atLeast, by);
    const isFine = found.isFlat && (name !== 'zombies' || after.zombies === 0);
    isFlat &&= isFine;
    table.push([name, found.before, found.after, after[name], isFine ? 'flat' : 'GROWS']);
  }
  console.log(`${minutes} minutes, ${samples.length} samples; medians, of memory the least\n${table.toString()}`);
  return isFlat;
}
