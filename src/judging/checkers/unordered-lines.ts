/**
 * The checker `unordered-lines`: the same lines, as often, in any order. Within a line white space is as for `token` (CRLF,
 * trailing blanks and a missing final newline make no difference), and blank lines are none.
 */

import { type Difference, differenceAt, type Span } from './difference.js';

/** @returns the first line that is not (or no longer) wanted, or else the first that is missing; undefined for none. */
export function unorderedLines(got: Uint8Array, expected: Uint8Array): Difference | undefined {
  const missing = new Map<string, number>();
  for (const { text } of lines(expected)) missing.set(text, (missing.get(text) ?? 0) + 1);
  let wrong: Span;
  for (const { text, span } of lines(got)) {
    const left = missing.get(text) ?? 0;
    if (left > 1) missing.set(text, left - 1);
    else if (left === 1) missing.delete(text);
    else wrong ??= span;
  }
  if (wrong === undefined && missing.size === 0) return undefined;
  return differenceAt(got, wrong?.start ?? got.length, wrong, expected, firstMissing(expected, missing));
}

/** The first of what is expected that is missing, if only once of several times. */
function firstMissing(expected: Uint8Array, missing: ReadonlyMap<string, number>): Span {
  for (const { text, span } of lines(expected)) if (missing.has(text)) return span;
  return undefined;
}

function* lines(bytes: Uint8Array): Generator<{ text: string; span: NonNullable<Span> }> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let start = 0; start < buffer.length; ) {
    const newline = buffer.indexOf(10, start);
    const end = newline < 0 ? buffer.length : newline;
    // latin1: each byte is one character, so bytes that are no UTF-8 stay different.
    const text = buffer
      .toString('latin1', start, end)
      .replace(/[ \t\v\f\r]+/g, ' ')
      .trim();
    if (text !== '') yield { text, span: { start, end } };
    start = end + 1;
  }
}
