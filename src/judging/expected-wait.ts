/**
 * How long a program that waits is likely to go on waiting. An estimate, from what the process table shows at this moment:
 *
 *     the rest of the slice that ends first   0 when a lane is free, or held by somebody who must give way
 *   + slices of those who go before it / lanes
 *
 * Before it go all of a better priority or level, each with a slice of its level. Of its own level its user's earlier ones
 * go before it, and of each other user as many as that, and one more: users are served in turn. With `rr` all stand in one
 * circle, and who has had fewer turns goes before.
 *
 * It assumes that everybody uses the whole slice, and that nobody comes or ends. So it is too long where programs end or
 * sleep before their slice is over, as most do, and too short when newcomers go on arriving. With `fifo` a stay ends when
 * its program does, which nobody knows: no estimate.
 */

import type { Standing } from '../pool/process-table.js';
import { levelsOf, type ModeName } from '../pool/turns.js';

export interface Lanes {
  readonly count: number;
  readonly mode: ModeName;
}

/** @returns ns until its next turn; undefined when it has a lane, or when there is no telling. */
export function expectedWaitNs(
  own: Standing,
  all: readonly Standing[],
  { count, mode }: Lanes,
  nowNs: number,
): number | undefined {
  if (own.hasLane || mode === 'fifo') return undefined;
  const sliceNs = (one: Standing) => levelsOf(mode)[one.level]?.sliceNs ?? 0;
  const holders = all.filter(({ hasLane }) => hasLane);
  const isFree = holders.length < count || holders.some((one) => ringOf(own) < ringOf(one));
  const restsNs = holders.map((one) => Math.max(0, sliceNs(one) - (nowNs - one.laneSinceNs)));
  const waiting = all.filter((one) => !one.hasLane && one !== own);
  const aheadNs = mode === 'rr' ? circle(own, waiting, sliceNs) : shares(own, waiting, sliceNs);
  return (isFree ? 0 : Math.min(...restsNs)) + aheadNs / count;
}

/** A better ring goes first: priority, then level. */
function ringOf({ priority, level }: Standing): number {
  return priority * 1_000 + level;
}

function circle(own: Standing, waiting: readonly Standing[], sliceNs: (one: Standing) => number): number {
  const isBefore = (one: Standing) =>
    one.turns < own.turns || (one.turns === own.turns && one.waitingSinceNs < own.waitingSinceNs);
  return waiting.reduce((sum, one) => sum + (isBefore(one) ? sliceNs(one) : 0), 0);
}

function shares(own: Standing, waiting: readonly Standing[], sliceNs: (one: Standing) => number): number {
  let aheadNs = 0;
  const equals = new Map<number, number>();
  for (const one of waiting) {
    if (ringOf(one) < ringOf(own)) aheadNs += sliceNs(one);
    if (ringOf(one) !== ringOf(own) || (one.user === own.user && one.waitingSinceNs > own.waitingSinceNs)) continue;
    equals.set(one.user, (equals.get(one.user) ?? 0) + 1);
  }
  const place = equals.get(own.user) ?? 0;
  for (const [user, count] of equals)
    aheadNs += (user === own.user ? place : Math.min(count, place + 1)) * sliceNs(own);
  return aheadNs;
}
