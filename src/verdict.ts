/**
 * Verdicts: their numbers in the table, which one wins when several tests are combined, what each says, and the verdict
 * that follows from the facts of one run. Pure.
 *
 * A verdict is about the program; only SE is about turno itself.
 */

import { BOX_FILES, BoxFull, LimitKind } from './pool/cell-layout.js';
import type { RunLimits } from './pool/cell-messages.js';
import { signalName } from './signal-name.js';
import { KIB, MIB, NS_PER_MS } from './units.js';

/** Numbers are stored in rows and in the journal: permanent, never given to another verdict. 0 = no verdict yet. */
export const VERDICTS = {
  AC: { number: 1, says: 'accepted' },
  WA: { number: 2, says: 'wrong answer' },
  TLE: { number: 3, says: 'time limit exceeded' },
  MLE: { number: 4, says: 'memory limit exceeded' },
  OLE: { number: 5, says: 'output limit exceeded' },
  RE: { number: 6, says: 'runtime error' },
  CE: { number: 7, says: 'compile error' },
  SE: { number: 8, says: 'system error: the judge failed, not the program' },
  cancelled: { number: 9, says: 'cancelled before it ended' },
} as const;

export type Verdict = keyof typeof VERDICTS;

/**
 * Which verdict wins when the results of several tests become one: the first of this list that any test has. From "nothing
 * can be said of the program" over "did not run to its end" to "ran, but answered wrongly":
 *
 *     SE               turno failed: no other verdict of this submission can be trusted to be complete
 *     cancelled        somebody ended it: the rest was not looked at
 *     CE               there was nothing to run
 *     RE MLE TLE OLE   a crash is told before a limit: it is a plain mistake of the program, under any limits
 *     WA               only when every test ran to its end
 *     AC               only when every test says so
 */
export const ORDER = ['SE', 'cancelled', 'CE', 'RE', 'MLE', 'TLE', 'OLE', 'WA', 'AC'] as const satisfies Verdict[];

/** @throws RangeError for no verdicts at all: nothing is not "accepted". */
export function worst(verdicts: readonly Verdict[]): Verdict {
  const winner = ORDER.find((verdict) => verdicts.includes(verdict));
  if (winner === undefined) throw new RangeError(`no verdict to choose from: [${verdicts.join(', ')}]`);
  return winner;
}

export function verdictNumber(verdict: Verdict): number {
  return VERDICTS[verdict].number;
}

/** @throws RangeError for a number no verdict has ever had: such a row is damaged, and never "accepted". */
export function verdictOfNumber(number: number): Verdict | null {
  if (number === 0) return null;
  const verdict = ORDER.find((one) => VERDICTS[one].number === number);
  if (verdict === undefined) throw new RangeError(`no verdict has the number ${number}`);
  return verdict;
}

/** Facts of a run that its verdict follows from; a cell's report has them all. */
export interface RunEnd {
  readonly exitCode: number | null;
  /** Signal number. */
  readonly signal: number | null;
  readonly limit: LimitKind;
  readonly boxFull?: BoxFull;
  /** System call the filter ended it for. */
  readonly blockedSyscall?: number | null;
  /** Its name. */
  readonly detail?: string;
  readonly stdoutBytes?: number;
  readonly stderrBytes?: number;
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly memoryBytes: number;
}

export interface RunVerdict {
  readonly verdict: Verdict;
  /** For people: which limit, measured against allowed. Empty for AC. */
  readonly reason: string;
  /** The same for programs; absent for AC, and where neither a limit nor a system call is the cause. */
  readonly cause?: Cause;
}

/** Why a run did not end as it should have. */
export interface Cause {
  readonly limit: Exclude<keyof typeof LimitKind, 'none' | 'cancelled'> | 'box' | 'boxFiles' | null;
  /** In `unit`; null where nobody counts beyond the limit. */
  readonly measured: number | null;
  readonly allowed: number | null;
  readonly unit: 'ms' | 'KiB' | 'processes' | 'files' | null;
  /** The system call that ended it. */
  readonly systemCall: { readonly number: number; readonly name: string } | null;
}

/**
 * The verdict of one run, before any checker: AC means "ran to its end with exit code 0".
 *
 * A limit comes before exit code and signal: whoever reaches one is ended by a signal, and the signal is not the cause.
 * Reaching the processes limit ends nobody (fork fails with EAGAIN, and the program goes on), so it is no verdict; it is
 * told when the program failed. So is a box that was full when the run had ended (what did not fit failed with ENOSPC).
 * @throws RangeError for a limit this build does not know: it must not become "accepted".
 */
export function verdictOfRun(end: RunEnd, limits: RunLimits): RunVerdict {
  const { limit } = end;
  const cause = causeOf(end, limits);
  switch (limit) {
    case LimitKind.cpu:
      return { verdict: 'TLE', reason: `CPU time ${ms(end.cpuNs)} ms, limit ${ms(limits.cpuNs)} ms`, ...cause };
    case LimitKind.wall:
      return { verdict: 'TLE', reason: `wall time ${ms(end.wallNs)} ms, limit ${ms(limits.wallNs)} ms`, ...cause };
    case LimitKind.memory:
      return {
        verdict: 'MLE',
        reason: `memory ${mib(end.memoryBytes)} MiB, limit ${mib(limits.memoryBytes)} MiB`,
        ...cause,
      };
    case LimitKind.output:
      return { verdict: 'OLE', reason: `more output than ${limits.outputBytes / KIB} KiB`, ...cause };
    case LimitKind.fileSize:
      return { verdict: 'OLE', reason: `a file of more than ${limits.fileBytes / KIB} KiB`, ...cause };
    case LimitKind.cancelled:
      return { verdict: 'cancelled', reason: 'cancelled while it ran' };
    case LimitKind.processes: {
      const { verdict, reason } = verdictOfEnd(end);
      if (verdict === 'AC') return { verdict, reason };
      return { verdict, reason: `${reason}; it was refused more than ${limits.processes} processes`, ...cause };
    }
    case LimitKind.none: {
      const { verdict, reason } = verdictOfEnd(end);
      return { verdict, reason: reason + boxNote(end, limits), ...cause };
    }
    default:
      throw new RangeError(`no verdict for the limit ${String(limit satisfies never)}`);
  }
}

