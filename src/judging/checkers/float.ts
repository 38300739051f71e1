/**
 * The checker `float`: as `token`, but numbers may differ by an epsilon, absolutely or relative to the expected one: it is
 * enough that one of the two holds.
 *
 * A number is a decimal as C's printf writes it, `inf` or `nan` included; hexadecimal is none. NaN is the same as NaN and
 * as nothing else, an infinity only as itself.
 */

import type { Difference } from './difference.js';
import { type SameWord, sameBytes } from './token.js';
import { compareTokens } from './tokens.js';

/** Largest differences that are still the same, e.g. 1e-6; not negative, 0 = none. */
export interface Tolerance {
  readonly absoluteEpsilon: number;
  /** Times the expected number. */
  readonly relativeEpsilon: number;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const SPECIAL = /^([+-]?)(inf(?:inity)?|nan)$/i;

/** Longer tokens are no numbers: nobody prints them, and parsing them would cost. */
const LONGEST_NUMBER = 400;

/** @returns where the difference begins, or undefined when there is none. */
export function float(
  got: Uint8Array,
  expected: Uint8Array,
  tolerance: Tolerance,
  isSameWord: SameWord = sameBytes,
): Difference | undefined {
  return compareTokens(got, expected, (found, wanted) => {
    return isSameWord(found, wanted) || isNear(numberOf(found), numberOf(wanted), tolerance);
  });
}

function isNear(got: number | undefined, expected: number | undefined, tolerance: Tolerance): boolean {
  if (got === undefined || expected === undefined) return false;
  if (Number.isNaN(got) || Number.isNaN(expected)) return Number.isNaN(got) && Number.isNaN(expected);
  if (got === expected) return true;
  // An infinite difference is within no epsilon, though Infinity <= Infinity.
  if (!Number.isFinite(got) || !Number.isFinite(expected)) return false;
  const difference = Math.abs(got - expected);
  return difference <= tolerance.absoluteEpsilon || difference <= tolerance.relativeEpsilon * Math.abs(expected);
}

function numberOf(bytes: Uint8Array): number | undefined {
  if (bytes.length > LONGEST_NUMBER) return undefined;
  const text = Buffer.from(bytes).toString('latin1');
  if (DECIMAL.test(text)) return Number(text);
  const special = SPECIAL.exec(text);
  if (special === null) return undefined;
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
