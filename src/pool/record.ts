/** Writes the outcome of a submission into its row; a response too long for the table goes to a file, and the row says which. */

import type { Store } from '../io/store.js';
import { encodeResponse, type Outcome } from '../judging/outcome.js';
import { MAX_RESPONSE_BYTES } from '../shm/layout.js';
import type { Result, Table } from '../shm/table.js';
import type { RowIndex } from '../units.js';
import { verdictNumber } from '../verdict.js';

/** @returns false when the row is done already: the outcome was not taken. */
export function recordOutcome(table: Table, store: Store, row: RowIndex, id: string, outcome: Outcome): boolean {
  return table.record(row, resultOf(store, id, outcome));
}

/** The same, and with it the row is done. */
export function finishWithOutcome(table: Table, store: Store, row: RowIndex, id: string, outcome: Outcome): boolean {
  return table.finish(row, resultOf(store, id, outcome));
}

function resultOf(store: Store, id: string, outcome: Outcome): Result {
  const response = encodeResponse(outcome);
  return {
    ...outcome,
    verdict: verdictNumber(outcome.verdict),
    response: response.length <= MAX_RESPONSE_BYTES ? response : { file: store.saveResponse(id, response) },
  };
}
