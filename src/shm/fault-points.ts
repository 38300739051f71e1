/**
 * Fault points: named places where a test may let the process die, wait or fail. Inert unless a test arms them; nothing but
 * tests can, because arming takes a function, not a variable of the environment.
 */

export const FAULT_POINTS = [
  'table.after-intent',
  'table.after-log',
  'table.inside-body',
  'table.after-body',
  'table.after-version',
  'table.after-change',
  'accept.after-row',
  'accept.after-log',
  'accept.after-commit',
  'accept.after-index',
  'accept.after-chain',
  'user.after-row',
  'user.after-commit',
  'user.after-index',
  'grow.after-allocate',
  'grow.after-commit',
  'journal.inside-record',
  'journal.after-record',
  'journal.before-write',
  'journal.before-sync',
  'journal.after-sync',
  'journal.after-segment',
  'snapshot.before-rename',
  'snapshot.after-rename',
] as const;
/** Points of retention, which only one thread of a server passes (test/crash/archive.test.ts). */
export const ARCHIVE_POINTS = [
  'archive.before-rename',
  'archive.after-rename',
  'archive.between-rows',
  'archive.before-files',
  'archive.between-files',
] as const;
export type FaultPoint =
  | (typeof FAULT_POINTS)[number]
  | (typeof ARCHIVE_POINTS)[number]
  | 'saver.before-save'
  | 'runner.before-run';

let armed: ((point: FaultPoint) => void) | undefined;

/** Calls `hook` at every fault point of this thread from now on; undefined disarms. For tests. */
export function armFaultPoints(hook: ((point: FaultPoint) => void) | undefined): void {
  armed = hook;
}

/** Whether somebody wants to be called between the steps of what is otherwise one. */
export function isArmed(): boolean {
  return armed !== undefined;
}

export function faultPoint(point: FaultPoint): void {
  if (armed !== undefined) armed(point);
}
