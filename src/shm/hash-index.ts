/**
 * Hash index: key -> number of a record, growing while it is read, without a lock for readers.
 *
 * Records are only ever added, numbered 0, 1, 2 ... An index is a row of levels; level L is an open-addressed table of 2^L
 * entries, and begins at entry 2^L of the area. An entry is a word: 0, or the number of a record + 1 and, in the bits that no
 * number needs, a tag: those bits of the key's hash, so that few records of other keys are looked at. With `count` records the valid level is the
 * smallest that they fill at most half, so that count alone says where to look:
 *
 *     count      1 ............ 2^14 ....... 2^15 ............ 2^16
 *     level      15                 16           17
 *     filled too                 16 from 2^13: two records of the past with each one added, and so complete in time
 *
 * A level is never changed again once the next is valid: a reader that began before may finish there. Nothing is ever
 * removed; an entry whose record is gone, or was never committed, fails the comparison of keys and costs one probe.
 *
 * Adding is idempotent: whoever takes the lock over adds the last record again.
 */

import { type Area, CHUNK_WORDS, indexLevel } from './layout.js';
import type { Region } from './region.js';
import type { WordLock } from './word-lock.js';

const CHUNK_WORD_BITS = Math.log2(CHUNK_WORDS);

export class HashIndex {
  readonly #region: Region;
  readonly #area: Area;
  readonly #lastLevel: number;
  /** Bits of an entry that hold the number; the others are the tag. */
  readonly #numberMask: number;
  readonly #growLock: WordLock;
  readonly #hashOf: (record: number) => number | undefined;
  readonly #isKeyOf: (record: number, key: Int32Array) => boolean;
  readonly #views: Int32Array[] = [];
  readonly #firstWords: number[] = [];

  /**
   * @param maxRecords how many there can be
   * @param hashOf hash of a record's key, for moving it to the next level; undefined when it is gone
   * @param isKeyOf whether a record has a key, given as words
   */
  constructor(
    region: Region,
    area: Area,
    maxRecords: number,
    growLock: WordLock,
    hashOf: (record: number) => number | undefined,
    isKeyOf: (record: number, key: Int32Array) => boolean,
  ) {
    this.#region = region;
    this.#area = area;
    this.#lastLevel = indexLevel(maxRecords);
    this.#numberMask = 2 ** this.#lastLevel - 1;
    this.#growLock = growLock;
    this.#hashOf = hashOf;
    this.#isKeyOf = isKeyOf;
  }

  /** The record below `count` with this key and its hash, or -1. */
  find(count: number, hash: number, key: Int32Array): number {
    const size = 1 << indexLevel(count);
    const mask = size - 1;
    for (let probe = 0; probe <= mask; probe++) {
      const entry = this.#load(size + ((hash + probe) & mask));
      if (entry === 0) return -1;
      const record = (entry & this.#numberMask) - 1;
      const isTagged = ((entry ^ hash) & ~this.#numberMask) === 0;
      if (isTagged && record < count && this.#isKeyOf(record, key)) return record;
    }
    return -1;
  }

  /**
   * Makes room for record number `record`; to be called before anything of it is visible.
   * @throws TURNO_DISK_FULL, TURNO_TABLE_FULL
   */
  prepare(record: number): void {
    const level = indexLevel(record + 1);
    this.#ensureLevel(level);
    if (this.#isFillingNext(record, level)) this.#ensureLevel(level + 1);
  }

  /** Adds the record; the caller holds the lock under which records are added. */
  add(record: number, hash: number): void {
    const level = indexLevel(record + 1);
    this.#insert(level, record, hash);
    if (!this.#isFillingNext(record, level)) return;
    const first = 2 * (record - 2 ** (level - 2));
    for (const past of [first, first + 1]) {
      const pastHash = past === record ? hash : this.#hashOf(past);
      if (pastHash !== undefined) this.#insert(level + 1, past, pastHash);
    }
  }

  #isFillingNext(record: number, level: number): boolean {
    return record >= 2 ** (level - 2) && level < this.#lastLevel;
  }

  #insert(level: number, record: number, hash: number): void {
    const mask = 2 ** level - 1;
    const entry = (record + 1) | (hash & ~this.#numberMask);
    for (let probe = 0; ; probe++) {
      const place = 2 ** level + ((hash + probe) & mask);
      const found = this.#load(place);
      if (found === entry) return;
      if (found === 0) {
        const chunk = place >>> CHUNK_WORD_BITS;
        const view = this.#views[chunk];
        if (view === undefined) throw new Error(`index ${this.#area.name}: chunk ${chunk} is not there`);
        Atomics.store(view, (this.#firstWords[chunk] ?? 0) + (place & (CHUNK_WORDS - 1)), entry);
        return;
      }
      // Half of a level is empty, unless the file was damaged.
      if (probe === mask) throw this.#region.damaged(`index ${this.#area.name} has no empty entry`, 0);
    }
  }

  #load(place: number): number {
    const chunk = place >>> CHUNK_WORD_BITS;
    let view = this.#views[chunk];
    if (view === undefined) {
      view = this.#keep(chunk);
      if (view === undefined) return 0;
    }
    return Atomics.load(view, (this.#firstWords[chunk] ?? 0) + (place & (CHUNK_WORDS - 1)));
  }

  #keep(chunk: number): Int32Array | undefined {
    const view = this.#region.chunk(this.#area, chunk);
    if (view === undefined) return undefined;
    this.#firstWords[chunk] = view.firstWord;
    this.#views[chunk] = view.words;
    return view.words;
  }

  #ensureLevel(level: number): void {
    const last = Math.floor((2 ** (level + 1) - 1) / CHUNK_WORDS);
    if (this.#views[last] !== undefined) return; // chunks are made in order, so all before it are there
    for (let chunk = Math.floor(2 ** level / CHUNK_WORDS); chunk <= last; chunk++) {
      this.#region.ensureChunk(this.#area, chunk, this.#growLock);
      this.#keep(chunk);
    }
  }
}

/** Mixes the words of a key; keys are random or hashes themselves, so little is needed. */
export function hashWords(words: Int32Array, from: number, count: number): number {
  let hash = 0x2545f491;
  for (let word = from; word < from + count; word++) hash = Math.imul(hash ^ (words[word] ?? 0), 0x9e3779b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}
