/** A table as text, for people and for other programs: one JSON object a line, users first, then rows by arrival. */

import { rowIndex } from '../units.js';
import type { Table } from './shared-table.js';

/**
 * Each line is {"user": {...}} or {"row": {...}}. Bytes are hexadecimal (`id`, `tokenHash`) or base64 (`response`); a
 * response in a file is {"file": path}.
 * @throws TURNO_TABLE_DAMAGED at what cannot be believed
 */
export function* dumpTable(table: Table): Generator<string> {
  const { rows, users } = table.counts();
  for (let index = 0; index < users; index++) {
    const tokenHash = Buffer.from(table.tokenHashOf(index) ?? []).toString('hex');
    yield JSON.stringify({ user: { ...table.user(index), tokenHash } });
  }
  for (let index = 0; index < rows; index++) {
    const row = table.read(rowIndex(index));
    if (row === undefined) continue;
    const response = table.response(rowIndex(index));
    const text = response instanceof Uint8Array ? Buffer.from(response).toString('base64') : response;
    yield JSON.stringify({ row: { ...row, id: Buffer.from(row.id).toString('hex'), response: text ?? null } });
  }
}
