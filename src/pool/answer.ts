/**
 * What comes back from a pool thread: a value, or turno's failure as a value. An Error that crosses a thread's border
 * arrives without its class, and so without its code.
 */

import { type ErrorCode, type ErrorDetails, TurnoError } from '../errors.js';

export type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly details: ErrorDetails };

/** In the thread. @param on what is being done, for failures of the system */
export async function answer<T>(on: string, body: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: 'done', value: await body() };
  } catch (error) {
    const { code, details } = TurnoError.from(error, on);
    return { kind: 'failed', code, details };
  }
}

/** In the front. @throws the failure, as it was thrown in the thread */
export function unwrap<T>(answered: Answer<T>): T {
  if (answered.kind === 'failed') throw failureOf(answered);
  return answered.value;
}

/** In the front: the failure, as it was thrown in the thread. */
export function failureOf({ code, details }: Answer<unknown> & { kind: 'failed' }): TurnoError {
  return new TurnoError(code, details);
}
