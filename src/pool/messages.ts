/** Every message between a front and its pool threads. Rows never travel: both sides look into the table. */

import type { SubmissionRequest } from '../io/transport.js';
import type { LanguageInfo } from '../languages/language.js';
import type { AddTask } from '../problems/add-problem.js';
import type { Arrival, RowIndex } from '../units.js';
import type { Answer } from './answer.js';

/** One accepted submission, as the front knows it and hands it to the pools: its request packed once, for all who need it. */
export interface PackedJob {
  readonly row: RowIndex;
  readonly id: string;
  readonly arrival: Arrival;
  readonly user: number;
  readonly priority: number;
  /** Store.pack; it has its memory for itself, or a message would carry its neighbours too. */
  readonly packed: Uint8Array;
}

/** The same in a thread that works on it. */
export interface Job extends Omit<PackedJob, 'packed'> {
  readonly request: SubmissionRequest;
}

/**
 * `save` writes requests and, where `isAcknowledged`, makes them durable before it answers: somebody is to be told that they
 * were accepted. Where nobody is, until they are done, that comes with the next sync. `commit` waits until the journal is
 * durable up to a position. There is an answer for each job, and one for the other tasks: the position that is durable now.
 */
export type SaverTask =
  | { readonly kind: 'save'; readonly jobs: readonly PackedJob[]; readonly isAcknowledged: boolean }
  | { readonly kind: 'commit'; readonly position: number }
  /** Unpacks, checks and keeps an upload. */
  | { readonly kind: 'add-problem'; readonly problem: AddTask }
  /** Writes the journal's ring out, whatever the durability. */
  | { readonly kind: 'make-room' };

/**
 * `run` gets a job executed and its result into the row; it has waited in the front's queue for so long. `probe` makes a
 * cell; the answer is the cell's Backend bits.
 */
export type RunnerTask =
  | { readonly kind: 'run'; readonly job: PackedJob; readonly waitedNs: number }
  | { readonly kind: 'probe' }
  /** Jobs that are asked for after it may be in these, and in no others. */
  | { readonly kind: 'languages'; readonly languages: readonly LanguageInfo[] };

/**
 * How far a runner has brought a row. `recorded`: the result is in it, the end is left to the front (what was to be saved is
 * not yet, or the disk refused, or somebody else had ended it). `finished`: it is done; `durable`: and that is durable.
 */
export type RunEnd = 'recorded' | 'finished' | 'durable';
export type RunnerAnswer = Answer<RunEnd | number>;

/** workerData of a saver thread. */
export interface SaverSetup {
  readonly table: SharedArrayBuffer;
  readonly dataDirectory: string;
  /** Whether what is acknowledged must survive the loss of power, not only the death of processes. */
  readonly isDurable: boolean;
  /** SavedMarks: savers set them, runners look at them. */
  readonly savedMarks: Int32Array;
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
  /** Whether the thread is to go before everything of normal priority (precedence.ts). */
  readonly isRealtime: boolean;
  readonly maxCells: number;
  /** HOST:INSIDE, checked. */
  readonly mounts: readonly string[];
  /** [0] is set to 1 when the threads are to end their cells. */
  readonly retirement: Int32Array;
  readonly languages: readonly LanguageInfo[];
}
