/** A life of a table with everything that can happen to it, and the memory of what was true and what was acknowledged. */

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
    this.begin = disk.length;
  }

  live(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const rows = this.states.length;
      const row = rowIndex(this.#random(Math.max(1, rows)));
      const dice = this.#random(100);
      if (rows === 0 || dice < 30) this.#note(submit(this.table, 0).row);
      else if (dice < 75) this.#record(row, step);
      else if (dice < 80 && this.table.settle(row)) this.#note(row);
      else if (dice < 98) this.#commit();
      else if (dice === 98) checkpoint(this.table);
      else this.#disk.failNextSync = true;
    }
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
    if (found.userByToken(hashOf('ada'))?.name !== 'Ada') wrong.push('the user is gone');
    return wrong;
  }
}

function stateOf(table: Table, row: number): string {
  const response = table.response(rowIndex(row));
  const text = response instanceof Uint8Array ? Buffer.from(response).toString('base64') : '';
  return `${JSON.stringify(table.read(rowIndex(row)))} ${text}`;
}
