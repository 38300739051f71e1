/** Words of the process table that hold two things. */

import { CLAIM_RUN_MASK, CLAIM_RUN_SHIFT } from './cell-layout.js';

/** PRIORITY holds two things: the priority, and behind it leader + 1 of a run that shares another's lane. */
export const LEADER_SHIFT = 8;
export const PRIORITY_MASK = 0xff;

/** A lane's word or a slot's LANE: who, and for which run. `index` is the slot, or the lane. */
export function claimOf(index: number, run: number): number {
  return ((run & CLAIM_RUN_MASK) << CLAIM_RUN_SHIFT) | (index + 1);
}

/** The slot, or the lane, of a claim; undefined for 0. */
export function inClaim(claim: number): number | undefined {
  return claim === 0 ? undefined : (claim & ((1 << CLAIM_RUN_SHIFT) - 1)) - 1;
}
