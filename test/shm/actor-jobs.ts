/** What actors do with the table. */

import { createHash } from 'node:crypto';
import { armFaultPoints, type FaultPoint } from '../../src/shm/fault-points.js';
import type { Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import type { Job } from './actor.js';

export function work(table: Table, job: Job): unknown {
  switch (job.kind) {
    case 'accept':
      return Array.from({ length: job.count }, () => submit(table, job.user).arrival);
    case 'durable':
      for (let n = 0; n < job.count; n++) {
        const { row } = submit(table, job.user);
        table.commit();
        table.finish(row, resultFor(row, n));
        table.commit();
      }
      return job.count;
    case 'run':
      return job.rows.filter((row) => {
        table.start(rowIndex(row));
        return table.finish(rowIndex(row), resultFor(row, process.pid));
      });
    case 'churn':
      return churn(table, job.user, job.seed, job.count);
    case 'signal':
      signalAt(job);
      return table.start(rowIndex(job.row));
    case 'signal-accept':
      signalAt(job);
      return submit(table, job.user).row;
  }
}

function signalAt({ at, signal }: { at: FaultPoint; signal: NodeJS.Signals }): void {
  armFaultPoints((point) => {
    if (point === at) process.kill(process.pid, signal);
  });
}

let submissions = 0;

/** Accepts a submission whose id nobody else makes. */
export function submit(table: Table, user: number) {
  const id = createHash('md5').update(`${process.pid}-${process.hrtime.bigint()}-${submissions++}`).digest();
  return table.accept({ id, user, language: 'c', sentAtMs: 1_700_000_000_000, source: 'sources/ab/main.c' });
}

/** A result in which every field follows from one number: a row mixed from two of them is seen. */
export function resultFor(row: number, salt: number) {
  const length = (row * 7 + salt) % 1_500;
  const response = Buffer.alloc(length, `${row}/${salt};`);
  const number = row * 1_000 + (salt % 1_000);
  return {
    verdict: 1 + (salt % 8),
    exitCode: salt % 256,
    signal: null,
    cpuNs: number,
    wallNs: number + 1,
    waitedNs: number + 2,
    memoryBytes: number + 3,
    executable: `executables/${row}/${salt}`,
    response,
  };
}

/** Whether the fields of a row that has a result all come from the same one. */
export function isWhole(table: Table, index: number): boolean {
  const row = table.read(rowIndex(index));
  if (row === undefined) return false;
  if (row.executable === null) return row.verdict === 0 && row.cpuNs === 0 && row.exitCode === null;
  const salt = Number(row.executable.split('/')[2]);
  const expected = resultFor(index, salt);
  return (
    row.verdict === expected.verdict &&
    row.exitCode === expected.exitCode &&
    row.cpuNs === expected.cpuNs &&
    row.wallNs === expected.wallNs &&
    row.waitedNs === expected.waitedNs &&
    row.memoryBytes === expected.memoryBytes &&
    row.executable === `executables/${index}/${salt}`
  );
}

/** Accepts, starts, records and finishes in an order that the seed decides; how many it accepted. */
function churn(table: Table, user: number, seed: number, count: number): number {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let accepted = 0;
  for (let step = 0; step < count; step++) {
    const { rows } = table.counts();
    const dice = random(20);
    const row = rowIndex(random(Math.max(1, rows)));
    if (rows === 0 || dice < 5) {
      submit(table, user);
      accepted++;
    } else if (dice < 9) table.start(row);
    else if (dice < 14) table.record(row, resultFor(row, random(10_000)));
    else if (dice < 16) table.finish(row, resultFor(row, random(10_000)));
    else if (dice === 16)
      table.addUser({ name: `u${process.pid}-${step}-${seed}`, tokenHash: hashOf(`${step}-${seed}`) });
    else if (!isWhole(table, row)) throw new Error(`row ${row} is a mixture`);
  }
  return accepted;
}

export function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(`${process.pid}-${text}`).digest();
}