/** Of what a program wrote to stderr, this much from its beginning and from its end is looked at for last words. */
const WORDS_BYTES = 64 * KIB;

/**
 * A virtual machine keeps to its heap's limit itself, below the limit of the run: the kernel sees no limit reached when it gives
 * up. Then its own word is taken. A program can say the same words and end badly: it gets one refusal for another. The words
 * are not repeated: the program's stderr may be secret, where the reason is told.
 */
export function verdictOfMachine(
  verdict: RunVerdict,
  { memoryBytes }: RunEnd,
  limits: RunLimits,
  stderr: Uint8Array,
  outOfMemory: RegExp,
): RunVerdict {
  if (verdict.verdict !== 'RE') return verdict;
  const ends = [stderr.subarray(0, WORDS_BYTES), stderr.subarray(Math.max(0, stderr.length - WORDS_BYTES))];
  if (!ends.some((part) => outOfMemory.test(Buffer.from(part).toString('latin1')))) return verdict;
  const figures = { measured: Math.ceil(memoryBytes / KIB), allowed: limits.memoryBytes / KIB };
  return {
    verdict: 'MLE',
    reason: `it said that its memory is used up; memory ${mib(memoryBytes)} MiB, limit ${mib(limits.memoryBytes)} MiB`,
    cause: { limit: 'memory', ...figures, unit: 'KiB', systemCall: null },
  };
}

/** Exit codes 127 and 137 are plain ends of the program: turno's own failures never travel by exit code. */
function verdictOfEnd({ exitCode, signal, blockedSyscall, detail }: RunEnd): RunVerdict {
  if (signal !== null) {
    const isBlocked = typeof blockedSyscall === 'number';
    const call = isBlocked ? ` for the forbidden system call ${blockedSyscall} (${detail})` : '';
    return { verdict: 'RE', reason: `ended by ${signalName(signal)}${call}` };
  }
  if (exitCode === 0) return { verdict: 'AC', reason: '' };
  return { verdict: 'RE', reason: `exit code ${exitCode}` };
}

function boxNote({ boxFull }: RunEnd, limits: RunLimits): string {
  switch (boxFull) {
    case BoxFull.bytes:
      return `; its files fill the box of ${mib(limits.boxBytes)} MiB`;
    case BoxFull.files:
      return `; its box is full with ${BOX_FILES} files`;
    default:
      return '';
  }
}

function causeOf(end: RunEnd, limits: RunLimits): { cause?: Cause } {
  const { stdoutBytes = 0, stderrBytes = 0, blockedSyscall, detail = '' } = end;
  const of = (limit: Cause['limit'], measured: number | null, allowed: number, unit: Cause['unit']) => ({
    cause: { limit, measured, allowed, unit, systemCall: null },
  });
  switch (end.limit) {
    case LimitKind.cpu:
      return of('cpu', end.cpuNs / NS_PER_MS, limits.cpuNs / NS_PER_MS, 'ms');
    case LimitKind.wall:
      return of('wall', end.wallNs / NS_PER_MS, limits.wallNs / NS_PER_MS, 'ms');
    case LimitKind.memory:
      return of('memory', Math.ceil(end.memoryBytes / KIB), limits.memoryBytes / KIB, 'KiB');
    case LimitKind.output:
      return of('output', Math.ceil(Math.max(stdoutBytes, stderrBytes) / KIB), limits.outputBytes / KIB, 'KiB');
    case LimitKind.fileSize:
      return of('fileSize', null, limits.fileBytes / KIB, 'KiB');
    case LimitKind.processes:
      return of('processes', null, limits.processes, 'processes');
    default: {
      if (typeof blockedSyscall !== 'number') return causeOfBox(end, limits);
      const systemCall = { number: blockedSyscall, name: detail };
      return { cause: { limit: null, measured: null, allowed: null, unit: null, systemCall } };
    }
  }
}

/** Full is full: as much was in it as is allowed. */
function causeOfBox({ boxFull }: RunEnd, limits: RunLimits): { cause?: Cause } {
  const full = (limit: 'box' | 'boxFiles', amount: number, unit: 'KiB' | 'files') => ({
    cause: { limit, measured: amount, allowed: amount, unit, systemCall: null },
  });
  switch (boxFull) {
    case BoxFull.bytes:
      return full('box', limits.boxBytes / KIB, 'KiB');
    case BoxFull.files:
      return full('boxFiles', BOX_FILES, 'files');
    default:
      return {};
  }
}

const ms = (ns: number) => Math.round(ns / NS_PER_MS);
const mib = (bytes: number) => Math.round((bytes / MIB) * 10) / 10;
