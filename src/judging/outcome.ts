/**
 * The outcome of a submission: what the runner found out, before it is a row or a reply.
 *
 * The scalar facts lie in the row's own fields; the rest (output, compiler's words, tests) is the row's `response`,
 * msgpack-encoded here, where the format is said once.
 */

import { Packr } from 'msgpackr';
import type { CompileOutcome } from '../io/store.js';
import type { Cause, Verdict } from '../verdict.js';

/** Facts of one run, or of the run that decided. */
export interface RunFacts {
  readonly verdict: Verdict;
  /** Which limit, measured against allowed, or which difference: for people. Empty for AC. */
  readonly reason: string;
  readonly cause?: Cause;
  readonly exitCode: number | null;
  /** Signal number. */
  readonly signal: number | null;
  readonly cpuNs: number;
  readonly wallNs: number;
  /** Time it wanted a core and had none. */
  readonly waitedNs: number;
  readonly memoryBytes: number;
  /** Forked from a template; of several tests: at least one was. */
  readonly warm: boolean;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface TestOutcome extends RunFacts {
  readonly name: string;
  /** Name of its group, null without one. */
  readonly group: string | null;
  /** Part of a test's points, from 0 to 1, when its checker says so. */
  readonly fraction?: number;
}

export interface GroupOutcome {
  readonly name: string;
  /** null when none of its tests counted: the submission ended before. */
  readonly verdict: Verdict | null;
  readonly points: number;
  /** From 0 to points. */
  readonly score: number;
  readonly testCount: number;
}

export interface Outcome extends RunFacts {
  readonly compile: CompileOutcome | null;
  /** Relative to the data directory. */
  readonly executable: string | null;
  /** Those that count; fewer than testCount when it ended early. */
  readonly tests: readonly TestOutcome[];
  readonly groups: readonly GroupOutcome[];
  /** Sum over the groups; null without groups. */
  readonly score: number | null;
  readonly testCount: number;
  /** It ran without a sandbox (--unsafe-no-sandbox). */
  readonly sandbox?: 'none';
  /** Id of the problem whose tests these are. */
  readonly problem?: string;
  readonly rejudgeOf?: string;
}

/** The part of an outcome that is not in the row's own fields. */
export type StoredResponse = Pick<
  Outcome,
  | 'stdout'
  | 'stderr'
  | 'reason'
  | 'compile'
  | 'tests'
  | 'groups'
  | 'score'
  | 'testCount'
  | 'warm'
  | 'sandbox'
  | 'cause'
  | 'problem'
  | 'rejudgeOf'
>;

type LaterField = 'groups' | 'score' | 'testCount' | 'warm';

const packr = new Packr({ useRecords: false });

export function encodeResponse(outcome: Outcome): Uint8Array {
  const { stdout, stderr, reason, compile, tests, groups, score, testCount, warm } = outcome;
  const { sandbox, cause, problem, rejudgeOf } = outcome;
  const stored: StoredResponse = { stdout, stderr, reason, compile, tests, groups, score, testCount, warm };
  return packr.pack({
    ...stored,
    ...(sandbox ? { sandbox } : {}),
    ...(cause ? { cause } : {}),
    ...(problem ? { problem } : {}),
    ...(rejudgeOf ? { rejudgeOf } : {}),
  });
}

export function decodeResponse(bytes: Uint8Array): StoredResponse {
  // Rows of before there were groups, or templates, lack these.
  return {
    groups: [],
    score: null,
    testCount: 0,
    warm: false,
    ...(packr.unpack(bytes) as Omit<StoredResponse, LaterField>),
  };
}

/** An outcome without a run: a compile error, a failure of turno, a submission that was cancelled. */
export function outcomeWithoutRun(verdict: Verdict, reason: string, compile: CompileOutcome | null = null): Outcome {
  return {
    verdict,
    reason,
    compile,
    executable: null,
    tests: [],
    groups: [],
    score: null,
    testCount: 0,
    exitCode: null,
    signal: null,
    cpuNs: 0,
    wallNs: 0,
    waitedNs: 0,
    memoryBytes: 0,
    warm: false,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
  };
}
