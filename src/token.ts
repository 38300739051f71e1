/** Secret words of users and operators: how one is made, and what is stored of it. */

import { createHash, randomBytes } from 'node:crypto';

/** 192 random bits, in letters that need no quoting anywhere. */
export function newToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Only this is stored of a token: who reads the table cannot act as a user. With that many random bits one round does. */
export function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}
