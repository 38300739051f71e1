/** The checker `token`: the same words in the same order, whatever white space stands between them. */

import type { Difference } from './difference.js';
import { compareTokens } from './tokens.js';

/** @returns where the difference begins, or undefined when there is none. */
export function token(got: Uint8Array, expected: Uint8Array): Difference | undefined {
  return compareTokens(got, expected, (found, wanted) => Buffer.compare(found, wanted) === 0);
}
