/** Submissions as those who ask see them: found by their id, read from the table, and made into replies. */

import { TurnoError } from '../errors.js';
import type { Store } from '../io/store.js';
import type { SubmissionReply, User } from '../io/transport.js';
import type { ProcessTable } from '../pool/process-table.js';
import type { Runners } from '../pool/runners.js';
import type { ModeName } from '../pool/turns.js';
import type { Row, Table } from '../shm/table.js';
import type { RowIndex } from '../units.js';
import { decodeResponse, type StoredResponse } from './outcome.js';
import { replyOf } from './reply.js';
import { NO_WAIT, roundedMs, type Wait, waitForLane } from './wait.js';

export interface SubmissionParts {
  readonly table: Table;
  readonly processTable: ProcessTable;
  readonly store: Store;
  readonly runners: Runners;
  /** The policy, for estimates. */
  readonly turns: ModeName;
}

export class Submissions {
  readonly #parts: SubmissionParts;

  constructor(parts: SubmissionParts) {
    this.#parts = parts;
  }

  /** @throws TURNO_NOT_FOUND, also for a submission of another user: its existence is nobody else's business. */
  find(user: User, id: string): Row {
    const row = /^[0-9a-f]{32}$/.test(id) ? this.#parts.table.rowOf(Buffer.from(id, 'hex')) : undefined;
    const found = row === undefined ? undefined : this.read(row);
    if (found === undefined || (found.user !== user.index && !user.isOperator)) {
      throw new TurnoError('TURNO_NOT_FOUND', { what: 'submission', id });
    }
    return found;
  }

  /** @throws TURNO_NOT_FOUND when it has gone into an archive */
  read(row: RowIndex): Row {
    const found = this.#parts.table.read(row);
    if (found === undefined || found.state === 'archived')
      throw new TurnoError('TURNO_NOT_FOUND', { what: 'row', id: row });
    return found;
  }

  /** The row of a submission that is done; undefined before, and when there is none. */
  done(id: string): Row | undefined {
    const { table } = this.#parts;
    const row = table.rowOf(Buffer.from(id, 'hex'));
    const found = row === undefined ? undefined : table.read(row);
    return found?.state === 'done' ? found : undefined;
  }

  /** Any front, and any later server, makes the same of a row that is done. @throws TURNO_NOT_FOUND as `read` */
  reply(row: RowIndex): SubmissionReply {
    const found = this.read(row);
    return replyOf(found, this.userName(found.user), this.response(found), this.#waitOf(found));
  }

  /** Undefined while it is not done. */
  response({ row, state }: Row): StoredResponse | undefined {
    const { table, store } = this.#parts;
    const response = state === 'done' ? table.response(row) : undefined;
    const bytes = response instanceof Uint8Array ? response : response && store.readResponse(response.file);
    return bytes && decodeResponse(bytes);
  }

  userName(user: number): string {
    return this.#parts.table.user(user)?.name ?? '';
  }

  #waitOf({ row, user, state }: Row): Wait {
    if (state === 'done') return NO_WAIT;
    const { runners, processTable, turns } = this.#parts;
    const position = runners.before(row, user);
    if (position === undefined) return waitForLane(processTable, row, turns);
    return { position, turnsHad: 0, expectedWaitMs: roundedMs(runners.expectedWaitNs(position)) };
  }
}
