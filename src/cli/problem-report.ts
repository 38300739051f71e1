/** Problems and their verification as text for people. */

import type { ProblemListReply, ProblemReply, SamplesReply } from '../io/reply-schema.js';
import type { LocalPackage } from './problem-package.js';
import type { Verification } from './problem-verify.js';
import { plainTable } from './report.js';

export function problemsOf(problems: ProblemListReply['problems']): string {
  if (problems.length === 0) return 'no problems';
  const rows = problems.map(({ id, title, tests, points, addedAt }) => [id, title, tests, points ?? '-', addedAt]);
  return plainTable(['id', 'title', 'tests', 'points', 'added'], rows);
}

export function problemOf(problem: ProblemReply, samples: SamplesReply['samples'], statement: string): string {
  const { id, title, limits, tests, checker, isInteractive, groups, policy } = problem;
  const parts = [`${id}: ${title}`];
  const kind = `${isInteractive ? 'interactive, ' : ''}checker ${checker}`;
  parts.push(`CPU ${limits.cpuTimeMs} ms, memory ${limits.memoryMiB} MiB; ${tests} tests (${policy}), ${kind}`);
  if (groups.length > 0) {
    const rows = groups.map(({ name, points, scoring, tests: count }) => [name, points, scoring, count]);
    parts.push(plainTable(['group', 'points', 'scoring', 'tests'], rows));
  }
  if (statement !== '') parts.push(`--- statement\n${statement.trimEnd()}`);
  for (const { name, input, answer, interaction } of samples) {
    if (interaction !== undefined) {
      parts.push(`--- ${name}: conversation (> the program, < the other side)\n${interaction.trimEnd()}`);
      continue;
    }
    parts.push(`--- ${name}: input\n${input.trimEnd()}\n--- ${name}: answer\n${answer.trimEnd()}`);
  }
  return parts.join('\n');
}

export function verificationOf(result: Verification, { isFolder, problem }: LocalPackage): string {
  const rows = result.submissions.map(({ name, expected, verdict, isRight, score, cpuTimeMs, reason }) => [
    isRight ? 'ok' : 'NOT',
    name.replace(/^submissions\//, ''),
    expected.join('|'),
    verdict ?? '-',
    score ?? '-',
    Math.round(cpuTimeMs),
    isRight ? '' : (reason ?? ''),
  ]);
  const parts = [plainTable(['', 'submission', 'expected', 'verdict', 'score', 'CPU ms', ''], rows)];
  for (const { validator, test, problem: words } of result.badInputs)
    parts.push(`NOT  ${validator}: test ${test}: ${words}`);
  parts.push(...result.complaints.map((complaint) => `NOT  ${complaint}`));
  if (result.timeLimit !== null) {
    const { seconds, isNew, isSure } = result.timeLimit;
    const kept = isSure ? ', written to .timelimit' : ', not written down since not all of them were right';
    const origin = isNew ? `found from the accepted ones${isFolder || !isSure ? kept : ''}` : 'of the package';
    parts.push(`time limit ${seconds} s, ${origin}`);
  }
  const inputs = `${result.inputsChecked} inputs checked`;
  const verdict = result.isGood ? 'good' : 'NOT good';
  parts.push(`${verdict}: ${result.submissions.length} submissions, ${problem.tests.length} tests, ${inputs}`);
  return parts.join('\n');
}
