/**
 * The checker `float`: as `token`, but numbers may differ by epsilon, absolutely or relative to the expected one.
 *
 * A number is a decimal as C's printf writes it, `inf` or `nan` included; hexadecimal is none. NaN is the same as NaN and
 * as nothing else, an infinity only as itself.
 */

import type { Difference } from './difference.js';
import { compareTokens } from './tokens.js';

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const SPECIAL = /^([+-]?)(inf(?:inity)?|nan)$/i;

/** Longer tokens are no numbers: nobody prints them, and parsing them would cost. */
const LONGEST_NUMBER = 400;

/**
 * @param epsilon largest difference that is still the same, e.g. 1e-6; not negative
 * @returns where the difference begins, or undefined when there is none.
 */
export function float(got: Uint8Array, expected: Uint8Array, epsilon: number): Difference | undefined {
  return compareTokens(got, expected, (found, wanted) => isSame(found, wanted, epsilon));
}

function isSame(found: Uint8Array, wanted: Uint8Array, epsilon: number): boolean {
  if (Buffer.compare(found, wanted) === 0) return true;
  const got = numberOf(found);
  const expected = numberOf(wanted);
  if (got === undefined || expected === undefined) return false;
  if (Number.isNaN(got) || Number.isNaN(expected)) return Number.isNaN(got) && Number.isNaN(expected);
  if (got === expected) return true;
  // An infinite difference is within no epsilon, though Infinity <= Infinity.
  if (!Number.isFinite(got) || !Number.isFinite(expected)) return false;
  return Math.abs(got - expected) <= epsilon * Math.max(1, Math.abs(expected));
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
