/**
 * Checkers and interactors that are programs: what they are given, and what their end means. Two protocols:
 *
 *     icpc      checker: INPUT ANSWER FEEDBACK_DIRECTORY/ [flags], the output on stdin; exit code 42 right, 43 wrong;
 *               feedback/judgemessage.txt for the jury, feedback/teammessage.txt for the team,
 *               feedback/score_multiplier.txt a number from 0 to 1: the part of the points; or feedback/score.txt the points
 *               themselves, where there are any to have. An interactor the same, with the program on stdin and stdout.
 *     testlib   checker: INPUT OUTPUT ANSWER [flags]; exit code 0 right, 1 wrong, 2 presentation error (wrong; so are 4, dirt behind
 *               the answer, and 8, an unexpected end of the output), 3 the checker fails, 7 partly right: "points P" at the start
 *               of its words, P from 0 to 1. Its words on stderr, like "ok" or "wrong answer". An interactor the same, with the
 *               program on stdin and stdout.
 *
 * Any other end (a crash, a limit, another exit code) is SE with its reason, never WA: it is no fault of the program.
 *
 * The program runs under a small shell that keeps its exit code in a file: a cell brings files out only after exit code 0.
 */

import type { RunEnd, RunVerdict, Verdict } from '../verdict.js';

export type Protocol = 'icpc' | 'testlib';

/** Names in the box. */
export const INPUT = 'input.txt';
export const ANSWER = 'answer.txt';
export const OUTPUT = 'output.txt';
const FEEDBACK = 'feedback';
export const BROUGHT_OUT = [
  'turno-exit-code',
  `${FEEDBACK}/judgemessage.txt`,
  `${FEEDBACK}/teammessage.txt`,
  `${FEEDBACK}/score_multiplier.txt`,
  `${FEEDBACK}/score.txt`,
] as const;

const SHELL = `mkdir ${FEEDBACK}; "$@"; echo $? > turno-exit-code; exit 0`;

/** @param command the program's own path and arguments */
export function validatorArguments(
  command: readonly string[],
  protocol: Protocol,
  flags: readonly string[],
): { path: string; argv: string[] } {
  const args = protocol === 'icpc' ? [INPUT, ANSWER, `${FEEDBACK}/`, ...flags] : [INPUT, OUTPUT, ANSWER, ...flags];
  return { path: '/bin/sh', argv: ['sh', '-c', SHELL, 'sh', ...command, ...args] };
}

/** What came back: the shell's end, and the files above; empty where there was none. */
export interface ValidatorEnd {
  readonly run: RunVerdict & Pick<RunEnd, 'exitCode'>;
  readonly exitCode: string;
  readonly judgeMessage: string;
  readonly teamMessage: string;
  readonly multiplier: string;
  readonly score: string;
  readonly stderr: string;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** For whoever may see everything. */
  readonly reason: string;
  /** For the team. */
  readonly told: string;
  readonly fraction?: number;
}

/** In the reason of one that a limit has ended. */
export const NOT_BY_ITSELF = 'did not end by itself';
/** In the reason of one that wrote to, or read from, a program that had gone: SIGPIPE as the shell says it, or Python's words. */
export const PROGRAM_GONE = /crashed \(signal 13\)|^(BrokenPipeError|EOFError)\b/m;

const LONGEST_MESSAGE = 2_000;
const RIGHT: Readonly<Record<Protocol, number>> = { icpc: 42, testlib: 0 };
const WRONG: Readonly<Record<Protocol, readonly number[]>> = { icpc: [43], testlib: [1, 2, 4, 8] };
const PARTLY = 7;

/**
 * @param what `checker` or `interactor`
 * @param mostPoints of the test; 0 where there are none
 */
export function judgementOf(end: ValidatorEnd, protocol: Protocol, what: string, mostPoints = 0): Judgement {
  const words = (end.judgeMessage || end.stderr).trim().slice(0, LONGEST_MESSAGE);
  const told = end.teamMessage.trim().slice(0, LONGEST_MESSAGE);
  const failed = (problem: string): Judgement => {
    return { verdict: 'SE', reason: `the ${what} ${problem}${words ? `: ${words}` : ''}`, told: '' };
  };
  if (end.run.verdict === 'cancelled') return { verdict: 'cancelled', reason: end.run.reason, told: '' };
  if (end.run.verdict !== 'AC') return failed(`${NOT_BY_ITSELF} (${end.run.reason})`);
  const code = /^\d+\n$/.test(end.exitCode) ? Number(end.exitCode) : undefined;
  if (code === undefined) return failed('left no exit code');
  if (protocol === 'testlib' && code === 3) return failed('says that it cannot judge (exit code 3)');
  if (protocol === 'testlib' && code === PARTLY)
    return partly(/^points\s+([\d.]+)/.exec(end.stderr)?.[1], words, told, failed);
  if (WRONG[protocol].includes(code)) return { verdict: 'WA', reason: words || 'wrong answer', told };
  if (code !== RIGHT[protocol]) return failed(endOf(code, protocol));
  const [multiplier, score] = [end.multiplier.trim(), end.score.trim()];
  if (multiplier !== '') return partly(multiplier, words, told, failed);
  if (score === '' || mostPoints === 0) return { verdict: 'AC', reason: '', told };
  if (!(Number(score) >= 0 && Number(score) <= mostPoints)) {
    return failed(`gave no score from 0 to ${mostPoints} but ${JSON.stringify(score)}`);
  }
  return partly(String(Number(score) / mostPoints), words, told, failed);
}

/** A part of the points: all of them is right, less is wrong, as far as a verdict can say it. */
function partly(
  text: string | undefined,
  words: string,
  told: string,
  failed: (problem: string) => Judgement,
): Judgement {
  const fraction = text === undefined || text === '' ? Number.NaN : Number(text);
  if (!(fraction >= 0 && fraction <= 1)) return failed(`gave no part from 0 to 1 but ${JSON.stringify(text ?? '')}`);
  if (fraction === 1) return { verdict: 'AC', reason: '', told, fraction };
  const part = `${fraction} of the points`;
  return { verdict: 'WA', reason: words || part, told: told || part, fraction };
}

/** The shell says 128 + n for a signal. */
function endOf(code: number, protocol: Protocol): string {
  if (code > 128 && code < 160) return `crashed (signal ${code - 128})`;
  const known = protocol === 'icpc' ? '42 or 43' : '0 to 4, 7 or 8';
  return `ended with exit code ${code}, expected ${known}`;
}
