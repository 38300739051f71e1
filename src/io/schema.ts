/**
 * The schemas: what a request may be and what a reply is. They are the one truth for checking, for the types of
 * TypeScript, for OpenAPI, and for every transport.
 *
 * `x-expected` says a rule in words where the schema alone would say it badly (a pattern); complaint.ts uses it.
 * Rules a schema cannot say (`source` or `files`, file names, base64) are in decode.ts.
 */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { MIN_MEMORY_MIB, type Settings } from '../config.js';
import { CHECKER_KINDS } from '../judging/checkers/checker.js';
import { POLICIES, SCORINGS } from '../judging/coordinator.js';
import { KIB, MIB } from '../units.js';
import { ORDER, type Verdict } from '../verdict.js';

export const closed = { additionalProperties: false } as const;

/** One of several words. A plain enum: a union of literals makes Ajv report one error for each of them. */
function oneOf<const Word extends string>(words: readonly Word[], description: string) {
  return Type.Unsafe<Word>({ type: 'string', enum: words, description });
}

/** `type: [T, "null"]`, as JSON Schema and OpenAPI 3.1 say it. */
function nullable<S extends TSchema>(schema: S) {
  const types = schema.anyOf === undefined ? { type: [schema.type, 'null'] } : {};
  const words = schema.enum === undefined ? {} : { enum: [...schema.enum, null] };
  return Type.Unsafe<Static<S> | null>({ ...schema, ...types, ...words });
}

const between = (min: number, max: number, preset: number, description: string) =>
  Type.Optional(
    Type.Integer({ minimum: min, maximum: max, description: `${description}; default ${Math.min(max, preset)}` }),
  );

/** Limits of a run when a request says nothing; capped by the maxima in force. */
const LIMITS = {
  cpuTimeMs: {
    min: 1,
    preset: 2_000,
    max: (s: Settings) => s.maxCpuTimeMs,
    description: 'CPU time of all processes, ms',
  },
  wallTimeMs: {
    min: 1,
    preset: 6_000,
    max: (s: Settings) => s.maxWallTimeMs,
    description: 'time running or sleeping, ms',
  },
  memoryMiB: {
    min: MIN_MEMORY_MIB,
    preset: 256,
    max: (s: Settings) => s.maxMemoryMib,
    description: 'memory, MiB; with less no program starts',
  },
  processes: { min: 1, preset: 64, max: (s: Settings) => s.maxProcesses, description: 'processes and threads at once' },
  outputKiB: {
    min: 1,
    preset: 1_024,
    max: (s: Settings) => s.maxOutputKib,
    description: 'stdout and stderr, each, KiB',
  },
  fileSizeKiB: {
    min: 1,
    preset: 16_384,
    max: (s: Settings) => s.maxFileSizeKib,
    description: 'largest file written, KiB',
  },
} as const;

export type Limits = { readonly [Name in keyof typeof LIMITS]: number };

/** What an absent limit is. */
export function defaultLimits(settings: Settings): Limits {
  const entries = Object.entries(LIMITS).map(([name, { preset, max }]) => [name, Math.min(preset, max(settings))]);
  return Object.fromEntries(entries) as Limits;
}

/** The most a request, or a problem, may ask for. */
export function mostLimits(settings: Settings): Limits {
  return Object.fromEntries(Object.entries(LIMITS).map(([name, { max }]) => [name, max(settings)])) as Limits;
}

export const MAX_FILES = 100;
export const MAX_TESTS = 1_000;
/** A path fits, behind `sources/ab/ID/` or `ID-`, the row's field of 127 bytes; and the name field of a tar header. */
export const MAX_PATH_BYTES = 80;
const MAX_ARGS = 100;
const MAX_ARG_LENGTH = 4_096;
const MAX_TEST_NAME_LENGTH = 100;
export const MAX_POINTS = 1_000_000;

// ---- requests -------------------------------------------------------------------------------------------------------

export const UserBody = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'unique; at most 128 bytes, no control characters',
    }),
    invite: Type.Optional(Type.String({ maxLength: 200, description: 'the invitation, where the server wants one' })),
  },
  closed,
);
export type UserBody = Static<typeof UserBody>;

/** A program, as submissions of every kind have it. */
function programFields(settings: Settings) {
  const File = Type.Object(
    {
      path: Type.String({ description: `relative, no "..", at most ${MAX_PATH_BYTES} bytes` }),
      content: Type.String({ description: `at most ${settings.maxSourceKib * KIB} bytes` }),
      encoding: Type.Optional(oneOf(['utf8', 'base64'], 'how `content` is to be read; default utf8')),
    },
    closed,
  );
  return {
    language: Type.String({ description: 'an id of GET /v1/languages' }),
    source: Type.Optional(
      Type.String({ description: 'the program, when it is a single file; otherwise `files` and `main`' }),
    ),
    files: Type.Optional(Type.Array(File, { minItems: 1, maxItems: MAX_FILES })),
    main: Type.Optional(
      Type.String({ description: 'path of the file that is run or compiled first; may be absent with a single file' }),
    ),
  };
}

/** The body of POST /v1/problems/ID/submissions: everything else the problem says. */
export function problemSubmissionBody(settings: Settings) {
  return Type.Object(programFields(settings), closed);
}
export type ProblemSubmissionBody = Static<ReturnType<typeof problemSubmissionBody>>;

export const ProblemUpload = Type.Object(
  { zipBase64: Type.String({ description: 'the package as a zip archive; over HTTP also the archive itself' }) },
  closed,
);

