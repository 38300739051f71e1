/** The checker `token`: the same words in the same order, whatever white space stands between them. */

import type { Difference } from './difference.js';
import { compareTokens } from './tokens.js';

export type SameWord = (got: Uint8Array, expected: Uint8Array) => boolean;

/** Byte for byte. */
export const sameBytes: SameWord = (got, expected) => Buffer.compare(got, expected) === 0;

/** @returns where the difference begins, or undefined when there is none. */
export function token(got: Uint8Array, expected: Uint8Array, isSame: SameWord = sameBytes): Difference | undefined {
  return compareTokens(got, expected, isSame);
}
