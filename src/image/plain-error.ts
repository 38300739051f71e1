/** Errors between processes: what cannot travel (cause, stack) stays where it was. */

import { ERRORS, type ErrorCode, type ErrorDetails, TurnoError } from '../errors.js';
import type { PlainError } from './job.js';

const FOREIGN = '';

export function plainOf(error: unknown): PlainError {
  if (error instanceof TurnoError) return { code: error.code, details: error.details, message: error.message };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: FOREIGN, details: {}, message };
}

/** The error of the other process; one that was no error of turno is a bug there, and says its stack. */
export function errorOf({ code, details, message }: PlainError): Error {
  return code in ERRORS ? new TurnoError(code as ErrorCode, details as ErrorDetails) : new Error(message);
}
