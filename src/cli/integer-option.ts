/** The number in an option of a command. */

import { TurnoError } from '../errors.js';

/**
 * @param name the option, for the message
 * @throws TURNO_SETTING unless it is an integer within the bounds
 */
export function integerOption(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const problem = `expected an integer from ${min} to ${max}, got ${JSON.stringify(text)}`;
  throw new TurnoError('TURNO_SETTING', { name, problem });
}
