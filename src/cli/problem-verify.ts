/**
 * Verifies a package on a server: it goes there as a draft, every reference submission is judged by it, every input by the
 * input validators, and the draft is removed.
 *
 * Without a time limit the accepted ones are judged first, under a generous one; the limit is then the slowest of them times
 * a factor, at least a second, and everything is judged by that. It is worth keeping only if all of them were right: one that
 * failed may have stopped long before its slowest test.
 */

import { type Client, Refusal } from '../io/client.js';
import type { SubmissionReply } from '../io/reply-schema.js';
import type { SubmissionBody } from '../io/schema.js';
import { type PackageFiles, zipOf } from '../problems/package-files.js';
import type { PackageProgram } from '../problems/package-programs.js';
import type { InvalidInput } from '../problems/package-tests.js';
import type { ReferenceSubmission } from '../problems/references.js';
import type { Verdict } from '../verdict.js';
import { barOn } from './bar.js';
import type { Context } from './context.js';
import type { LocalPackage } from './problem-package.js';

/** The most a server gives may be less: the first of these that it takes. */
const GENEROUS_S = [20, 10, 5, 2, 1];
const FACTOR = 5;
const RESOLUTION_S = 0.1;
const LEAST_S = 1;
/** As a request of the default size takes them. */
const INPUT_BYTES_AT_ONCE = 16_000_000;
/** How often a submission is asked for: soon at first, since many are done at once. */
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 50;

export interface VerifiedSubmission {
  readonly name: string;
  readonly expected: readonly Verdict[];
  readonly verdict: Verdict | null;
  readonly isRight: boolean;
  readonly reason: string | null;
  readonly score: number | null;
  readonly cpuTimeMs: number;
}

export interface VerifiedInput {
  readonly validator: string;
  readonly test: string;
  readonly problem: string;
}

export interface Verification {
  readonly isGood: boolean;
  /** `isSure`: it may be written down. */
  readonly timeLimit: { readonly seconds: number; readonly isNew: boolean; readonly isSure: boolean } | null;
  readonly submissions: readonly VerifiedSubmission[];
  /** Inputs a validator refuses. */
  readonly badInputs: readonly VerifiedInput[];
  readonly inputsChecked: number;
  /** What makes the whole not good besides. */
  readonly complaints: readonly string[];
}

export async function verify(context: Context, client: Client, local: LocalPackage): Promise<Verification> {
  const { problem } = local;
  const bar = barOn(context.err, '{bar} {value}/{total} {name}');
  bar?.start(problem.submissions.length + problem.inputValidators.length, 0, { name: '' });
  try {
    const badInputs: VerifiedInput[] = [];
    const refusedInvalid = new Set<string>();
    for (const validator of problem.inputValidators) {
      badInputs.push(...(await refusedInputs(client, local, validator, problem.tests)));
      const refused = await refusedInputs(client, local, validator, problem.invalidInputs);
      for (const { test } of refused) refusedInvalid.add(test);
      bar?.increment(1, { name: validator.name });
    }
    const timeLimit = await timeLimitOf(client, local);
    const files = timeLimit?.isNew ? withTimeLimit(local.files, timeLimit.seconds) : local.files;
    const submissions = await withDraft(client, files, (id) => {
      return inTurn(problem.submissions, async (reference) => {
        const reply = await judged(client, id, local.files, reference);
        bar?.increment(1, { name: reference.name });
        return verified(reference, reply);
      });
    });
    const complaints = complaintsAbout(local, refusedInvalid);
    const isGood = submissions.every(({ isRight }) => isRight) && badInputs.length === 0 && complaints.length === 0;
    const inputsChecked = problem.inputValidators.length * (problem.tests.length + problem.invalidInputs.length);
    return { isGood, timeLimit, submissions, badInputs, inputsChecked, complaints };
  } finally {
    bar?.stop();
  }
}

function complaintsAbout({ problem }: LocalPackage, refusedInvalid: ReadonlySet<string>): string[] {
  const isAccepted = problem.submissions.some(({ folder }) => folder === 'accepted');
  const accepted = isAccepted ? [] : ['submissions/accepted: expected at least one program that solves it'];
  const invalid = problem.invalidInputs.filter(({ name }) => !refusedInvalid.has(name));
  return [...accepted, ...invalid.map(({ input }) => `${input}: no input validator refuses it`)];
}

function verified({ name, folder, expected }: ReferenceSubmission, reply: SubmissionReply): VerifiedSubmission {
  const { verdict, score, cpuTimeMs } = reply;
  const isOfFolder = verdict !== null && expected.includes(verdict);
  const problem = isOfFolder ? wrongScore(folder, reply) : null;
  const isRight = isOfFolder && problem === null;
  return { name, expected, verdict, isRight, reason: problem ?? reply.reason, score, cpuTimeMs };
}

function wrongScore(folder: string, { score }: SubmissionReply): string | null {
  if (folder !== 'partially_accepted') return null;
  if (score === null) return 'expected a part of the points, but the problem has none: type: scoring';
  return score > 0 ? null : 'expected a part of the points, found none';
}

