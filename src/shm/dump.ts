/** A table as text, for people and for other programs: one JSON object a line, users first, then rows by arrival. */

import { rowIndex } from '../units.js';
import type { Row } from './row-image.js';
import type { Table } from './shared-table.js';

export type DumpedRow = Omit<Row, 'id'> & { readonly id: string; readonly response: string | { file: string } | null };

/**
 * Each line is {"user": {...}} or {"row": {...}}. Bytes are hexadecimal (`id`, `tokenHash`) or base64 (`response`); a
 * response in a file is {"file": path}. What was archived is not among them.
 * @throws TURNO_TABLE_DAMAGED at what cannot be believed
 */
export function* dumpTable(table: Table): Generator<string> {
  const { rows, users } = table.counts();
  for (let index = 0; index < users; index++) yield JSON.stringify(dumpedUser(table, index));
  for (let index = 0; index < rows; index++) {
    const row = table.read(rowIndex(index));
    if (row !== undefined && row.state !== 'archived') yield JSON.stringify({ row: dumpedRow(table, row) });
  }
}

export function dumpedUser(table: Table, index: number): { user: object } {
  const tokenHash = Buffer.from(table.tokenHashOf(index) ?? []).toString('hex');
  return { user: { ...table.user(index), tokenHash } };
}

export function dumpedRow(table: Table, row: Row): DumpedRow {
  const response = table.response(row.row);
  const text = response instanceof Uint8Array ? Buffer.from(response).toString('base64') : response;
  return { ...row, id: Buffer.from(row.id).toString('hex'), response: text ?? null };
}
