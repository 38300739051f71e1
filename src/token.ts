/** Secret words of users and operators: how one is made, and what is stored of it. */

import { createHash, randomBytes } from 'node:crypto';

/**
 * 192 random bits in digits and a-f, which need no quoting anywhere. Base64 of either kind has tokens that begin with `-`
 * or `+`: a command line takes those for an option, and a spreadsheet for a formula (src/cli/csv.ts).
 */
export function newToken(): string {
  return randomBytes(24).toString('hex');
}

/** Only this is stored of a token: who reads the table cannot act as a user. With that many random bits one round does. */
export function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}
