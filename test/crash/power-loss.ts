/**
 * Power cuts at random moments of a life with many commits, several segments, failed syncs and checkpoints. Whatever legal
 * state the disk is left in: what was acknowledged is there, and what is there was once written.
 *
 *     npm run torture:power [-- CUTS [SEED]]     1,000 cuts unless told
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTable } from '../../src/shm/table.js';
import { SMALL } from '../shm/fresh-table.js';
import { setOtherBoot } from '../shm/power.js';
import { ForgetfulDisk } from './disk.js';
import { Life, sourcePath } from './life.js';

const STEPS = 1_200;

/**
 * Lives once in each way, and cuts the power half of the times in each: before, during and after it.
 * @returns what was wrong after the cuts, at most a few; empty when all is well.
 */
export function cutPower(cuts: number, seed: number, directory: string): string[] {
  const random = randomFrom(seed);
  return (['mixed', 'alike'] as const).flatMap((kind) => {
    const root = join(directory, kind);
    mkdirSync(root);
    const disk = new ForgetfulDisk(root, (name) => /\.turno|^making/.test(name));
    const life = new Life(join(root, 'table.turno'), disk, random);
    try {
      life.live(STEPS, kind);
    } finally {
      disk.end();
    }
    const wrong: string[] = [];
    for (let n = 0; n < cuts / 2 && wrong.length < 5; n++) {
      const cut = random(disk.length + 1);
      const after = join(directory, 'after');
      mkdirSync(after);
      disk.restore(cut, after, random);
      wrong.push(...lookAfter(life, disk, cut, after, random).map((problem) => `${kind}, cut ${cut}: ${problem}`));
      rmSync(after, { recursive: true });
    }
    return wrong;
  });
}

/** Starts from what the cut has left, on another boot of the machine. */
function lookAfter(
  life: Life,
  disk: ForgetfulDisk,
  cut: number,
  after: string,
  random: (below: number) => number,
): string[] {
  const path = join(after, 'table.turno');
  try {
    if (existsSync(path)) {
      life.mapped.spoil(path, disk.lastSync('table.turno', cut), cut, random);
      if (statSync(path).size > 0) setOtherBoot(path);
    }
    mkdirSync(join(after, 'sources'), { recursive: true });
    const onSource = (id: Uint8Array, source: Uint8Array) =>
      writeFileSync(sourcePath(after, life.rowsById.get(Buffer.from(id).toString('hex')) ?? -1), source);
    const table = openTable({ path, create: true, ...SMALL, onSource });
    const wrong = life.compare(table, cut);
    table.close();
    return wrong;
  } catch (error) {
    return [`${error instanceof Error ? error.stack : error}`];
  }
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cuts = Number(process.argv[2] ?? 1_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  const directory = mkdtempSync(join(tmpdir(), 'turno-power-'));
  const wrong = cutPower(cuts, seed, directory);
  rmSync(directory, { recursive: true });
  for (const line of wrong) console.log(`WRONG ${line}`);
  console.log(`${cuts} power cuts, seed ${seed}: ${wrong.length} things wrong`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
