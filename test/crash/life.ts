/** A life of a table with everything that can happen to it, and the memory of what was true and what was acknowledged. */

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkpoint } from '../../src/shm/snapshot.js';
import { openTable, type Table } from '../../src/shm/table.js';
import { type RowIndex, rowIndex } from '../../src/units.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';
import type { ForgetfulDisk } from './disk.js';
import { MappedFile } from './mapped-file.js';

/** Rows of a life in which all records of the journal are alike. */
const ROWS_ALIKE = 40;
const CHANGES_ALIKE = 12;
const STEPS_A_LOOK = 6;

/**
 * `mixed`: everything that can happen. `alike`: nothing but changes of one kind, so that all records of the journal have the same
 * length, and behind the last one in a recycled segment an old one begins, exactly where a new one would.
 */
export type LifeKind = 'mixed' | 'alike';

/** One life of a table, and everything that was true of it. */
export class Life {
  readonly table: Table;
  /** The operation of the disk with which it began. */
  readonly begin: number;
  readonly states: string[][] = [];
  readonly rowsById = new Map<string, number>();
  /** After that many operations of the disk, these rows had been acknowledged in at least these states. */
  readonly acknowledged: { readonly at: number; readonly rows: ReadonlyMap<number, number> }[] = [];
  /** The table's file, page by page. */
  readonly mapped: MappedFile;
  /** After that many operations of the disk the journal ended there, and was acknowledged up to there. */
  readonly #ends: { readonly at: number; readonly tail: number; readonly acknowledged: number }[] = [];
  readonly #disk: ForgetfulDisk;
  readonly #random: (below: number) => number;
  #acknowledged = 0;
  readonly #pending = new Map<number, number>();

  constructor(path: string, disk: ForgetfulDisk, random: (below: number) => number) {
    this.#disk = disk;
    this.#random = random;
    this.table = openTable({ path, create: true, maxRows: 10_000, maxUsers: 100, ringBytes: 262_144 });
    this.table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    this.table.commit();
    mkdirSync(join(dirname(path), 'sources'));
    this.begin = disk.length;
    this.mapped = new MappedFile(path);
  }

  /** Lives so many steps, and ends in order. */
  live(steps: number, kind: LifeKind): void {
    for (let n = 0; kind === 'alike' && n < ROWS_ALIKE; n++) this.#submit();
    if (kind === 'alike') checkpoint(this.table, 1);
    for (let step = 0; step < steps; step++) {
      if (kind === 'alike') this.#stepAlike();
      else this.#stepMixed(step);
      this.#ends.push({ at: this.#disk.length, tail: this.table.journal.tail, acknowledged: this.#acknowledged });
      if (step % STEPS_A_LOOK === 0) this.mapped.look(this.#disk.length);
    }
    this.#disk.failNextSync = false;
    this.table.closeClean();
  }

  #stepAlike(): void {
    const dice = this.#random(100);
    for (let n = 0; dice < 50 && n < CHANGES_ALIKE; n++) {
      const row = rowIndex(this.#random(ROWS_ALIKE));
      if (this.table.setOwner(row, 1 + this.#random(1_000_000))) this.#note(row);
    }
    if (dice >= 50 && dice < 95) this.#commit();
    else if (dice >= 95 && dice < 97) checkpoint(this.table, 1);
    else if (dice >= 97) this.#disk.failNextSync = true;
  }

  #stepMixed(step: number): void {
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
    this.#acknowledged = this.table.journal.tail;
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
    if (cut >= this.begin && found.userByToken(hashOf('ada'))?.name !== 'Ada') wrong.push('the user is gone');
    const { tail } = found.journal;
    const before = this.#ends.findLast(({ at }) => at <= cut)?.acknowledged ?? 0;
    const after = this.#ends.find(({ at }) => at > cut)?.tail ?? this.table.journal.tail;
    if (tail < before || tail > after) wrong.push(`the journal ends at ${tail}, expected ${before} to ${after}`);
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
