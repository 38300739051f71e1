/** The schemas of replies; those of requests, and what both are for, are in schema.ts. */

import { type Static, Type } from '@sinclair/typebox';
import { POLICIES, SCORINGS } from '../judging/coordinator.js';
import { ORDER, type Verdict } from '../verdict.js';
import { nullable, oneOf } from './schema.js';

const verdict = nullable(oneOf<Verdict>(ORDER, 'null until done'));
const output = {
  stdout: Type.String({ description: 'bytes that are not UTF-8 as U+FFFD' }),
  stdoutBase64: Type.Optional(Type.String({ description: 'exact, only when stdout is not UTF-8' })),
  stderr: Type.String(),
  stderrBase64: Type.Optional(Type.String()),
};
const facts = {
  reason: nullable(Type.String({ description: 'why, for people: which limit, which difference; null for AC' })),
  cause: nullable(
    Type.Object(
      {
        limit: nullable(
          oneOf(
            ['cpu', 'wall', 'memory', 'output', 'fileSize', 'processes', 'box', 'boxFiles'],
            'the limit that was reached; processes, box and boxFiles ended nobody, and are told when the program failed',
          ),
        ),
        measured: nullable(Type.Number({ description: 'in `unit`; null where nobody counts beyond the limit' })),
        allowed: nullable(Type.Number()),
        unit: nullable(oneOf(['ms', 'KiB', 'processes', 'files'], 'of measured and allowed')),
        systemCall: nullable(
          Type.Object(
            { number: Type.Integer(), name: Type.String() },
            { description: 'the forbidden system call that ended it' },
          ),
        ),
      },
      { description: 'the reason for programs; null where neither a limit nor a system call is the cause' },
    ),
  ),
  exitCode: nullable(Type.Integer({ description: 'null when a signal ended it, or when it has not run' })),
  signal: nullable(Type.String({ description: 'name, e.g. SIGSEGV' })),
  cpuTimeMs: Type.Number({ description: 'CPU time of all its processes' }),
  wallTimeMs: Type.Number({ description: 'time running or sleeping, not waiting for a core' }),
  memoryKiB: Type.Number({ description: 'largest memory in use' }),
};

export const TestReply = Type.Object({
  name: Type.String(),
  group: nullable(Type.String()),
  verdict,
  ...facts,
  warm: Type.Boolean({ description: 'forked from a template instead of started anew' }),
  ...output,
});
export type TestReply = Static<typeof TestReply>;

export const GroupReply = Type.Object({
  name: Type.String(),
  verdict,
  points: Type.Number(),
  score: Type.Number({ description: 'from 0 to points' }),
  testCount: Type.Integer(),
});

const summary = {
  id: Type.String(),
  arrival: Type.Integer({ description: 'order number, from 1' }),
  user: Type.String(),
  language: Type.String(),
  state: oneOf(['queued', 'running', 'done'], 'queued, running or done'),
  verdict,
  sentAt: Type.String({ description: 'ISO 8601, UTC' }),
  source: nullable(Type.String({ description: 'path of the main file, relative to the data directory' })),
  executable: nullable(Type.String({ description: 'path, relative to the data directory' })),
};
const times = {
  waitedMs: Type.Number({
    description: 'time it waited: for a cell, for its first turn, stopped between turns, or for a core; in no limit',
  }),
};
const wait = {
  position: nullable(
    Type.Integer({ description: 'about how many go before it; null when it does not wait, or waits at another front' }),
  ),
  turnsHad: nullable(Type.Integer({ description: 'turns had by what of it is started; null when it is done' })),
  expectedWaitMs: nullable(
    Type.Integer({
      description: 'about how long it goes on waiting, if nobody comes or ends; null: not waiting, or no telling',
    }),
  ),
};
export const SubmissionSummary = Type.Object({
  ...summary,
  exitCode: facts.exitCode,
  signal: facts.signal,
  cpuTimeMs: facts.cpuTimeMs,
  wallTimeMs: facts.wallTimeMs,
  memoryKiB: facts.memoryKiB,
  ...times,
});
export type SubmissionSummary = Static<typeof SubmissionSummary>;

