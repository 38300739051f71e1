/**
 * The ways to share lanes that `--turns` offers, as data: the same engine runs all three.
 *
 * | mode | levels | who is next | what ends a stay |
 * |---|---|---|---|
 * | `las` | < 10 ms, < 50 ms, < 500 ms, the rest | least attained service, equal between users | slice of 10, 20, 50, 200 ms; a better one |
 * | `rr` | one | in a circle; a new program joins at the end | one fixed slice |
 * | `fifo` | one | first come, first served | its own end |
 *
 * Why these numbers: a switch costs some 0.1 ms (doorbell, SIGSTOP, SIGCONT, cold caches), so 10 ms keep it at 1 % where
 * most programs are short and 200 ms at 0.05 % where loops are. A C program of a test is over within the first 10 ms, so
 * these are a level of their own: when a hundred loops arrive together, hello waits for the first slices of some of them,
 * not until all have had 50 ms. Python starts within 50 ms, most compilations end before 500. A newcomer preempts at once,
 * so long slices cost it nothing; they only lengthen the circle of the loops.
 */

import { NS_PER_MS, NS_PER_S } from '../../units.js';
import type { Crowd } from './protocol.js';

export type ModeName = 'las' | 'rr' | 'fifo';

export interface Level {
  /** Programs with less service than this are in this level, if in none before. */
  readonly belowNs: number;
  readonly sliceNs: number;
}

export interface Mode {
  readonly levels: readonly Level[];
  /** Programs that never ran go before those that did, within a level of one user. */
  readonly hasNewcomersFirst: boolean;
  /** Lanes and memory are shared equally between users; otherwise all programs stand in one line. */
  readonly isSharedByUser: boolean;
  /** Lane time a user's short programs may have before others', at most at once, per lane. */
  readonly burstNs: number;
  /** The same, continuously, as a part of all lanes. */
  readonly burstShare: number;
  /** At most one protected turn for an overdue program in this time; infinite = nobody is overdue. */
  readonly guardPeriodNs: number;
}

const LAS: Mode = {
  levels: [
    { belowNs: 10 * NS_PER_MS, sliceNs: 10 * NS_PER_MS },
    { belowNs: 50 * NS_PER_MS, sliceNs: 20 * NS_PER_MS },
    { belowNs: 500 * NS_PER_MS, sliceNs: 50 * NS_PER_MS },
    { belowNs: Number.POSITIVE_INFINITY, sliceNs: 200 * NS_PER_MS },
  ],
  hasNewcomersFirst: true,
  isSharedByUser: true,
  burstNs: NS_PER_S,
  burstShare: 0.5,
  guardPeriodNs: 100 * NS_PER_MS,
};

function oneLine(sliceNs: number): Mode {
  return {
    levels: [{ belowNs: Number.POSITIVE_INFINITY, sliceNs }],
    hasNewcomersFirst: false,
    isSharedByUser: false,
    burstNs: Number.POSITIVE_INFINITY,
    burstShare: 0,
    guardPeriodNs: Number.POSITIVE_INFINITY,
  };
}

/** @param sliceNs slice of `rr`, the only mode that has one to choose */
export function modeOf(name: ModeName, sliceNs = 200 * NS_PER_MS): Mode {
  if (name === 'las') return LAS;
  return oneLine(name === 'rr' ? sliceNs : Number.POSITIVE_INFINITY);
}

/** What slices a mode has, by level: for estimates. */
export function levelsOf(name: ModeName): readonly Level[] {
  return modeOf(name).levels;
}

/** How long a started program waits before it is overdue: twice the circle of everybody at the longest slice. */
export function patienceNs(mode: Mode, lanes: number, { users, ofUser }: Pick<Crowd, 'users' | 'ofUser'>): number {
  return mode.guardPeriodNs + (2 * users * ofUser * longestSliceNs(mode)) / lanes;
}

/**
 * Longest wait of a started program for its next turn while at most `programs` are live, of at most `users` users, `ofUser`
 * of them the program's own user's, and no stop takes longer than `stopNs`. Infinite in `fifo`.
 *
 * `rr`: everybody before it in the circle has a slice. `las`: nobody is overdue while the equal shares alone serve
 * everybody, that is what patience is for. After it, each program overdue before has a protected turn first, and those
 * come one in a guard period, at the next end of a slice.
 */
export function boundNs(mode: Mode, lanes: number, crowd: Crowd): number {
  const { programs, stopNs } = crowd;
  if (!Number.isFinite(mode.guardPeriodNs)) return programs * (longestSliceNs(mode) + 2 * stopNs);
  return patienceNs(mode, lanes, crowd) + programs * (mode.guardPeriodNs + longestSliceNs(mode) + 2 * stopNs);
}

function longestSliceNs({ levels }: Mode): number {
  return Math.max(...levels.map(({ sliceNs }) => sliceNs));
}
