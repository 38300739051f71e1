/** CSV as RFC 4180 has it: quoted where needed, "" for a quote inside. */

import { TurnoError } from '../errors.js';

export function csvOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function field(value: string | number): string {
  const text = String(value);
  // A spreadsheet would take it for a formula.
  const safe = typeof value === 'string' && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Records of a CSV text; blank lines are none. @throws TURNO_USAGE when a quote is not closed */
export function recordsOfCsv(text: string, name: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const part = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  const body = text.replace(/^\ufeff/, '');
  while (part.lastIndex < body.length) {
    const at = part.lastIndex;
    const match = part.exec(body);
    if (match === null) {
      const line = body.slice(0, at).split('\n').length;
      throw new TurnoError('TURNO_USAGE', { problem: `${name}: line ${line} is no CSV: a quote is out of place.` });
    }
    const [, quoted, plain = '', end] = match;
    record.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'));
    if (end === ',' && part.lastIndex < body.length) continue;
    if (record.some((one) => one !== '')) records.push(record);
    record = [];
  }
  return records;
}
