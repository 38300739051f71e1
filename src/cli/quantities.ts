/** Times and sizes as people type them: `500ms`, `1.5s`, `64M`. */

import { TurnoError } from '../errors.js';
import { KIB, MIB, NS_PER_MS, NS_PER_S } from '../units.js';

const TIMES: Readonly<Record<string, number>> = { ms: NS_PER_MS, s: NS_PER_S, m: 60 * NS_PER_S };
const SIZES: Readonly<Record<string, number>> = { K: KIB, M: MIB, G: 1_024 * MIB };

/** Nanoseconds. @throws TURNO_USAGE naming the option */
export function parseTimeNs(text: string, option: string): number {
  return parsed(text, /^(\d+(?:\.\d+)?)(ms|s|m)$/, TIMES, option, 'a time such as 500ms, 1.5s or 2m');
}

/** Bytes. @throws TURNO_USAGE naming the option */
export function parseSizeBytes(text: string, option: string): number {
  return parsed(text, /^(\d+(?:\.\d+)?)([KMG])$/, SIZES, option, 'a size such as 512K, 64M or 1G');
}

/** @throws TURNO_USAGE naming the option */
export function parseCount(text: string, option: string): number {
  return parsed(`${text} `, /^(\d{1,9})( )$/, { ' ': 1 }, option, 'a number from 1');
}

function parsed(
  text: string,
  shape: RegExp,
  units: Readonly<Record<string, number>>,
  option: string,
  expected: string,
): number {
  const [, number = '', unit = ''] = shape.exec(text) ?? [];
  const value = Math.round(Number(number) * (units[unit] ?? 0));
  if (value >= 1 && Number.isSafeInteger(value)) return value;
  throw new TurnoError('TURNO_USAGE', {
    problem: `${option}: expected ${expected}, got ${JSON.stringify(text.trim())}`,
  });
}
