/** What is to be done with a picture: plain data, which travels to the coordinator in its command line. */

import type { RunLimits } from '../pool/cell-messages.js';
import type { FilterName } from './filters/filters.js';

/** A program of one's own, run in a cell on each band (program-step.ts). */
export interface ProgramStep {
  readonly kind: 'program';
  readonly file: string;
  /** Instead of the one the file's extension says. */
  readonly language?: string;
  /** Rows above and below its band that it gets, too. */
  readonly overlap: number;
  /** Without what its pictures take; outputBytes and fileBytes are set by them. */
  readonly limits: RunLimits;
  readonly isUnsafe: boolean;
  readonly searchPath: string;
}

export interface FilterStep {
  readonly kind: 'filter';
  readonly name: FilterName;
  readonly radius: number;
}

export type Step = FilterStep | ProgramStep;

export interface ImageJob {
  readonly input: string;
  readonly output: string;
  /** One after the other, the program last. */
  readonly steps: readonly Step[];
  readonly workers: number;
  readonly maxPixels: number;
  /** Where the picture is written before it gets its name; whoever started the coordinator removes it after a crash. */
  readonly partPath: string;
  /** Whoever started the coordinator: when that process has gone nobody waits for the picture. */
  readonly starter: number;
}

export interface ImageReport {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly bits: number;
  readonly bands: number;
  readonly decodeMs: number;
  /** From the first order to the last report. */
  readonly filterMs: number;
  readonly encodeMs: number;
  /** Bands done again, because their process was killed. */
  readonly repeated: number;
}

/** From the coordinator to whoever started it. */
export type CoordinatorMessage =
  | { readonly kind: 'phase'; readonly phase: 'decode' | 'filter' | 'encode'; readonly rows: number }
  | { readonly kind: 'rows'; readonly done: number }
  | { readonly kind: 'children'; readonly pids: readonly number[] }
  | { readonly kind: 'done'; readonly report: ImageReport }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** An error on its way to another process. */
export interface PlainError {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
}
