/** The checker `exact`: byte for byte, line ends and the final newline included. */

import { type Difference, differenceAt } from './difference.js';

/** @returns where the difference begins, or undefined when there is none. */
export function exact(got: Uint8Array, expected: Uint8Array): Difference | undefined {
  if (Buffer.compare(got, expected) === 0) return undefined;
  const shorter = Math.min(got.length, expected.length);
  let at = 0;
  while (at < shorter && got[at] === expected[at]) at++;
  const rest = (bytes: Uint8Array) => (at < bytes.length ? { start: at, end: lineEnd(bytes, at) } : undefined);
  return differenceAt(got, at, rest(got), expected, rest(expected));
}

/** End of the line that holds this byte, its newline included: a missing or other line end is visible that way. */
function lineEnd(bytes: Uint8Array, from: number): number {
  const newline = bytes.indexOf(10, from);
  return newline < 0 ? bytes.length : newline + 1;
}
