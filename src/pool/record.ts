/**
 * Writes the outcome of a submission into its row; a response too long for the table, or for which it has no room, goes to a file, and
 * the row says which.
 */

import { TurnoError } from '../errors.js';
import type { Store } from '../io/store.js';
import { encodeResponse, type Outcome } from '../judging/outcome.js';
import { MAX_RESPONSE_BYTES } from '../shm/layout.js';
import type { Result, Table } from '../shm/table.js';
import type { RowIndex } from '../units.js';
import { verdictNumber } from '../verdict.js';

/** @returns false when the row is done already: the outcome was not taken. */
export function recordOutcome(table: Table, store: Store, row: RowIndex, id: string, outcome: Outcome): boolean {
  return write(store, id, outcome, (result) => table.record(row, result));
}

/** The same, and with it the row is done. */
export function finishWithOutcome(table: Table, store: Store, row: RowIndex, id: string, outcome: Outcome): boolean {
  return write(store, id, outcome, (result) => table.finish(row, result));
}

function write(store: Store, id: string, outcome: Outcome, put: (result: Result) => boolean): boolean {
  const encoded = encodeResponse(outcome);
  const putWith = (response: Result['response']) =>
    put({ ...outcome, verdict: verdictNumber(outcome.verdict), response });
  try {
    if (encoded.length <= MAX_RESPONSE_BYTES) return putWith(encoded);
  } catch (error) {
    // The rows are there, and the room for answers is used up: what was accepted is finished all the same.
    if (!(error instanceof TurnoError) || error.code !== 'TURNO_TABLE_FULL') throw error;
  }
  return putWith({ file: store.saveResponse(id, encoded) });
}
