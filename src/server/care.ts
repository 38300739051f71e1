/**
 * What the table needs while it is served and what takes long: room ahead in the journal, snapshots, retention, temporary
 * files that a dead server left. In a thread of the primary (care-thread.ts), whose event loop is needed for signals and fronts.
 */

import { Store } from '../io/store.js';
import { type Answer, answer } from '../pool/answer.js';
import { checkpoint, journalBytes } from '../shm/snapshot.js';
import type { Table } from '../shm/table.js';
import { MIB } from '../units.js';
import { Retention, type RetentionOptions } from './retention.js';
import { removeTemporaries } from './temporaries.js';

/** What a start after a power cut has to read at most, about. */
const LONGEST_JOURNAL_BYTES = 256 * MIB;
/** After a snapshot that failed the journal stays long: not every second another. */
const PAUSE_AFTER_FAILURE_MS = 60_000;

/** Whether something is due is looked at so often. */
const RETENTION_MS = 60_000;

export interface CareOptions extends RetentionOptions {
  /** Whether what is written is synced. */
  readonly isDurable: boolean;
  /** Snapshots that are kept. */
  readonly snapshots: number;
  /** When the server began: older temporary files are nobody's. */
  readonly startedAtMs: number;
}

/** From the primary to the thread. */
export type CareOrder = { readonly kind: 'snapshot' } | { readonly kind: 'stop' };
/** From the thread to the primary. */
export type CareReport =
  | { readonly kind: 'snapshot'; readonly outcome: Answer<string> }
  | { readonly kind: 'swept'; readonly files: number }
  | { readonly kind: 'archived'; readonly rows: number }
  | { readonly kind: 'trouble'; readonly about: string; readonly message: string };

export class Care {
  readonly #table: Table;
  readonly #options: CareOptions;
  readonly #tell: (report: CareReport) => void;
  /** Throws when the server ends: what takes long asks from time to time. */
  readonly #checkStop: () => void;
  readonly #retention: Retention;
  #nextSnapshotMs = 0;
  #nextRetentionMs = 0;

  constructor(table: Table, options: CareOptions, tell: (report: CareReport) => void, checkStop: () => void) {
    this.#table = table;
    this.#options = options;
    this.#tell = tell;
    this.#checkStop = checkStop;
    const store = new Store(options.dataDirectory, options.isDurable);
    this.#retention = new Retention(table, store, options, checkStop);
  }

  /** Once, at the start. */
  begin(): void {
    this.#try('temporary files of a former server are not removed', () => {
      const files = removeTemporaries(this.#options.dataDirectory, this.#options.startedAtMs);
      if (files > 0) this.#tell({ kind: 'swept', files });
    });
    this.#try('what was being archived is not finished', () => this.#retention.recover());
    this.#archive();
  }

  #archive(): void {
    this.#nextRetentionMs = performance.now() + RETENTION_MS;
    this.#try('old submissions are not archived', () => {
      const rows = this.#retention.look();
      if (rows > 0) this.#tell({ kind: 'archived', rows });
    });
  }

  /** About once a second. */
  async look(): Promise<void> {
    const { journal } = this.#table;
    journal.retry();
    const refusal = this.#table.refusal()?.code;
    // Spares take room: not when there is too little already.
    if (refusal === undefined) this.#try('no spare segment for the journal', () => journal.prepareSpare());
    else if (refusal === 'TURNO_DISK_LOW' || refusal === 'TURNO_DISK_FULL') journal.segments.releaseSpares();
    const isDue = journalBytes(this.#table) > LONGEST_JOURNAL_BYTES && performance.now() >= this.#nextSnapshotMs;
    if (isDue) await this.snapshot();
    if (performance.now() >= this.#nextRetentionMs) this.#archive();
  }

  /** A consistent copy of the table; the journal before the oldest copy that is kept is dropped. */
  async snapshot(): Promise<void> {
    const { snapshots } = this.#options;
    const outcome = await answer('a snapshot', () => checkpoint(this.#table, snapshots, this.#checkStop));
    if (outcome.kind === 'failed') this.#nextSnapshotMs = performance.now() + PAUSE_AFTER_FAILURE_MS;
    this.#tell({ kind: 'snapshot', outcome });
  }

  #try(about: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#tell({ kind: 'trouble', about, message: error instanceof Error ? error.message : String(error) });
    }
  }
}
