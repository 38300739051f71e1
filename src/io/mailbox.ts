/**
 * A mailbox file, mapped: its slots read and written by the rules of mailbox-layout.ts. Both sides use it; what a state
 * means to each is in signal.ts (the front) and signal-client.ts.
 */

import { closeSync, constants, fstatSync, ftruncateSync, openSync, renameSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import { mixWords } from '../shm/checksum.js';
import { native } from '../shm/native.js';
import {
  HEAD,
  HEADER,
  HEADER_BYTES,
  MAILBOX_BYTES,
  MAILBOX_MAGIC,
  MAILBOX_SIGNAL,
  MAILBOX_SIGNATURE,
  PART_BYTES,
  PartFlag,
  SLOT_BYTES,
  SLOT_COUNT,
  State,
  stateOf,
  withState,
  wordOf,
} from './mailbox-layout.js';

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const H = HEADER.fields;
const F = HEAD.fields;

const MARK_WORDS = SLOT_COUNT / 32;

/** Who is to look: the front at slots that were posted, clients at those that were answered. */
type Marks = 'POSTED' | 'ANSWERED';

/** A process, told from a later one with its pid. */
export interface ProcessName {
  readonly pid: number;
  readonly startTime: bigint;
}

/** A message, or its rest from `offset` on, on its way into a slot. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly isError: boolean;
}

export interface Part {
  readonly bytes: Buffer;
  readonly total: number;
  readonly isError: boolean;
  readonly isLast: boolean;
}

export class Mailbox {
  readonly path: string;
  readonly #words: Int32Array;
  readonly #longs: BigUint64Array;
  readonly #bytes: Uint8Array;

  private constructor(path: string, buffer: SharedArrayBuffer) {
    this.path = path;
    this.#words = new Int32Array(buffer);
    this.#longs = new BigUint64Array(buffer);
    this.#bytes = new Uint8Array(buffer);
  }

  /** Makes the file; under its name it is there only when it is whole. For the front. */
  static create(path: string, front: ProcessName, maxBytes: number): Mailbox {
    const fresh = `${path}.new`;
    const fd = openSync(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      ftruncateSync(fd, MAILBOX_BYTES);
      native.allocate(fd, 0, MAILBOX_BYTES); // a full disk must be an error here, not a SIGBUS at the first store
      const box = new Mailbox(path, native.map(fd, MAILBOX_BYTES));
      box.#setHeader(H.SIGNATURE.offset, MAILBOX_SIGNATURE);
      box.#setHeader(H.PID.offset, front.pid);
      box.#setHeader(H.SIGNAL.offset, MAILBOX_SIGNAL);
      box.#setHeader(H.SLOT_COUNT.offset, SLOT_COUNT);
      box.#setHeader(H.MAX_BYTES.offset, maxBytes);
      box.#longs[H.START_TIME.offset / 8] = front.startTime;
      box.#setHeader(H.MAGIC.offset, MAILBOX_MAGIC);
      renameSync(fresh, path);
      return box;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Maps the file of a front. For clients.
   * @returns the mailbox, and the uid its file belongs to
   * @throws TURNO_ANSWER when it is no mailbox of this build
   */
  static open(path: string): { box: Mailbox; uid: number } {
    const fd = openSync(path, O_RDWR | O_NOFOLLOW);
    try {
      const { uid, size } = fstatSync(fd);
      // Touching what a file does not have is SIGBUS, the end of this process.
      if (size !== MAILBOX_BYTES)
        throw new TurnoError('TURNO_ANSWER', { server: path, problem: `a mailbox of ${size} bytes` });
      const box = new Mailbox(path, native.map(fd, MAILBOX_BYTES));
      const isOurs =
        box.#header(H.MAGIC.offset) === MAILBOX_MAGIC &&
        box.#header(H.SIGNATURE.offset) === MAILBOX_SIGNATURE &&
        box.#header(H.SLOT_COUNT.offset) === SLOT_COUNT &&
        box.#header(H.SIGNAL.offset) === MAILBOX_SIGNAL;
      if (!isOurs) throw new TurnoError('TURNO_ANSWER', { server: path, problem: 'a mailbox of another version' });
      return { box, uid };
    } finally {
      closeSync(fd);
    }
  }

  get front(): ProcessName {
    return { pid: this.#header(H.PID.offset), startTime: this.#longs[H.START_TIME.offset / 8] ?? 0n };
  }

  get maxBytes(): number {
    return this.#header(H.MAX_BYTES.offset);
  }

  get isClosed(): boolean {
    return this.#header(H.CLOSED.offset) === 1;
  }

  /** Of a slot that is in nobody's interest any more; false when it has changed hands. */
  free(slot: number, word: number): boolean {
    return this.swap(slot, word, State.free);
  }

  /** Nothing new is taken from now on. */
  close(): void {
    this.#setHeader(H.CLOSED.offset, 1);
  }

  /** Scans made so far, modulo 2^32. */
  get scans(): number {
    return this.#header(H.SCANS.offset);
  }

  countScan(): void {
    Atomics.add(this.#words, H.SCANS.offset / 4, 1);
  }

  word(slot: number): number {
    return Atomics.load(this.#words, at(slot) / 4);
  }

  /** One step of a slot; false when the word was no longer `from`. */
  swap(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, at(slot) / 4, from, to) === from;
  }

  /** Takes a free slot for a client. @returns its word, or undefined when somebody has it */
  claim(slot: number, sequence: number, { pid, startTime }: ProcessName, ring: number): number | undefined {
    const word = wordOf(State.claimed, sequence, pid);
    if (!this.swap(slot, State.free, word)) return undefined;
    this.#longs[(at(slot) + F.START_TIME.offset) / 8] = startTime;
    this.#words[(at(slot) + F.RING.offset) / 4] = ring;
    return word;
  }

  /** Of a slot just claimed it may still be the last owner's. */
  startTime(slot: number): bigint {
    return this.#longs[(at(slot) + F.START_TIME.offset) / 8] ?? 0n;
  }

  ring(slot: number): number {
    return (this.#words[(at(slot) + F.RING.offset) / 4] ?? 0) >>> 0;
  }

  /**
   * Writes the next part of a message and hands the slot over.
   * @param word as it is; the state becomes `to`
   * @returns where the rest begins, or undefined when the slot was taken away
   */
  write(slot: number, word: number, { bytes, offset, isError }: Outgoing, to: State): number | undefined {
    const start = at(slot);
    const part = bytes.subarray(offset, offset + PART_BYTES);
    const put = (where: number, value: number) => {
      this.#words[(start + where) / 4] = value;
    };
    put(F.LENGTH.offset, part.length);
    put(F.OFFSET.offset, offset);
    put(F.TOTAL.offset, bytes.length);
    put(F.FLAGS.offset, isError ? PartFlag.error : 0);
    const end = start + HEAD.size + part.length;
    this.#bytes.set(part, start + HEAD.size);
    this.#bytes.fill(0, end, Math.ceil(end / 4) * 4);
    const count = wordsOf(part.length);
    put(F.CHECKSUM.offset, mixWords(this.#words, start / 4 + 2, count, seedOf(slot, word)));
    // After all of it: who sees the state sees the part.
    return this.swap(slot, word, withState(word, to)) ? offset + part.length : undefined;
  }

  /**
   * Copies a part out.
   * @param word as it was found
   * @param expected what came before: bytes, and TOTAL if a part has said it; `maxBytes` bounds TOTAL
   * @returns the part, or what is wrong with it
   */
  read(slot: number, word: number, expected: { offset: number; total?: number; maxBytes: number }): Part | string {
    const start = at(slot);
    const length = (this.#words[(start + F.LENGTH.offset) / 4] ?? 0) >>> 0;
    if (length > PART_BYTES) return `LENGTH is ${length}, a slot holds ${PART_BYTES}`;
    const count = wordsOf(length);
    // A copy first: the other side could change what was checked.
    const copy = this.#words.slice(start / 4, start / 4 + 2 + count);
    const found = (offset: number) => (copy[offset / 4] ?? 0) >>> 0;
    const bytes = Buffer.from(copy.buffer, HEAD.size, length);
    if ((mixWords(copy, 2, count, seedOf(slot, word)) | 0) !== copy[1]) return 'CHECKSUM does not match';
    const total = found(F.TOTAL.offset);
    const offset = found(F.OFFSET.offset);
    if (found(F.LENGTH.offset) !== length) return 'LENGTH changed while it was read';
    if (offset !== expected.offset) return `OFFSET is ${offset} where ${expected.offset} bytes came before`;
    if (total > expected.maxBytes) return `TOTAL is ${total}, at most ${expected.maxBytes} are taken`;
    if (expected.total !== undefined && total !== expected.total) return `TOTAL is ${total}, it was ${expected.total}`;
    if (offset + length > total || (length === 0 && total > 0))
      return `LENGTH is ${length}, ${total - offset} are left`;
    const isError = (found(F.FLAGS.offset) & PartFlag.error) !== 0;
    return { bytes, total, isError, isLast: offset + length === total };
  }

  /** Says which slot the next ring means as well; after its word was changed. */
  mark(marks: Marks, slot: number): void {
    Atomics.or(this.#words, H[marks].offset / 4 + (slot >>> 5), 1 << (slot & 31));
  }

  /** Slots that were marked, and are not any more. @param among a bit each; by default all */
  *marked(marks: Marks, among?: Int32Array): Generator<number> {
    for (let i = 0; i < MARK_WORDS; i++) {
      const word = H[marks].offset / 4 + i;
      const wanted = among?.[i] ?? -1;
      let set = Atomics.load(this.#words, word) & wanted;
      // Cleared before the slots are looked at: one that is marked meanwhile is told of by its own ring.
      if (set !== 0) set &= Atomics.and(this.#words, word, ~set);
      for (; set !== 0; set &= set - 1) yield i * 32 + 31 - Math.clz32(set & -set);
    }
  }

  /** Slots that are not free, with their words. */
  *taken(): Generator<{ slot: number; word: number; state: State | undefined }> {
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const word = this.word(slot);
      if (word !== State.free) yield { slot, word, state: stateOf(word) };
    }
  }

  #header(offset: number): number {
    return Atomics.load(this.#words, offset / 4) >>> 0;
  }

  #setHeader(offset: number, value: number): void {
    Atomics.store(this.#words, offset / 4, value | 0);
  }
}

function at(slot: number): number {
  return HEADER_BYTES + slot * SLOT_BYTES;
}

/** Words the checksum covers: the HEAD behind it, and the part, filled up with zeros. */
function wordsOf(length: number): number {
  return (HEAD.size - 8 + Math.ceil(length / 4) * 4) / 4;
}

function seedOf(slot: number, word: number): number {
  return Math.imul(slot + 1, 0x9e3779b1) ^ (word >>> 3);
}
