/**
 * A batch: many submissions, a fixed number of them under way, each result written once.
 *
 * Memory does not grow with the number of lines: a line is read when one before it is done, and results that wait for one
 * before them (in order) are bounded too, by not beginning lines that are too far ahead.
 *
 * What is wrong with a line is its result. That a server or its disk is full, that it ends or cannot be reached is not: the line
 * is asked again with pauses, and when that lasts too long the batch ends with an error, to be resumed.
 */

import { setTimeout } from 'node:timers/promises';
import { TurnoError } from '../errors.js';
import { type Client, Refusal } from '../io/client.js';
import type { SubmissionReply } from '../io/reply-schema.js';
import type { SubmissionBody } from '../io/schema.js';
import { utf8 } from '../io/text.js';
import type { Line } from './lines.js';
import type { Results } from './results.js';

/** Results held back may be this many times what is under way. */
const AHEAD = 16;

const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1_000;

/** Refusals that say nothing about the submission, and pass: when others are done, a server has started, somebody has made room. */
const PASSING = [
  'TURNO_TOO_MANY',
  'TURNO_STOPPING',
  'TURNO_CONNECTIONS',
  'TURNO_DISK_LOW',
  'TURNO_DISK_FULL',
  'TURNO_DISK_REFUSES',
];
/** These say nothing about it either, and stay until somebody starts the server or the batch in another way. */
const LASTING = ['TURNO_TOKEN_MISSING', 'TURNO_TOKEN_UNKNOWN', 'TURNO_TABLE_FULL'];

export interface BatchOptions {
  readonly client: Client;
  readonly lines: AsyncIterable<Line>;
  readonly results: Results;
  /** Lines that have their result already. */
  readonly done: ReadonlySet<number>;
  /** Submissions under way at once. */
  readonly concurrency: number;
  /** How long a server may be away before the batch ends. */
  readonly patienceMs: number;
  /** After each result, with what there is so far. */
  readonly onResult: (summary: Summary) => void;
  readonly onBadLine: (line: number, error: BadLine) => void;
  /** A line could not be asked, and will be again. */
  readonly onAway: (error: Error) => void;
}

export interface BadLine {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
}

export interface Summary {
  /** Lines begun or left out, without blank ones. */
  lines: number;
  /** Left out: they had a result. */
  resumed: number;
  /** Lines that were no submission. */
  bad: number;
  readonly verdicts: Map<string, number>;
}

/** @throws TURNO_UNREACHABLE when the server is away for too long, what it refuses all lines with, or what reading and writing throw */
export async function runBatch(options: BatchOptions): Promise<Summary> {
  const { lines, results, done, concurrency } = options;
  const summary: Summary = { lines: 0, resumed: 0, bad: 0, verdicts: new Map() };
  const running = new Set<Promise<void>>();
  let failure: unknown;
  const isFull = () => running.size >= concurrency || results.held >= concurrency * AHEAD;
  for await (const line of lines) {
    if (line.bytes.every((byte) => byte <= 0x20)) continue;
    summary.lines++;
    if (done.has(line.number)) {
      summary.resumed++;
      continue;
    }
    results.expect(line.number);
    const one = judgeLine(options, line, summary)
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => running.delete(one));
    running.add(one);
    while (isFull() && failure === undefined) await Promise.race(running);
    if (failure !== undefined) break;
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure;
  return summary;
}

async function judgeLine(options: BatchOptions, line: Line, summary: Summary): Promise<void> {
  const { results, onResult, onBadLine } = options;
  try {
    const reply = await submitted(options, bodyIn(line.bytes));
    const verdict = reply.verdict ?? reply.state;
    summary.verdicts.set(verdict, (summary.verdicts.get(verdict) ?? 0) + 1);
    await results.put(line.number, reply);
  } catch (error) {
    const bad = badLine(error);
    if (bad === undefined) throw error;
    summary.bad++;
    onBadLine(line.number, bad);
    await results.put(line.number, { error: bad });
  }
  onResult(summary);
}

/** A line as a request; what is in it the server checks. */
function bodyIn(bytes: Buffer): SubmissionBody {
  const text = utf8(bytes, 'line');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TurnoError('TURNO_BAD_REQUEST', { field: 'line', problem: `expected JSON, ${(error as Error).message}` });
  }
  return value as SubmissionBody;
}

async function submitted({ client, patienceMs, onAway }: BatchOptions, body: SubmissionBody): Promise<SubmissionReply> {
  const startMs = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await client.submit(body, { wait: true });
    } catch (error) {
      if (!isPassing(error)) throw error;
      // A full queue is no failure, however long it lasts: it is our own submissions that are in it.
      const isWaiting = error instanceof Refusal && error.code === 'TURNO_TOO_MANY';
      if (!isWaiting && performance.now() - startMs > patienceMs) throw error;
      if (!isWaiting) onAway(error as Error);
      await setTimeout(pauseMs);
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof Refusal) return PASSING.includes(error.code);
  return error instanceof TurnoError && error.code === 'TURNO_UNREACHABLE';
}

/** What an error says about a line; undefined when it is not about the line. */
function badLine(error: unknown): BadLine | undefined {
  if (error instanceof TurnoError && error.code === 'TURNO_BAD_REQUEST') {
    return { code: error.code, message: error.message, field: String(error.details.field) };
  }
  if (!(error instanceof Refusal) || isPassing(error) || LASTING.includes(error.code)) return undefined;
  return { code: error.code, message: error.message, ...(error.field === undefined ? {} : { field: error.field }) };
}
