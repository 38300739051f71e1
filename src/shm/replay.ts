/**
 * Reads the journal back, from its segments or from a ring: every valid record from a position on, in order. The format is in
 * journal.ts.
 */

import { readFileSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import { mixWords } from './checksum.js';
import { RECORD_WORDS } from './journal.js';
import { JOURNAL_RECORD, type LogKind } from './layout.js';
import { SEGMENT_DATA, type Segment, type Segments } from './segments.js';

const J = JOURNAL_RECORD.fields;

export interface LogRecord {
  readonly kind: LogKind;
  /** Row or user. */
  readonly index: number;
  /** Position of the record, and of what follows it. */
  readonly position: number;
  readonly end: number;
  readonly image: Int32Array;
  readonly rest: Uint8Array;
}

export interface ReplayRange {
  /** A position at which a record begins, at or after the START of the first segment. */
  readonly from: number;
  /** Where to stop; the end of the journal unless given. */
  readonly to?: number;
}

/**
 * Calls `apply` for each record.
 * @returns the position behind the last one
 * @throws TURNO_TABLE_DAMAGED when a segment ends before the next begins, or when `to` is not reached: records are missing.
 */
export function replay(segments: Segments, { from, to }: ReplayRange, apply: (record: LogRecord) => void): number {
  const all = segments.list();
  let position = from;
  for (const [index, segment] of all.entries()) {
    const next = all[index + 1];
    if (next !== undefined && next.start <= position) continue;
    if (segment.start > position) throw missing(segments, segment, position);
    position = replaySegment(segments, segment, position, Math.min(next?.start ?? Infinity, to ?? Infinity), apply);
    if (next !== undefined && position < next.start && position < (to ?? Infinity))
      throw missing(segments, segment, position);
    if (position >= (to ?? Infinity)) break;
  }
  if (to !== undefined && position < to) throw missing(segments, all.at(-1), position);
  return position;
}

/**
 * The same for what a ring has behind the end of the segments.
 * @param end where that is
 */
export function replayRing(ring: Buffer, salt: number, end: number, apply: (record: LogRecord) => void): number {
  const first = end % ring.length;
  const data = new Uint8Array(Buffer.concat([ring.subarray(first), ring.subarray(0, first)]));
  const all = { number: 0, salt, start: end, bytes: data.length };
  return replayData(data, all, end, Infinity, apply);
}

function missing(segments: Segments, segment: Segment | undefined, position: number): TurnoError {
  const path = segment === undefined ? segments.directory : segments.path(segment.number);
  const offset = segment === undefined ? 0 : SEGMENT_DATA + position - segment.start;
  return new TurnoError('TURNO_TABLE_DAMAGED', { path, problem: `no record for journal position ${position}`, offset });
}

function replaySegment(
  segments: Segments,
  segment: Segment,
  from: number,
  end: number,
  apply: (record: LogRecord) => void,
): number {
  const file = readFileSync(segments.path(segment.number));
  const data = new Uint8Array(file.subarray(SEGMENT_DATA, SEGMENT_DATA + segment.bytes));
  return replayData(data, segment, from, end, apply);
}

/** @param data the room for records of a segment */
function replayData(
  data: Uint8Array,
  segment: Segment,
  from: number,
  end: number,
  apply: (record: LogRecord) => void,
): number {
  const words = new Int32Array(data.buffer, 0, Math.floor(data.length / 4));
  let position = from;
  while (position < end) {
    const record = parse(words, data, position, segment);
    if (record === undefined || record.end > end) break;
    apply(record);
    position = record.end;
  }
  return position;
}

function parse(words: Int32Array, data: Uint8Array, position: number, segment: Segment): LogRecord | undefined {
  const at = (position - segment.start) / 4;
  const get = (field: { readonly offset: number }) => (words[at + field.offset / 4] ?? 0) >>> 0;
  if (at + RECORD_WORDS > words.length) return undefined;
  const low = get(J.POSITION);
  const high = (words[at + J.POSITION.offset / 4 + 1] ?? 0) >>> 0;
  const [count, imageWords, bytes] = [get(J.WORDS), get(J.IMAGE_WORDS), get(J.BYTES)];
  if (high * 2 ** 32 + low !== position || count !== imageWords + Math.ceil(bytes / 4)) return undefined;
  const afterHead = at + RECORD_WORDS;
  if (afterHead + count > words.length) return undefined;
  let hash = mixWords(words, at + 1, RECORD_WORDS - 1, segment.salt | 0);
  hash = mixWords(words, afterHead, imageWords, hash);
  if (bytes > 0) hash = mixWords(words, afterHead + imageWords, count - imageWords, hash);
  if (hash !== words[at]) return undefined;
  const restAt = (afterHead + imageWords) * 4;
  return {
    kind: get(J.KIND) as LogKind,
    index: get(J.INDEX),
    position,
    end: position + (RECORD_WORDS + count) * 4,
    image: words.slice(afterHead, afterHead + imageWords),
    rest: data.slice(restAt, restAt + bytes),
  };
}
