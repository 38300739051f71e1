/**
 * A row as the reply a client gets: the row's own fields, and, once it is done, what lies in its response. Any front, and
 * any later server, makes the same reply from the same row.
 */

import { outputFields } from '../io/output.js';
import type { SubmissionReply, SubmissionSummary, TestReply } from '../io/reply-schema.js';
import type { Row } from '../shm/table.js';
import { signalName } from '../signal-name.js';
import { KIB, NS_PER_MS } from '../units.js';
import { verdictOfNumber } from '../verdict.js';
import type { StoredResponse, TestOutcome } from './outcome.js';
import type { Wait } from './wait.js';

/** Until a submission is done nothing of its result is shown: a runner may have written it, but it is not settled. */
export function summaryOf(row: Row, user: string): SubmissionSummary {
  const isDone = row.state === 'done';
  return {
    id: Buffer.from(row.id).toString('hex'),
    arrival: row.arrival,
    user,
    language: row.language,
    state: row.state === 'running' || isDone ? row.state : 'queued',
    verdict: isDone ? verdictOfNumber(row.verdict) : null,
    sentAt: new Date(row.sentAtMs).toISOString(),
    source: row.source,
    executable: isDone ? row.executable : null,
    exitCode: isDone ? row.exitCode : null,
    signal: isDone && row.signal !== null ? signalName(row.signal) : null,
    cpuTimeMs: isDone ? milliseconds(row.cpuNs) : 0,
    wallTimeMs: isDone ? milliseconds(row.wallNs) : 0,
    memoryKiB: isDone ? Math.ceil(row.memoryBytes / KIB) : 0,
    waitedMs: isDone ? milliseconds(row.waitedNs) : 0,
  };
}

const NOTHING_YET = {
  reason: null,
  cause: null,
  stdout: '',
  stderr: '',
  sandbox: null,
  compile: null,
  tests: [],
  groups: [],
  score: null,
  testCount: 0,
  warm: false,
  problem: null,
  rejudgeOf: null,
};

/** @param response undefined while it is not done */
export function replyOf(row: Row, user: string, response: StoredResponse | undefined, wait: Wait): SubmissionReply {
  const summary = { ...summaryOf(row, user), ...wait };
  if (response === undefined) return { ...summary, ...NOTHING_YET };
  return {
    ...summary,
    sandbox: response.sandbox ?? 'cell',
    reason: response.reason || null,
    cause: response.cause ?? null,
    ...outputFields(response.stdout, response.stderr),
    compile: response.compile,
    tests: response.tests.map(testReply),
    groups: [...response.groups],
    score: response.score,
    testCount: response.testCount,
    warm: response.warm,
    problem: response.problem ?? null,
    rejudgeOf: response.rejudgeOf ?? null,
  };
}

export function testReply({ name, group, verdict, reason, exitCode, signal, ...facts }: TestOutcome): TestReply {
  return {
    name,
    group: group ?? null,
    verdict,
    reason: reason || null,
    cause: facts.cause ?? null,
    exitCode,
    signal: signal === null ? null : signalName(signal),
    cpuTimeMs: milliseconds(facts.cpuNs),
    wallTimeMs: milliseconds(facts.wallNs),
    memoryKiB: Math.ceil(facts.memoryBytes / KIB),
    warm: facts.warm ?? false, // rows of before there were templates say nothing of it
    ...outputFields(facts.stdout, facts.stderr),
  };
}

/** To the microsecond: more is noise. */
export function milliseconds(ns: number): number {
  return Math.round(ns / (NS_PER_MS / 1_000)) / 1_000;
}