export const SubmissionReply = Type.Object({
  ...summary,
  ...facts,
  ...times,
  ...wait,
  ...output,
  sandbox: nullable(oneOf(['cell', 'none'], 'none: it ran without any (--unsafe-no-sandbox); null until done')),
  compile: nullable(
    Type.Object(
      { exitCode: nullable(Type.Integer()), output: Type.String() },
      { description: 'null for interpreted languages' },
    ),
  ),
  tests: Type.Array(TestReply, { description: 'those that count, in order; fewer than testCount when it ended early' }),
  groups: Type.Array(GroupReply),
  score: nullable(Type.Number({ description: 'sum over the groups; null without groups' })),
  testCount: Type.Integer({ description: '0 until done' }),
  warm: Type.Boolean({ description: 'the run, or one of its tests, was forked from a template' }),
  problem: nullable(
    Type.String({ description: 'id of the problem it was judged by; null until done, or without one' }),
  ),
  rejudgeOf: nullable(Type.String({ description: 'id of the submission this one judged once more' })),
});
export type SubmissionReply = Static<typeof SubmissionReply>;

export const ProgressTest = Type.Omit(TestReply, ['stdout', 'stderr', 'stdoutBase64', 'stderrBase64', 'reason']);
export type ProgressTest = Static<typeof ProgressTest>;

export const ProgressReply = Type.Object({
  state: summary.state,
  cursor: Type.String({ description: 'value of `after` for what comes next' }),
  tests: nullable(Type.Integer({ description: 'how many there are; null while nothing is known' })),
  isAnew: Type.Boolean({ description: 'begun once more, after a failure of the server: what was told before is void' }),
  results: Type.Array(ProgressTest, {
    description: 'as they end; one of them may not count in the end, when an earlier test fails',
  }),
});
export type ProgressReply = Static<typeof ProgressReply>;

export const SubmissionPage = Type.Object({
  submissions: Type.Array(SubmissionSummary, { description: 'newest first' }),
  next: nullable(Type.String({ description: 'value of `after` for the next page; null on the last one' })),
});
export type SubmissionPage = Static<typeof SubmissionPage>;

export const ProgramReply = Type.Object({
  id: nullable(Type.String({ description: "submission; null when it is another user's" })),
  pid: Type.Integer({ description: 'process 1 of its cell, as the server sees it' }),
  user: Type.String(),
  program: nullable(Type.String({ description: "language and main file; null when it is another user's" })),
  state: oneOf(['waiting', 'running', 'stopped'], 'waiting: for its first turn; stopped: between two turns'),
  lane: nullable(Type.Integer({ description: 'the lane it has, from 0' })),
  priority: Type.Integer({ description: 'of its user: 0 live, higher goes behind' }),
  level: Type.Integer({ description: 'by time had on lanes; 0 goes first' }),
  turns: Type.Integer({ description: 'turns had, the present one included' }),
  cpuTimeMs: Type.Number({ description: 'CPU time up to its last stop' }),
  laneTimeMs: Type.Number({ description: 'time on lanes, the present stay included' }),
  memoryKiB: Type.Number({ description: 'memory at its last stop' }),
  expectedWaitMs: nullable(
    Type.Integer({
      description: 'about how long until its next turn, if nobody comes or ends; null: it has one, or no telling',
    }),
  ),
  waitingSince: Type.String({ description: 'when its run was asked for; ISO 8601, UTC' }),
});
export type ProgramReply = Static<typeof ProgramReply>;

export const ProblemSummary = Type.Object({
  id: Type.String(),
  title: Type.String(),
  tests: Type.Integer(),
  points: nullable(Type.Number({ description: 'of all groups; null without points' })),
  addedAt: Type.String({ description: 'ISO 8601, UTC' }),
});
export type ProblemSummary = Static<typeof ProblemSummary>;

