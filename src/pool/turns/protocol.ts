/** What is told to the policy of turns, and what it answers. */

import type { ModeName } from './modes.js';

export interface TurnsOptions {
  /** Slots there can be; slots are numbered from 0. */
  readonly slots: number;
  readonly lanes: number;
  readonly mode?: ModeName;
  /** Slice of mode `rr`; default 200 ms. */
  readonly sliceNs?: number;
  /** What started programs may use together; a program with a higher limit is refused. Default: no bound. */
  readonly memoryBytes?: number;
}

export interface Arrival {
  readonly slot: number;
  readonly user: number;
  /** 0 = live, higher goes behind; from MAX_PRIORITY on all are the same. */
  readonly priority: number;
  readonly limitBytes: number;
}

/** A program as a scheduler that starts anew finds it in the process table. */
export interface KnownProgram extends Arrival {
  readonly serviceNs: number;
  readonly turns: number;
  /** Lane it holds, running or not yet seen stopped; undefined = none. */
  readonly lane: number | undefined;
  readonly laneSinceNs: number;
  /** Use of a stopped program; undefined = not known. */
  readonly memoryBytes?: number | undefined;
}

export type Decision =
  /** The lane is the slot's: start or continue it. */
  | { readonly kind: 'run'; readonly slot: number; readonly lane: number }
  /** Stop it; the lane stays its own until `stopped` or `ended` is told. */
  | { readonly kind: 'stop'; readonly slot: number; readonly lane: number }
  /** It was cancelled: end it, wherever it is; then tell `ended`. */
  | { readonly kind: 'kill'; readonly slot: number }
  /** Its limit exceeds the memory there is for all: it will not run; the policy has forgotten it. */
  | { readonly kind: 'refuse'; readonly slot: number };

export interface Decisions {
  readonly decisions: readonly Decision[];
  /** When to ask again though nothing happened, on the clock given to `decide`; Infinity = only after an event. */
  readonly alarmNs: number;
}

/** What the bound of waiting depends on. */
export interface Crowd {
  readonly programs: number;
  readonly users: number;
  readonly ofUser: number;
  readonly stopNs: number;
}