/** The package's own, or a new one; null when there is nothing to find it from. */
async function timeLimitOf(client: Client, { files, problem }: LocalPackage): Promise<Verification['timeLimit']> {
  const { cpuTimeMs, timeFactor = FACTOR, timeResolutionS = RESOLUTION_S } = problem.limits;
  if (cpuTimeMs !== undefined) return { seconds: cpuTimeMs / 1_000, isNew: false, isSure: true };
  const accepted = problem.submissions.filter(({ folder }) => folder === 'accepted');
  if (accepted.length === 0) return null;
  const replies = await withGenerousDraft(client, files, (id) => {
    return inTurn(accepted, (reference) => judged(client, id, files, reference));
  });
  const right = replies.filter(({ verdict }) => verdict === 'AC');
  if (right.length === 0) return null;
  const slowestS = Math.max(...right.map(({ cpuTimeMs: ms }) => ms)) / 1_000;
  const steps = Math.ceil((Math.max(LEAST_S, slowestS * timeFactor) / timeResolutionS) * (1 - Number.EPSILON));
  const seconds = Number((steps * timeResolutionS).toFixed(3));
  return { seconds, isNew: true, isSure: right.length === replies.length };
}

async function withGenerousDraft<T>(client: Client, files: PackageFiles, body: (id: string) => Promise<T>): Promise<T> {
  const [least = LEAST_S] = GENEROUS_S.slice(-1);
  for (const seconds of GENEROUS_S.slice(0, -1)) {
    try {
      return await withDraft(client, withTimeLimit(files, seconds), body);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'TURNO_PACKAGE') throw error;
    }
  }
  return withDraft(client, withTimeLimit(files, least), body);
}

function withTimeLimit(files: PackageFiles, seconds: number): PackageFiles {
  return new Map([...files, ['.timelimit', Buffer.from(`${seconds}\n`)]]);
}

async function withDraft<T>(client: Client, files: PackageFiles, body: (id: string) => Promise<T>): Promise<T> {
  const { id } = await client.addProblem(zipOf(files), { draft: true });
  try {
    return await body(id);
  } finally {
    await client.removeProblem(id);
  }
}

/** One after the other: they must not slow each other. */
async function inTurn<T, R>(items: readonly T[], body: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await body(item));
  return results;
}

async function judged(
  client: Client,
  id: string,
  files: PackageFiles,
  program: PackageProgram,
): Promise<SubmissionReply> {
  const accepted = await client.submitToProblem(id, bodyOf(files, program), { wait: false });
  return whenDone(client, accepted.id);
}

async function whenDone(client: Client, id: string): Promise<SubmissionReply> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 1.5)) {
    const reply = await client.show(id);
    if (reply.state === 'done') return reply;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function bodyOf(files: PackageFiles, { language, files: paths, root }: PackageProgram) {
  const sources = paths.map((path) => {
    const content = Buffer.from(files.get(path) ?? new Uint8Array()).toString('base64');
    return { path: path.slice(root.length), content, encoding: 'base64' as const };
  });
  return { language, files: sources, main: sources[0]?.path ?? '' };
}

/** Input validators are programs that read an input and end with 42: they run as submissions of their own. */
async function refusedInputs(
  client: Client,
  { files }: LocalPackage,
  validator: PackageProgram,
  inputs: readonly InvalidInput[],
): Promise<VerifiedInput[]> {
  const refused: VerifiedInput[] = [];
  const flagSets = new Set(inputs.map(({ inputFlags }) => JSON.stringify(inputFlags)));
  for (const flags of flagSets) {
    const args: string[] = JSON.parse(flags);
    const tests = inputs.filter(({ inputFlags }) => JSON.stringify(inputFlags) === flags);
    for (const part of inParts(tests, ({ input }) => files.get(input)?.length ?? 0)) {
      const body: SubmissionBody = {
        ...bodyOf(files, validator),
        args,
        tests: part.map(({ name, input }) => {
          return { name, stdinBase64: Buffer.from(files.get(input) ?? new Uint8Array()).toString('base64') };
        }),
      };
      const reply = await whenDone(client, (await client.submit(body, { wait: false })).id);
      const compiler = reply.verdict === 'CE' ? [`does not compile: ${reply.compile?.output ?? ''}`] : [];
      for (const problemText of compiler) refused.push({ validator: validator.name, test: '-', problem: problemText });
      for (const { name, exitCode, stdout, stderr, reason } of reply.tests) {
        if (exitCode === 42) continue;
        const words = (stderr || stdout).trim().split('\n')[0] || reason || `exit code ${exitCode}, expected 42`;
        refused.push({ validator: validator.name, test: name, problem: words });
      }
    }
  }
  return refused;
}

function* inParts<T>(items: readonly T[], bytesOf: (item: T) => number): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (part.length > 0 && bytes + bytesOf(item) > INPUT_BYTES_AT_ONCE) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += bytesOf(item);
  }
  if (part.length > 0) yield part;
}