export const ProblemReply = Type.Object({
  ...ProblemSummary.properties,
  owner: Type.String(),
  revision: Type.String(),
  limits: Type.Record(Type.String(), Type.Number()),
  hasTimeLimit: Type.Boolean({ description: 'false: the package has none, this is the default' }),
  isInteractive: Type.Boolean(),
  checker: Type.String(),
  policy: oneOf(POLICIES, 'what ends the judging'),
  groups: Type.Array(
    Type.Object({ name: Type.String(), points: Type.Number(), scoring: oneOf(SCORINGS, ''), tests: Type.Integer() }),
  ),
  samples: Type.Integer(),
  statement: nullable(Type.String({ description: 'name of the file' })),
});
export type ProblemReply = Static<typeof ProblemReply>;

export const ProblemListReply = Type.Object({ problems: Type.Array(ProblemSummary) });
export type ProblemListReply = Static<typeof ProblemListReply>;

export const SamplesReply = Type.Object({
  samples: Type.Array(
    Type.Object({
      name: Type.String(),
      input: Type.String(),
      answer: Type.String(),
      interaction: Type.Optional(
        Type.String({
          description: 'instead of both, where there is one: a conversation, `>` the program, `<` the interactor',
        }),
      ),
    }),
  ),
});
export type SamplesReply = Static<typeof SamplesReply>;

export const ScoreReply = Type.Object({
  user: Type.String(),
  verdict,
  score: nullable(Type.Number()),
  testsPassed: Type.Integer(),
  submissions: Type.Integer(),
  best: Type.String({ description: 'id of the submission that counts' }),
  sentAt: Type.String(),
});
export type ScoreReply = Static<typeof ScoreReply>;

export const ScoresReply = Type.Object({
  problem: Type.String(),
  points: nullable(Type.Number()),
  scores: Type.Array(ScoreReply),
});
export type ScoresReply = Static<typeof ScoresReply>;

export const RejudgeReply = Type.Object({
  rejudged: Type.Array(Type.Object({ old: Type.String(), new: Type.String() })),
});
export type RejudgeReply = Static<typeof RejudgeReply>;

export const RemovedReply = Type.Object({ removed: Type.String() });

export const TurnsReply = Type.Object({
  lanes: Type.Integer(),
  programs: Type.Array(ProgramReply, { description: 'those on lanes first, then in about the order of their turns' }),
});
export type TurnsReply = Static<typeof TurnsReply>;

export const UserReply = Type.Object({ name: Type.String(), token: Type.String({ description: 'shown only here' }) });
export type UserReply = Static<typeof UserReply>;

export const LanguageReply = Type.Object({
  languages: Type.Array(
    Type.Object({ id: Type.String(), name: Type.String(), version: Type.String(), extension: Type.String() }),
  ),
  absent: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), reason: Type.String() }), {
    description: 'languages turno knows whose tools are not there',
  }),
});
export type LanguageReply = Static<typeof LanguageReply>;

export const PingReply = Type.Object({});

export const Health = Type.Object({
  pid: Type.Integer({ description: 'of the front that answered' }),
  rows: Type.Integer({ description: 'submissions in the table' }),
  maxRows: Type.Integer(),
  users: Type.Integer(),
  queued: Type.Integer(),
  running: Type.Integer(),
  done: Type.Integer(),
  archived: Type.Integer({ description: 'submissions that have gone into archive files' }),
  bytes: Type.Integer({ description: 'of the table in the file' }),
  freeBytes: Type.Integer({ description: 'on the disk of the data directory, about a second ago' }),
  refuses: nullable(Type.String({ description: 'code of the error new submissions get; null when they are taken' })),
  waiting: Type.Integer({ description: 'submissions of this front that wait for a cell' }),
  lanes: Type.Integer(),
  sandbox: Type.Array(Type.String(), { description: 'what programs are confined and measured by' }),
});
export type Health = Static<typeof Health>;

export const ErrorReply = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'permanent; see docs/errors.md' }),
    message: Type.String({ description: 'for people' }),
    field: Type.Optional(Type.String({ description: 'the field of the request it is about' })),
  }),
});
export type ErrorReply = Static<typeof ErrorReply>;
