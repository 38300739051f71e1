/** What is wrong with a problem package, and where. */

import { TurnoError } from '../errors.js';

export function packageError(path: string, problem: string, cause?: unknown): TurnoError {
  return new TurnoError('TURNO_PACKAGE', { path, problem }, cause === undefined ? {} : { cause });
}
