/**
 * Whether a cell that was told to stop its program and has not done so yet only lacks a core. Programs run below everything: beside
 * foreign work that takes all cores a program gets a few thousandths of one, and needs some of that to stop on. Such a cell
 * is well, and must not be ended for it.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { statOf } from '../proc-stat.js';

const STOP_BIT = 1n << BigInt(constants.signals.SIGSTOP - 1);

/** @param pid PID 1 of the cell, as the host numbers it; what is gone meanwhile lacks nothing */
export function lacksCore(pid: number): boolean {
  return childrenOf(pid).some((child) => isAboutToStop(child) || lacksCore(child));
}

/** Some thread of it is runnable, and SIGSTOP is before it, or has stopped another thread already. */
function isAboutToStop(pid: number): boolean {
  const states = threadsOf(pid).map((thread) => statOf(`${pid}/task/${thread}`)?.[0]);
  return states.includes('R') && (states.includes('T') || hasStopPending(pid));
}

function hasStopPending(pid: number): boolean {
  const masks = read(`/proc/${pid}/status`).matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm);
  return [...masks].some(([, mask]) => (BigInt(`0x${mask}`) & STOP_BIT) !== 0n);
}

function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
