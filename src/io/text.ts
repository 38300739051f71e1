/**
 * Text that comes in: bytes that are not UTF-8, half characters and sloppy base64 are refused, never repaired. What a
 * program reads and what a checker compares must be what was sent.
 */

import { isUtf8 } from 'node:buffer';
import { refuse, shown } from './complaint.js';

/** @throws TURNO_BAD_REQUEST naming the field and the byte where it goes wrong */
export function utf8(bytes: Buffer, field: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const offset = firstInvalidByte(bytes);
  const byte = bytes[offset]?.toString(16).padStart(2, '0');
  throw refuse(field, `expected UTF-8, found byte 0x${byte} at offset ${offset}`);
}

/** Offset of the first byte that belongs to no UTF-8 character. */
function firstInvalidByte(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  let offset = 0;
  let from = 0;
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', from)) {
    offset += Buffer.byteLength(text.slice(from, at));
    // The decoder put one there for what it could not read, unless it was in the bytes themselves.
    if (bytes.toString('latin1', offset, offset + 3) !== '\xef\xbf\xbd') return offset;
    offset += 3;
    from = at + 1;
  }
  return bytes.length;
}

/** Text of a JSON string as bytes. JSON can hold half of a surrogate pair, which is no text: it is refused. */
export function textBytes(text: string, field: string): Buffer {
  if (!text.isWellFormed()) throw refuse(field, 'expected text, found half of a surrogate pair');
  return Buffer.from(text, 'utf8');
}

/** @throws TURNO_BAD_REQUEST unless it is base64 with its padding and nothing else */
export function base64Bytes(text: string, field: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what it does not know; only the canonical text comes out again as it went in.
  if (bytes.toString('base64') !== text) throw refuse(field, `expected base64 with padding, got ${shown(text)}`);
  return bytes;
}

/**
 * For what is sent.
 * @throws TURNO_BAD_REQUEST naming the field
 */
export function refuseHalfCharacters(value: unknown, field: string): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refuse(field, 'expected text, found half of a surrogate pair');
  } else if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) refuseHalfCharacters(one, `${field}[${index}]`);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value))
      refuseHalfCharacters(one, field === '' ? name : `${field}.${name}`);
  }
}
