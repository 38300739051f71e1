/** Every message between a front and its pool threads. Rows never travel: both sides look into the table. */

import type { SubmissionRequest } from '../io/transport.js';
import type { LanguageInfo } from '../languages/language.js';
import type { AddTask } from '../problems/add-problem.js';
import type { Arrival, RowIndex } from '../units.js';

/** One accepted submission on its way through the pools. */
export interface Job {
  readonly row: RowIndex;
  readonly id: string;
  readonly arrival: Arrival;
  readonly user: number;
  readonly priority: number;
  readonly request: SubmissionRequest;
}

/**
 * `save` writes requests and makes them durable, `commit` waits until the journal is durable up to a position. There is an
 * answer for each job, and one for the other tasks: the position that is durable now.
 */
export type SaverTask =
  | { readonly kind: 'save'; readonly jobs: readonly Job[] }
  | { readonly kind: 'commit'; readonly position: number }
  /** Unpacks, checks and keeps an upload. */
  | { readonly kind: 'add-problem'; readonly problem: AddTask }
  /** Writes the journal's ring out, whatever the durability. */
  | { readonly kind: 'make-room' };

/**
 * `run` gets a job executed and its result into the row; it has waited in the front's queue for so long. `probe` makes a
 * cell. The answer is the cell's Backend bits.
 */
export type RunnerTask =
  | { readonly kind: 'run'; readonly job: Job; readonly waitedNs: number }
  | { readonly kind: 'probe' };

/** workerData of a saver thread. */
export interface SaverSetup {
  readonly table: SharedArrayBuffer;
  readonly dataDirectory: string;
  /** Whether what is acknowledged must survive the loss of power, not only the death of processes. */
  readonly isDurable: boolean;
}

/** workerData of a runner thread. */
export interface RunnerSetup extends SaverSetup {
  readonly processTable: SharedArrayBuffer;
  /** Open descriptor of turns.turno, which the cells inherit. */
  readonly turnsFd: number;
  readonly logLevel: string;
  readonly cellBinary: string;
  readonly cellGroup: string;
  readonly backend: string;
  readonly maxCells: number;
  /** HOST:INSIDE, checked. */
  readonly mounts: readonly string[];
  /** [0] is set to 1 when the threads are to end their cells; each adds 1 to [1] when it has. */
  readonly retirement: Int32Array;
  readonly languages: readonly LanguageInfo[];
}
