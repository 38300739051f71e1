/**
 * A process or a thread that works on the table until it dies at a fault point: a process by SIGKILL, a thread by standing
 * still there until it is terminated. Before each change it says what it is about to do, and after it that it is done, so
 * that whoever survives knows what must be there.
 */

import { createHash } from 'node:crypto';
import { rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { armFaultPoints, type FaultPoint } from '../../src/shm/fault-points.js';
import { writeSnapshot } from '../../src/shm/snapshot.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { type RowIndex, rowIndex } from '../../src/units.js';
import { isWhole, resultFor } from '../shm/actor-jobs.js';

export interface Doom {
  readonly user: number;
  readonly seed: number;
  readonly at: FaultPoint;
  /** Which time the point is passed. */
  readonly nth: number;
}

export type Report =
  | { readonly kind: 'accept'; readonly id: string }
  | { readonly kind: 'accepted'; readonly row: number; readonly arrival: number }
  | { readonly kind: 'record'; readonly row: number; readonly salt: number; readonly isLast: boolean }
  | { readonly kind: 'recorded' }
  | { readonly kind: 'mixture'; readonly row: number };

export function live(table: Table, { user, seed }: Doom, at: FaultPoint, say: (report: Report) => void): never {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const mine: RowIndex[] = [];
  for (let step = 0; ; step++) {
    const dice = random(16);
    const own = mine[random(mine.length)];
    if (dice < 4 || own === undefined) {
      const id = createHash('md5').update(`${seed}-${process.pid}-${step}`).digest();
      say({ kind: 'accept', id: id.toString('hex') });
      const { row, arrival } = table.accept({ id, user, language: 'c', sentAtMs: step });
      say({ kind: 'accepted', row, arrival });
      mine.push(row);
    } else if (dice < 9) {
      const salt = random(10_000);
      const isLast = dice === 8;
      say({ kind: 'record', row: own, salt, isLast });
      if (isLast) table.finish(own, resultFor(own, salt));
      else table.record(own, resultFor(own, salt));
      say({ kind: 'recorded' });
      if (isLast) mine.splice(mine.indexOf(own), 1);
    } else if (dice < 12) {
      const any = rowIndex(random(table.counts().rows));
      // Rows of others too: they hold the same stripes, and their makers may be dead.
      if (dice === 11) table.setOwner(any, process.pid);
      if (!isWhole(table, any)) say({ kind: 'mixture', row: any });
    } else if (dice === 12) {
      const tokenHash = createHash('sha256').update(`${seed}-${process.pid}-${step}`).digest();
      table.addUser({ name: `v${seed}-${process.pid}-${step}`, tokenHash });
    } else table.commit();
    if (at.startsWith('snapshot')) {
      const directory = join(dirname(table.path), 'victims');
      writeSnapshot(table, directory);
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

function arm({ at, nth }: Doom, die: () => void): void {
  let times = 0;
  armFaultPoints((point) => {
    if (point === at && ++times === nth) die();
  });
}

if (!isMainThread && workerData?.doom !== undefined) {
  const { buffer, doom } = workerData as { buffer: SharedArrayBuffer; doom: Doom };
  const table = attachTable(buffer);
  const say = (report: Report) => parentPort?.postMessage(report);
  arm(doom, () => {
    parentPort?.postMessage('stands');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
  live(table, doom, doom.at, say);
} else if (process.argv[2] === 'victim') {
  const { path, doom } = JSON.parse(process.argv[3] ?? '') as { path: string; doom: Doom };
  const table = openTable({ path, create: false });
  arm(doom, () => process.kill(process.pid, 'SIGKILL'));
  live(table, doom, doom.at, (report) => writeWhole(Buffer.from(`${JSON.stringify(report)}\n`)));
}

/** The pipe does not block, and whoever reads it may be busy: what is said must be out before anything is done. */
function writeWhole(text: Buffer): void {
  const nap = new Int32Array(new SharedArrayBuffer(4));
  for (let at = 0; at < text.length; ) {
    try {
      at += writeSync(1, text, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(nap, 0, 0, 1);
    }
  }
}