export const ProblemUploadQuery = Type.Object(
  {
    id: Type.Optional(Type.String({ description: 'of the problem: 1 to 63 of a-z 0-9 _ -; needed but for a draft' })),
    draft: Type.Optional(Type.Boolean({ description: 'not listed, under an id of its own: to try it out' })),
  },
  closed,
);

/** The body of POST /v1/submissions; its bounds are settings of the server. */
export function submissionBody(settings: Settings) {
  const text = (description: string) => Type.Optional(Type.String({ description }));
  const limit = (name: keyof Limits) =>
    between(LIMITS[name].min, LIMITS[name].max(settings), LIMITS[name].preset, LIMITS[name].description);
  const epsilon = (description: string) =>
    Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: `float: ${description}` }));
  const Test = Type.Object(
    {
      name: Type.Optional(
        Type.String({ minLength: 1, maxLength: MAX_TEST_NAME_LENGTH, description: 'default: its number, from 1' }),
      ),
      stdin: text('standard input'),
      stdinBase64: text('standard input that is not UTF-8'),
      expected: text('what the program should write to stdout; absent: it only has to run'),
      expectedBase64: text('the same, when it is not UTF-8'),
      group: text('name of one of `groups`'),
    },
    closed,
  );
  const Group = Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: MAX_TEST_NAME_LENGTH }),
      points: Type.Number({ minimum: 0, maximum: MAX_POINTS }),
      scoring: Type.Optional(
        oneOf(SCORINGS, 'min: all points or what the worst test leaves of them; sum: each test its share; default min'),
      ),
      policy: Type.Optional(oneOf(POLICIES, 'first-failure: the rest of this group is not run; default all')),
    },
    closed,
  );
  return Type.Object(
    {
      ...programFields(settings),
      stdin: text('standard input, when there are no tests'),
      stdinBase64: text('standard input that is not UTF-8'),
      args: Type.Optional(
        Type.Array(Type.String({ maxLength: MAX_ARG_LENGTH }), { maxItems: MAX_ARGS, description: 'arguments' }),
      ),
      limits: Type.Optional(
        Type.Object(
          {
            cpuTimeMs: limit('cpuTimeMs'),
            wallTimeMs: limit('wallTimeMs'),
            memoryMiB: limit('memoryMiB'),
            processes: limit('processes'),
            outputKiB: limit('outputKiB'),
            fileSizeKiB: limit('fileSizeKiB'),
          },
          closed,
        ),
      ),
      fresh: Type.Optional(
        Type.Boolean({
          description: 'true: each run is started anew, none forked from a template of the interpreter or program',
        }),
      ),
      tests: Type.Optional(Type.Array(Test, { minItems: 1, maxItems: MAX_TESTS })),
      policy: Type.Optional(
        oneOf(POLICIES, 'first-failure: the tests behind the first that fails are not run; default all'),
      ),
      groups: Type.Optional(Type.Array(Group, { minItems: 1, maxItems: MAX_TESTS })),
      checker: Type.Optional(
        Type.Object(
          {
            kind: oneOf(
              CHECKER_KINDS,
              'exact: byte for byte; token: but for white space; case-insensitive: token, A is a; ' +
                'float: token, numbers by epsilon; unordered-lines: the same lines in any order',
            ),
            epsilon: epsilon('absolute or relative, either is enough; default 1e-6'),
            absoluteEpsilon: epsilon('absolute only, instead of epsilon; default 0'),
            relativeEpsilon: epsilon('relative only, instead of epsilon; default 0'),
          },
          { ...closed, description: 'default: token' },
        ),
      ),
    },
    closed,
  );
}
export type SubmissionBody = Static<ReturnType<typeof submissionBody>>;

export const SubmitQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.Boolean({ description: 'answer when it is done (200) instead of when it is accepted (202)' }),
    ),
  },
  closed,
);

export const MAX_PAGE = 500;
export const PageQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{32}$',
        'x-expected': 'the id of a submission',
        description: 'last id of the page before',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, description: 'default 50' })),
  },
  closed,
);

export type PageQuery = Static<typeof PageQuery>;

export const ProgressQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        pattern: '^\\d{1,15}-\\d{1,15}$',
        'x-expected': 'the `cursor` of an answer',
        description: 'only what came after this',
      }),
    ),
  },
  closed,
);

export const NoQuery = Type.Object({}, closed);
export const IdParams = Type.Object({ id: Type.String({ description: 'id of a submission' }) }, closed);

/** A request as one message, for transports that have no paths and methods; its parts are checked by operations.ts. */
export const RequestMessage = Type.Object(
  {
    op: Type.String({ description: 'name of an operation' }),
    id: Type.Optional(Type.Unknown({ description: 'id of a submission' })),
    query: Type.Optional(Type.Unknown()),
    body: Type.Optional(Type.Unknown()),
  },
  closed,
);
export type RequestMessage = Static<typeof RequestMessage>;

// ---- replies --------------------------------------------------------------------------------------------------------

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
          oneOf(['cpu', 'wall', 'memory', 'output', 'fileSize', 'processes'], 'the limit that was reached'),
        ),
        measured: nullable(Type.Number({ description: 'in `unit`; null where nobody counts beyond the limit' })),
        allowed: nullable(Type.Number()),
        unit: nullable(oneOf(['ms', 'KiB', 'processes'], 'of measured and allowed')),
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
  samples: Type.Array(Type.Object({ name: Type.String(), input: Type.String(), answer: Type.String() })),
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

/** Largest body of a request, in bytes. */
export const maxBodyBytes = (settings: Settings) => settings.maxBodyMib * MIB;
