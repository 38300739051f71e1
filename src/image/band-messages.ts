/** What the coordinator and the process of a band tell each other, through a Pipe. */

import type { ReadyProgram } from '../pool/lone-cell.js';
import type { Band } from './bands.js';
import type { FilterStep, PlainError, ProgramStep } from './job.js';
import type { Picture } from './picture.js';

/** The two arrays of samples in the shared space: each step reads one and writes the other. */
export const ARRAYS = ['front', 'back'] as const;
export type ArrayName = (typeof ARRAYS)[number];

/** What a process of a band is started with, as JSON in its command line. */
export interface BandSetup {
  readonly coordinator: number;
  /** Name of its pipe in the space. */
  readonly pipe: string;
  readonly kind: 'u8' | 'u16';
  /** Length of each array. */
  readonly samples: number;
  /** What it is to be quick at from the first order on. */
  readonly filters: readonly { readonly step: FilterStep; readonly picture: Picture }[];
  /** The program of the job, which is inherited as the descriptor behind the space's. */
  readonly program?: BandProgram;
}

export interface BandProgram extends Pick<ProgramStep, 'overlap' | 'limits' | 'isUnsafe'> {
  readonly command: ReadyProgram['command'];
  readonly place: ReadyProgram['file']['place'];
  readonly name: string;
  readonly mounts: readonly string[];
}

export interface Order {
  readonly kind: 'order';
  readonly step: FilterStep | Pick<ProgramStep, 'kind'>;
  /** As it is before this step. */
  readonly picture: Picture;
  readonly band: Band;
  readonly from: ArrayName;
  readonly to: ArrayName;
}

export type ToBand = Order | { readonly kind: 'end' };

export type FromBand =
  | { readonly kind: 'ready' }
  /** So many more are done. */
  | { readonly kind: 'rows'; readonly rows: number }
  /** `endedNs`: the monotonic clock, which is one for all processes. */
  | { readonly kind: 'done'; readonly endedNs: bigint }
  | { readonly kind: 'failed'; readonly error: PlainError };
