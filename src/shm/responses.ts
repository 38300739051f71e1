/**
 * Responses too long for their row: extents, one behind the other, never moved and never written twice.
 *
 *     granule g of 64 bytes lies in chunk g >> 14 of the area      an extent: EXTENT head, bytes, zeros to the next granule
 *
 * An extent is written before the row that names it is changed, so nobody sees half of one. It never crosses a chunk: what
 * is left of a chunk is skipped. An agent killed between taking room and naming it leaves the room unused (at most 64 KiB);
 * `turno table compact` gives it back.
 */

import { mixWords } from './checksum.js';
import { EXTENT, GRANULE_BYTES } from './layout.js';
import { H, type Region } from './region.js';
import type { WordLock } from './word-lock.js';

const E = EXTENT.fields;
const CHUNK_BITS = 14;
export const GRANULES_PER_CHUNK = 2 ** CHUNK_BITS;
const GRANULE_WORDS = GRANULE_BYTES / 4;
const HEAD_WORDS = EXTENT.size / 4;
const EXTENTS_WORD = H.EXTENTS.offset / 4;

export interface ExtentPlace {
  readonly at: number;
  readonly length: number;
  readonly checksum: number;
}

export class Responses {
  readonly #region: Region;
  readonly #growLock: WordLock;

  constructor(region: Region, growLock: WordLock) {
    this.#region = region;
    this.#growLock = growLock;
  }

  /**
   * Copies a response into the extents.
   * @throws TURNO_DISK_FULL, TURNO_TABLE_FULL
   */
  put(row: number, content: Uint8Array): ExtentPlace {
    const at = this.#take(Math.ceil((EXTENT.size + content.length) / GRANULE_BYTES));
    const { words, bytes, firstWord } = this.#region.ensureChunk(
      this.#region.geometry.extents,
      at >>> CHUNK_BITS,
      this.#growLock,
    );
    const head = firstWord + (at & (GRANULES_PER_CHUNK - 1)) * GRANULE_WORDS;
    const body = head + HEAD_WORDS;
    const contentWords = Math.ceil(content.length / 4);
    if (contentWords > 0) words[body + contentWords - 1] = 0;
    bytes.set(content, body * 4);
    const checksum = checksumOf(words, body, contentWords, row);
    words[head + E.ROW.offset / 4] = row + 1;
    words[head + E.BYTES.offset / 4] = content.length;
    words[head + E.CHECKSUM.offset / 4] = checksum;
    return { at, length: content.length, checksum };
  }

  /**
   * A copy of a response, verified.
   * @throws TURNO_TABLE_DAMAGED
   */
  get(row: number, { at, length, checksum }: ExtentPlace): Uint8Array {
    const chunk = this.#region.chunk(this.#region.geometry.extents, at >>> CHUNK_BITS);
    const inChunk = (at & (GRANULES_PER_CHUNK - 1)) * GRANULE_WORDS + HEAD_WORDS;
    const copy = new Uint8Array(Math.ceil(length / 4) * 4);
    if (chunk !== undefined && (inChunk + copy.length / 4) * 4 <= GRANULES_PER_CHUNK * GRANULE_BYTES) {
      const from = (chunk.firstWord + inChunk) * 4;
      copy.set(chunk.bytes.subarray(from, from + copy.length));
      const words = new Int32Array(copy.buffer);
      if (checksumOf(words, 0, words.length, row) === checksum) return copy.subarray(0, length);
    }
    throw this.#region.damaged(`response of row ${row} does not fit its checksum`, at * GRANULE_BYTES);
  }

  /** Where the words of a response lie, for copying them elsewhere; as written by put(), not verified. */
  words(at: number, length: number): { words: Int32Array; from: number; bytes: number } {
    const chunk = this.#region.chunk(this.#region.geometry.extents, at >>> CHUNK_BITS);
    if (chunk === undefined) throw this.#region.damaged(`extent ${at} is not there`, 0);
    const from = chunk.firstWord + (at & (GRANULES_PER_CHUNK - 1)) * GRANULE_WORDS + HEAD_WORDS;
    return { words: chunk.words, from, bytes: length };
  }

  #take(granules: number): number {
    const { words } = this.#region;
    for (;;) {
      const used = this.#region.load(H.EXTENTS);
      // Granule 0 is never given out: 0 in a row means that there is no extent.
      let start = Math.max(1, used);
      if ((start % GRANULES_PER_CHUNK) + granules > GRANULES_PER_CHUNK) {
        start = Math.ceil(start / GRANULES_PER_CHUNK) * GRANULES_PER_CHUNK;
      }
      this.#region.ensureChunk(this.#region.geometry.extents, start >>> CHUNK_BITS, this.#growLock);
      if (Atomics.compareExchange(words, EXTENTS_WORD, used | 0, (start + granules) | 0) === (used | 0)) return start;
    }
  }
}

function checksumOf(words: Int32Array, from: number, count: number, row: number): number {
  return mixWords(words, from, count, Math.imul(row + 1, 0xc2b2ae35) ^ count);
}
