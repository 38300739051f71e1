/** A life of a table with everything that can happen to it, and the memory of what was true and what was acknowledged. */

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkpoint } from '../../src/shm/snapshot.js';
import { openTable, type Table } from '../../src/shm/table.js';
import { type RowIndex, rowIndex } from '../../src/units.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';
import type { ForgetfulDisk } from './disk.js';

/** One life of a table, and everything that was true of it. */
export class Life {
  readonly table: Table;
  /** The operation of the disk with which it began. */
  readonly begin: number;
  readonly states: string[][] = [];
  readonly rowsById = new Map<string, number>();
  /** After that many operations of the disk, these rows had been acknowledged in at least these states. */
  readonly acknowledged: { readonly at: number; readonly rows: ReadonlyMap<number, number> }[] = [];
  readonly #disk: ForgetfulDisk;
  readonly #random: (below: number) => number;
  readonly #pending = new Map<number, number>();

  constructor(path: string, disk: ForgetfulDisk, random: (below: number) => number) {
    this.#disk = disk;
    this.#random = random;
    this.table = openTable({ path, create: true, maxRows: 10_000, maxUsers: 100, ringBytes: 262_144 });
    this.table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    this.table.commit();
    mkdirSync(join(dirname(path), 'sources'));
    this.begin = disk.length;
  }

  live(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const rows = this.states.length;
      const row = rowIndex(this.#random(Math.max(1, rows)));
      const dice = this.#random(100);
      if (rows === 0 || dice < 30) this.#submit();
      else if (dice < 75) this.#record(row, step);
      else if (dice < 80 && this.table.settle(row)) this.#note(row);
      else if (dice < 98) this.#commit();
      else if (dice === 98) checkpoint(this.table);
      else this.#disk.failNextSync = true;
    }
  }

  /** As a saver does it: the source goes into a file that nobody syncs, and into the journal. */
  #submit(): void {
    const { row } = submit(this.table, 0);
    const fd = openSync(sourcePath(dirname(this.table.path), row), 'w');
    const source = sourceOf(row);
    writeSync(fd, source, 0, source.length, 0);
    closeSync(fd);
    this.table.logSource(row, source);
    this.rowsById.set(Buffer.from(this.table.read(row)?.id ?? []).toString('hex'), row);
    this.#note(row);
  }

  #record(row: RowIndex, step: number): void {
    const response = Buffer.alloc(this.#random(4) === 0 ? this.#random(60_000) : this.#random(400), `${step};`);
    if (this.table.record(row, { ...resultFor(row, step), response })) this.#note(row);
  }

  #note(row: number): void {
    const states = this.states[row] ?? [];
    this.states[row] = states;
    states.push(stateOf(this.table, row));
    this.#pending.set(row, states.length - 1);
  }

  #commit(): void {
    this.table.commit();
    this.acknowledged.push({ at: this.#disk.length, rows: new Map(this.#pending) });
    this.#pending.clear();
  }

  compare(found: Table, cut: number): string[] {
    const least = new Map<number, number>();
    for (const { at, rows } of this.acknowledged) {
      if (at <= cut) for (const [row, state] of rows) least.set(row, state);
    }
    const { rows } = found.counts();
    const wrong: string[] = [];
    for (const [row] of least) if (row >= rows) wrong.push(`row ${row} was acknowledged and is gone`);
    for (let row = 0; row < rows; row++) {
      const state = this.states[row]?.lastIndexOf(stateOf(found, row)) ?? -1;
      if (state < 0) wrong.push(`row ${row} is in a state it never had`);
      else if (state < (least.get(row) ?? 0))
        wrong.push(`row ${row}: state ${least.get(row)} acknowledged, ${state} found`);
    }
    for (const row of least.keys()) {
      const path = sourcePath(dirname(found.path), row);
      const isWhole = existsSync(path) && readFileSync(path).equals(sourceOf(row));
      if (!isWhole)
        wrong.push(`the source of row ${row} was acknowledged and is ${existsSync(path) ? 'torn' : 'gone'}`);
    }
    if (found.userByToken(hashOf('ada'))?.name !== 'Ada') wrong.push('the user is gone');
    return wrong;
  }
}

function stateOf(table: Table, row: number): string {
  const response = table.response(rowIndex(row));
  const text = response instanceof Uint8Array ? Buffer.from(response).toString('base64') : '';
  return `${JSON.stringify(table.read(rowIndex(row)))} ${text}`;
}

/** Where the source of a row lies, below the data directory. */
export function sourcePath(data: string, row: number): string {
  return join(data, 'sources', String(row));
}

export function sourceOf(row: number): Buffer {
  return Buffer.alloc(600 + ((row * 131) % 900), `source ${row};`);
}
