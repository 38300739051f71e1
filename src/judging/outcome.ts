/**
 * The outcome of a submission: what the runner found out, before it is a row or a reply.
 *
 * The scalar facts lie in the row's own fields; the rest (output, compiler's words, tests) is the row's `response`,
 * msgpack-encoded here, where the format is said once.
 */

import { Packr } from 'msgpackr';
import type { CompileOutcome } from '../io/store.js';
import type { Verdict } from '../verdict.js';

/** Facts of one run, or of the run that decided. */
export interface RunFacts {
  readonly verdict: Verdict;
  /** Which limit, measured against allowed, or which difference: for people. Empty for AC. */
  readonly reason: string;
  readonly exitCode: number | null;
  /** Signal number. */
  readonly signal: number | null;
  readonly cpuNs: number;
  readonly wallNs: number;
  /** Time it wanted a core and had none. */
  readonly waitedNs: number;
  readonly memoryBytes: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface TestOutcome extends RunFacts {
  readonly name: string;
}

export interface Outcome extends RunFacts {
  readonly compile: CompileOutcome | null;
  /** Relative to the data directory. */
  readonly executable: string | null;
  readonly tests: readonly TestOutcome[];
}

/** The part of an outcome that is not in the row's own fields. */
export type StoredResponse = Pick<Outcome, 'stdout' | 'stderr' | 'reason' | 'compile' | 'tests'>;

const packr = new Packr({ useRecords: false });

export function encodeResponse({ stdout, stderr, reason, compile, tests }: Outcome): Uint8Array {
  return packr.pack({ stdout, stderr, reason, compile, tests } satisfies StoredResponse);
}

export function decodeResponse(bytes: Uint8Array): StoredResponse {
  return packr.unpack(bytes) as StoredResponse;
}

/** An outcome without a run: a compile error, a failure of turno, a submission that was cancelled. */
export function outcomeWithoutRun(verdict: Verdict, reason: string, compile: CompileOutcome | null = null): Outcome {
  return {
    verdict,
    reason,
    compile,
    executable: null,
    tests: [],
    exitCode: null,
    signal: null,
    cpuNs: 0,
    wallNs: 0,
    waitedNs: 0,
    memoryBytes: 0,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
  };
}
