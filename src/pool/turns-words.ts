/**
 * The words of `turns.turno`: mapping the file, and reading and storing one field of its header or of a slot. What the words
 * mean is in cell-layout.ts; the rules of who changes them when, in process-table.ts.
 */

import { closeSync, constants, ftruncateSync, openSync, rmSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import type { Field } from '../shm/fields.js';
import { native } from '../shm/native.js';
import type { SlotIndex } from '../units.js';
import { CELL_SIGNATURE, MAX_LANES, SLOT, TURNS_HEADER, TURNS_MAGIC } from './cell-layout.js';

const HEADER = TURNS_HEADER.fields;

/** Makes the file anew (an old one belongs to processes that are gone) and maps it. */
export function createTurnsFile(path: string, slotCount: number, laneCount: number): SharedArrayBuffer {
  rmSync(path, { force: true });
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    const length = lengthOf(slotCount);
    ftruncateSync(fd, length);
    native.allocate(fd, 0, length); // a full disk must be an error here, not a SIGBUS at the first store
    const buffer = native.map(fd, length);
    const words = new Int32Array(buffer);
    words[HEADER.SLOT_COUNT.offset / 4] = slotCount;
    words[HEADER.LANE_COUNT.offset / 4] = laneCount;
    words[HEADER.SIGNATURE.offset / 4] = CELL_SIGNATURE | 0;
    Atomics.store(words, HEADER.MAGIC.offset / 4, TURNS_MAGIC);
    return buffer;
  } finally {
    closeSync(fd);
  }
}

/** Maps the file the primary made. */
export function mapTurnsFile(path: string, slotCount: number): SharedArrayBuffer {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    return native.map(fd, lengthOf(slotCount));
  } finally {
    closeSync(fd);
  }
}

function lengthOf(slotCount: number): number {
  return Math.ceil((TURNS_HEADER.size + slotCount * SLOT.size) / 4_096) * 4_096;
}

export class TurnsWords {
  readonly buffer: SharedArrayBuffer;
  readonly slotCount: number;
  /** For compare-and-swap and futexes, at the places the functions below tell. */
  readonly words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #bytes: Uint8Array;

  /** @throws TurnoError TURNO_TABLE_LAYOUT if another version made the file */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.#longs = new BigInt64Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    const found = this.header(HEADER.SIGNATURE) >>> 0;
    if (this.header(HEADER.MAGIC) !== TURNS_MAGIC || found !== CELL_SIGNATURE) {
      throw new TurnoError('TURNO_TABLE_LAYOUT', { path: 'turns.turno', found, expected: CELL_SIGNATURE });
    }
    this.slotCount = this.header(HEADER.SLOT_COUNT);
  }

  header(field: Field): number {
    return Atomics.load(this.words, field.offset / 4);
  }

  setHeader(field: Field, value: number): void {
    Atomics.store(this.words, field.offset / 4, value);
  }

  /** Place of the word of a lane, from 0 to MAX_LANES - 1. */
  laneAt(lane: number): number {
    if (lane >= MAX_LANES) throw new RangeError(`lane: expected 0 to ${MAX_LANES - 1}, got ${lane}`);
    return HEADER.LANES.offset / 4 + lane;
  }

  /** Place of a word of a slot. */
  at(slot: SlotIndex, field: Field): number {
    return (TURNS_HEADER.size + slot * SLOT.size + field.offset) / 4;
  }

  load(slot: SlotIndex, field: Field): number {
    return Atomics.load(this.words, this.at(slot, field)) >>> 0;
  }

  store(slot: SlotIndex, field: Field, value: number): void {
    Atomics.store(this.words, this.at(slot, field), value);
  }

  loadLong(slot: SlotIndex, field: Field): number {
    return Number(Atomics.load(this.#longs, this.at(slot, field) / 2));
  }

  storeLong(slot: SlotIndex, field: Field, value: bigint): void {
    Atomics.store(this.#longs, this.at(slot, field) / 2, value);
  }

  text(slot: SlotIndex, field: Field): string {
    const start = this.at(slot, field) * 4;
    const text = Buffer.from(this.#bytes.slice(start, start + field.bytes));
    const end = text.indexOf(0);
    return text.toString('utf8', 0, end < 0 ? text.length : end);
  }

  storeText(slot: SlotIndex, field: Field, value: string): void {
    const start = this.at(slot, field) * 4;
    const text = Buffer.from(value).subarray(0, field.bytes - 1);
    this.#bytes.fill(0, start, start + field.bytes);
    this.#bytes.set(text, start);
  }
}
