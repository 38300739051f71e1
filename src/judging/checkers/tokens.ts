/**
 * Walks over the tokens of two outputs side by side. A token is what stands between white space (space, \t, \n, \v, \f,
 * \r), so CRLF, trailing blanks and a missing final newline make no difference. No token is copied unless it is compared
 * as a number or shown: outputs may have many megabytes.
 */

import { type Difference, differenceAt, type Span } from './difference.js';

/** @returns the first pair of tokens that is not the same, or undefined. */
export function compareTokens(
  got: Uint8Array,
  expected: Uint8Array,
  isSame: (got: Uint8Array, expected: Uint8Array) => boolean,
): Difference | undefined {
  let found = nextToken(got, 0);
  let wanted = nextToken(expected, 0);
  for (;;) {
    if (found === undefined && wanted === undefined) return undefined;
    if (found === undefined || wanted === undefined) break;
    if (!isSame(got.subarray(found.start, found.end), expected.subarray(wanted.start, wanted.end))) break;
    found = nextToken(got, found.end);
    wanted = nextToken(expected, wanted.end);
  }
  return differenceAt(got, found?.start ?? got.length, found, expected, wanted);
}

function nextToken(bytes: Uint8Array, from: number): Span {
  let start = from;
  while (start < bytes.length && isSpace(bytes[start])) start++;
  if (start === bytes.length) return undefined;
  let end = start + 1;
  while (end < bytes.length && !isSpace(bytes[end])) end++;
  return { start, end };
}

/** As C's isspace in the "C" locale. */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}
