/**
 * Messages as bytes, for every way in but HTTP: MessagePack (https://msgpack.org), by msgpackr, of which only what JSON
 * could say is used, and bytes:
 *
 *     nil, true, false, integers, float 64 and 32, str (valid UTF-8), bin, array, map with str keys
 *
 * The format says lengths before what has them, and msgpackr believes them: six bytes can ask for an array of 2^32, and
 * arrays within arrays for the whole memory and the whole stack. So bytes from outside are walked over once before they
 * are decoded. Valid if and only if
 *     (1) they are one value and nothing behind it,
 *     (2) of the types above, no extension among them,
 *     (3) every length fits into the bytes that are left, an element or an entry being at least one byte,
 *     (4) arrays and maps lie at most MAX_DEPTH deep,
 *     (5) strings are UTF-8.
 */

import { isUtf8 } from 'node:buffer';
import { Packr } from 'msgpackr';
import { TurnoError } from '../errors.js';

/** Of a submission: body, tests, a test, its field. */
const MAX_DEPTH = 16;

/** A string as short as this is looked at byte by byte: a view of it would cost more. */
const SHORT_BYTES = 32;

// As JSON does: a property that is undefined is none. The option is missing in msgpackr's types.
const OPTIONS = { useRecords: false, variableMapSize: true, skipValues: [undefined] };

const packr = new Packr(OPTIONS);

/** @returns bytes whose memory other messages may share: a copy is what goes to another thread. */
export function pack(value: unknown): Buffer {
  return packr.pack(value);
}

/** @throws TURNO_FRAME for bytes that are not valid, naming the place */
export function unpack(bytes: Buffer): unknown {
  checkPacked(bytes);
  return packr.unpack(bytes);
}

/** @throws TURNO_FRAME */
export function checkPacked(bytes: Buffer): void {
  // What is left to read at each depth; a map counts keys and values.
  const left = new Float64Array(MAX_DEPTH + 1);
  const isMap = new Uint8Array(MAX_DEPTH + 1);
  let depth = 0;
  let at = 0;
  left[0] = 1;
  for (;;) {
    while (left[depth] === 0) {
      if (depth === 0) {
        if (at !== bytes.length) throw invalid(`${bytes.length - at} bytes behind the value`, at);
        return;
      }
      depth--;
    }
    const remaining = left[depth] ?? 0;
    const isKey = isMap[depth] === 1 && remaining % 2 === 0;
    left[depth] = remaining - 1;
    const head = headAt(bytes, at);
    if (isKey && head.kind !== 'string') throw invalid('expected a string as the key of a map', at);
    at += head.headBytes;
    if (head.kind === 'string' || head.kind === 'bytes') {
      if (head.length > bytes.length - at)
        throw invalid(`${head.length} bytes of ${bytes.length - at} that are left`, at);
      if (head.kind === 'string' && !isText(bytes, at, head.length)) throw invalid('a string that is not UTF-8', at);
      at += head.length;
    } else if (head.kind === 'array' || head.kind === 'map') {
      const values = head.kind === 'map' ? head.length * 2 : head.length;
      if (values > bytes.length - at)
        throw invalid(`${values} values in the ${bytes.length - at} bytes that are left`, at);
      if (++depth > MAX_DEPTH) throw invalid(`more than ${MAX_DEPTH} levels`, at);
      left[depth] = values;
      isMap[depth] = head.kind === 'map' ? 1 : 0;
    }
  }
}

interface Head {
  readonly kind: 'scalar' | 'string' | 'bytes' | 'array' | 'map';
  readonly headBytes: number;
  /** Bytes of a string, elements of an array, entries of a map. */
  readonly length: number;
}

/** By the first byte from 0xc0 on: what it is, and how many bytes of length or value follow; undefined: refused. */
const HEADS: readonly (readonly [Head['kind'], number] | undefined)[] = [
  ['scalar', 0], // c0 nil
  undefined, // c1 never used
  ['scalar', 0], // c2 false
  ['scalar', 0], // c3 true
  ['bytes', 1],
  ['bytes', 2],
  ['bytes', 4],
  undefined, // c7 to c9: extensions
  undefined,
  undefined,
  ['scalar', 4], // ca float 32
  ['scalar', 8], // cb float 64
  ['scalar', 1], // cc to cf: unsigned integers
  ['scalar', 2],
  ['scalar', 4],
  ['scalar', 8],
  ['scalar', 1], // d0 to d3: integers
  ['scalar', 2],
  ['scalar', 4],
  ['scalar', 8],
  undefined, // d4 to d8: extensions
  undefined,
  undefined,
  undefined,
  undefined,
  ['string', 1], // d9
  ['string', 2],
  ['string', 4],
  ['array', 2], // dc
  ['array', 4],
  ['map', 2], // de
  ['map', 4],
];

function headAt(bytes: Buffer, at: number): Head {
  const first = bytes[at];
  if (first === undefined) throw invalid('the bytes end in the middle of a value', at);
  if (first < 0x80 || first >= 0xe0) return SCALAR;
  if (first < 0x90) return { kind: 'map', headBytes: 1, length: first & 0x0f };
  if (first < 0xa0) return { kind: 'array', headBytes: 1, length: first & 0x0f };
  if (first < 0xc0) return { kind: 'string', headBytes: 1, length: first & 0x1f };
  const head = HEADS[first - 0xc0];
  if (head === undefined) throw invalid(`type 0x${first.toString(16)}, which is not used here`, at);
  const [kind, size] = head;
  if (bytes.length - at - 1 < size) throw invalid('the bytes end in the middle of a value', at);
  if (kind === 'scalar') return { kind, headBytes: 1 + size, length: 0 };
  return { kind, headBytes: 1 + size, length: bytes.readUIntBE(at + 1, size) };
}

const SCALAR: Head = { kind: 'scalar', headBytes: 1, length: 0 };

function isText(bytes: Buffer, at: number, length: number): boolean {
  if (length <= SHORT_BYTES) {
    let any = 0;
    for (let i = at; i < at + length; i++) any |= bytes[i] ?? 0;
    if (any < 0x80) return true;
  }
  return isUtf8(bytes.subarray(at, at + length));
}

function invalid(problem: string, offset: number): TurnoError {
  return new TurnoError('TURNO_FRAME', { problem: `message: ${problem}, at byte ${offset}` });
}
