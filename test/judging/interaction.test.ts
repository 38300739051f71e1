/** Who is to blame when two programs talk with each other. */

import { t } from 'tap';
import { type Conversation, judgementOfConversation } from '../../src/judging/interaction.js';
import type { Verdict } from '../../src/verdict.js';

const facts = (verdict: Verdict) => ({
  verdict,
  reason: verdict === 'AC' ? '' : `${verdict} by itself`,
  exitCode: 0,
  signal: null,
  cpuNs: 1,
  wallNs: 2,
  waitedNs: 0,
  memoryBytes: 0,
  warm: false,
  stdout: new Uint8Array(),
  stderr: new Uint8Array(),
});

type Case = readonly [
  name: string,
  program: Verdict,
  interactor: Verdict,
  more: Partial<Conversation>,
  verdict: Verdict,
  reason: RegExp,
];

const first = { firstToEnd: 'program' } as const;

const CASES: readonly Case[] = [
  ['both are content', 'AC', 'AC', first, 'AC', /^$/],
  ['the interactor says wrong', 'AC', 'WA', {}, 'WA', /says WA/],
  ['the program dies of the end of its interactor, which said wrong', 'RE', 'WA', {}, 'WA', /says WA/],
  ['the program was ended here, since the interactor said wrong', 'cancelled', 'WA', {}, 'WA', /says WA/],
  ['... also if it had closed its output before', 'cancelled', 'WA', first, 'WA', /says WA/],
  ['the program crashes first, and the interactor misses its words', 'RE', 'WA', first, 'RE', /by itself/],
  ['the program crashes first, and the interactor crashes over that', 'RE', 'SE', first, 'RE', /by itself/],
  ['the program crashes after the interactor said right', 'RE', 'AC', {}, 'RE', /by itself/],
  ['the program goes on after the interactor said right', 'TLE', 'AC', {}, 'TLE', /by itself/],
  ['the program ends too early for the interactor', 'AC', 'WA', first, 'WA', /says WA/],
  [
    '... which dies of writing to it',
    'AC',
    'SE',
    { ...first, isBrokenPipe: true },
    'WA',
    /before the interactor was done/,
  ],
  ['the interactor crashes', 'RE', 'SE', {}, 'SE', /says SE/],
  ['the interactor dies of a pipe while the program lives', 'AC', 'SE', { isBrokenPipe: true }, 'SE', /says SE/],
  [
    'both are seen to wait for each other',
    'cancelled',
    'cancelled',
    { isDeadlock: true },
    'TLE',
    /idle: .* wait for each other/,
  ],
  ['both wait for each other', 'TLE', 'WA', { ...first, wasWaiting: true }, 'TLE', /waiting: for an answer/],
  [
    'the program waits for an interactor that hangs',
    'TLE',
    'SE',
    { ...first, wasWaiting: true, isHanging: true },
    'SE',
    /says SE/,
  ],
  ['the program computes without end', 'TLE', 'SE', { ...first, isHanging: true }, 'TLE', /by itself/],
  ['the program writes without end', 'cancelled', 'WA', { flooded: 'program' }, 'OLE', /more than 64 KiB/],
  ['the interactor does', 'cancelled', 'AC', { flooded: 'interactor' }, 'SE', /interactor wrote more/],
  ['its user ended it', 'cancelled', 'cancelled', first, 'cancelled', /says/],
];

for (const [name, program, interactor, more, verdict, reason] of CASES) {
  t.test(`${name}: ${verdict}`, async (t) => {
    const words = interactor === 'AC' ? '' : `the interactor says ${interactor}`;
    const found = judgementOfConversation({
      program: facts(program),
      judgement: { verdict: interactor, reason: words, told: '' },
      firstToEnd: 'interactor',
      flooded: undefined,
      isBrokenPipe: false,
      isHanging: false,
      isDeadlock: false,
      wasWaiting: false,
      outputKiB: 64,
      ...more,
    });
    t.equal(found?.verdict ?? program, verdict);
    t.match(found?.reason ?? '', reason);
  });
}
