/** Every message between the primary and its fronts (node:cluster's channel), one type each. */

import type { Settings } from '../config.js';
import type { ErrorCode, ErrorDetails } from '../errors.js';
import type { FoundLanguages } from '../languages/registry.js';

/** All a front needs to build its parts. */
export interface FrontSetup {
  readonly settings: Settings;
  /** The mask for new files that was there before the primary set its own. */
  readonly umask: number;
  /** Absolute path of the data directory. */
  readonly dataDirectory: string;
  /** Name of the server's control group, below which each cell has one. */
  readonly cellGroup: string;
  readonly slotCount: number;
  /** What whoever registers must know, with `--registration invite`. */
  readonly invite: string | undefined;
  /** Whoever has this token is the operator. */
  readonly operator: string;
  readonly languages: FoundLanguages;
}

export type PrimaryMessage =
  | { readonly kind: 'setup'; readonly setup: FrontSetup }
  /**
   * Ends the front: no new work; what runs is ended and will be run again, or with `drain` is waited for, until the same
   * message comes without.
   */
  | { readonly kind: 'stop'; readonly deadlineMs: number; readonly drain: boolean }
  /** Rows this front is to run again: their front has died, or the whole server had. */
  | { readonly kind: 'adopt'; readonly rows: readonly number[] }
  /** What may change while it runs. */
  | { readonly kind: 'reload'; readonly invite: string | undefined; readonly languages: FoundLanguages }
  /** A submission was cancelled, by whichever front: the row says so already. */
  | { readonly kind: 'cancelled'; readonly row: number; readonly user: number };

export type FrontMessage =
  /** It listens to its messages now; what was sent before would be lost. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'ready'; readonly urls: string[]; readonly backend: string[] }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly details: ErrorDetails }
  | { readonly kind: 'cancelled'; readonly row: number; readonly user: number }
  | { readonly kind: 'signal'; readonly signal: 'SIGUSR1' | 'SIGUSR2' };
