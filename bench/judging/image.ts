/**
 * How much faster do 2 processes filter a picture of 4000x3000 than 1?
 *
 * Each round makes a new team of processes, as `turno image` does, and takes the time from the first order to the last report, by the
 * clock of the processes themselves: decoding, encoding and the start of the processes are left out. Rounds of 1 and 2 alternate,
 * and which of them goes first does too. What comes out must be the same.
 */

import { createHash } from 'node:crypto';
import { BandTeam } from '../../src/image/band-team.js';
import { FILTER_NAMES, type FilterName } from '../../src/image/filters/filters.js';
import { type Picture, sampleCount } from '../../src/image/picture.js';
import { inWords, spread } from '../statistics.js';

const PICTURE: Picture = { width: 4_000, height: 3_000, channels: 3, bits: 8 };
const ROUNDS = 9;
const RADIUS = 3;

export async function benchImage(): Promise<string[][]> {
  const samples = new Uint8Array(sampleCount(PICTURE));
  for (let i = 0; i < samples.length; i++) samples[i] = Math.imul(i, 2_654_435_761) >>> 24;
  const rows: string[][] = [];
  for (const name of FILTER_NAMES) {
    const alone: number[] = [];
    const together: number[] = [];
    const ratios: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? [1, 2] : [2, 1];
      const found = new Map<number, Filtered>();
      for (const workers of order) found.set(workers, await filtered(name, samples, workers));
      const [one, two] = [found.get(1), found.get(2)];
      if (one === undefined || two === undefined) throw new TypeError('a round is 1 and 2');
      if (one.hash !== two.hash) throw new Error(`${name}: another picture with 2 workers than with 1`);
      if (round < 0) continue; // files are in the page cache
      alone.push(one.filterMs);
      together.push(two.filterMs);
      ratios.push(one.filterMs / two.filterMs);
    }
    rows.push([`${name}, 1 worker`, `${inWords(spread(alone), 0)} ms`, '1.00']);
    rows.push([`${name}, 2 workers`, `${inWords(spread(together), 0)} ms`, `${inWords(spread(ratios))} times as fast`]);
  }
  return rows;
}

interface Filtered {
  readonly filterMs: number;
  readonly hash: string;
}

async function filtered(name: FilterName, input: Uint8Array, workers: number): Promise<Filtered> {
  const steps = [{ kind: 'filter', name, radius: RADIUS }] as const;
  const nobody = () => undefined;
  const team = new BandTeam({
    picture: PICTURE,
    steps,
    workers,
    program: undefined,
    onRows: nobody,
    onChildren: nobody,
  });
  team.input.set(input);
  await team.ready();
  const { samples, filterMs } = await team.filter();
  const hash = createHash('sha256').update(samples.slice()).digest('hex');
  await team.dismiss();
  return { filterMs, hash };
}
