/** A reply of the server as text for people. */

import Table from 'cli-table3';
import type { SubmissionPage, SubmissionReply, TurnsReply } from '../io/reply-schema.js';
import { VERDICTS } from '../verdict.js';

/** Verdict, facts, what the compiler said, the tests, the output. */
export function reportOf(reply: SubmissionReply): string {
  const parts = [headline(reply), facts(reply)];
  if (reply.compile?.output) parts.push(section('compiler', reply.compile.output));
  if (reply.tests.length > 0) parts.push(testTable(reply.tests));
  if (reply.tests.length < reply.testCount) parts.push(`${reply.testCount - reply.tests.length} tests not run`);
  if (reply.score !== null) parts.push(scoreTable(reply));
  if (reply.stdout) parts.push(section('stdout', reply.stdout));
  if (reply.stderr) parts.push(section('stderr', reply.stderr));
  return parts.join('\n');
}

/** Submissions, one a line. */
export function listOf({ submissions }: SubmissionPage): string {
  if (submissions.length === 0) return 'no submissions';
  const rows = submissions.map(({ id, sentAt, language, state, verdict, cpuTimeMs, memoryKiB }) => {
    return [id, sentAt, language, verdict ?? state, round(cpuTimeMs), round(memoryKiB)];
  });
  return plainTable(['id', 'sent', 'language', 'verdict', 'CPU ms', 'KiB'], rows);
}

/** Programs alive, one a line: those on lanes first. */
export function turnsOf({ lanes, programs }: TurnsReply): string {
  const busy = programs.filter(({ lane }) => lane !== null).length;
  const summary = `${busy} of ${lanes} ${lanes === 1 ? 'lane' : 'lanes'} busy, ${programs.length - busy} waiting`;
  if (programs.length === 0) return summary;
  const head = [
    'id',
    'pid',
    'user',
    'program',
    'state',
    'lane',
    'priority',
    'level',
    'turns',
    'CPU ms',
    'KiB',
    'wait ms',
    'since',
  ];
  const rows = programs.map(({ id, pid, user, program, state, lane, priority, level, ...rest }) => {
    const { turns, cpuTimeMs, memoryKiB, expectedWaitMs, waitingSince } = rest;
    const known = [id ?? '-', pid, user, program ?? '-', state, lane ?? '-', priority, level, turns];
    return [...known, round(cpuTimeMs), round(memoryKiB), expectedWaitMs ?? '-', waitingSince];
  });
  return `${summary}\n${plainTable(head, rows)}`;
}

/** Rows under a head, without trailing blanks. */
export function plainTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({ head: [...head], ...PLAIN });
  for (const row of rows) table.push([...row]);
  return table.toString().replaceAll(/ +$/gm, '');
}

/** No colours and no frame: what is printed is also read by programs. */
const PLAIN = {
  style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
  chars: Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
      .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
      .map((place) => [place, '']),
  ),
};

/** How far it is, until it is done. */
export function progressOf({ state, position, turnsHad, expectedWaitMs }: SubmissionReply): string {
  const turns = turnsHad ? `, ${turnsHad} ${turnsHad === 1 ? 'turn' : 'turns'} had` : '';
  // A server of before has no estimate.
  const wait = (expectedWaitMs ?? null) === null ? '' : `, about ${expectedWaitMs} ms to wait`;
  return `${state}${turns}${position === null ? '' : `, ${position} before it`}${wait}`;
}

function headline(reply: SubmissionReply): string {
  const { verdict, reason } = reply;
  if (verdict === null) return progressOf(reply);
  // A newer server may have verdicts this build does not know.
  const says = Object.hasOwn(VERDICTS, verdict) ? `  ${VERDICTS[verdict].says}` : '';
  return `${verdict}${says}${reason ? `: ${reason}` : ''}`;
}

function facts(reply: SubmissionReply): string {
  const { id, cpuTimeMs, wallTimeMs, waitedMs, memoryKiB, exitCode, signal, sandbox } = reply;
  const end = signal === null ? `exit code ${exitCode ?? '-'}` : signal;
  const times = `CPU ${round(cpuTimeMs)} ms, wall ${round(wallTimeMs)} ms, waited ${round(waitedMs)} ms`;
  return `${times}, memory ${round(memoryKiB)} KiB, ${end}, submission ${id}${sandbox === 'none' ? ', NO SANDBOX' : ''}`;
}

function testTable(tests: SubmissionReply['tests']): string {
  const rows = tests.map(({ name, verdict, cpuTimeMs, wallTimeMs, memoryKiB, reason }) => {
    return [name, verdict ?? '', round(cpuTimeMs), round(wallTimeMs), round(memoryKiB), reason ?? ''];
  });
  return plainTable(['test', 'verdict', 'CPU ms', 'wall ms', 'KiB', ''], rows);
}

function scoreTable({ groups, score }: SubmissionReply): string {
  const rows = groups.map(({ name, verdict, score: had, points }) => [name, verdict ?? '-', `${had} of ${points}`]);
  const most = groups.reduce((sum, { points }) => sum + points, 0);
  return `${plainTable(['group', 'verdict', 'score'], rows)}\nscore ${score} of ${most}`;
}

function section(title: string, text: string): string {
  return `--- ${title}\n${text.endsWith('\n') ? text.slice(0, -1) : text}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
