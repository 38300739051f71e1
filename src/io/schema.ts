/**
 * The schemas: what a request may be, and what a reply is (reply-schema.ts). They are the one truth for checking, for the types
 * of TypeScript, for OpenAPI, and for every transport.
 *
 * `x-expected` says a rule in words where the schema alone would say it badly (a pattern); complaint.ts uses it.
 * Rules a schema cannot say (`source` or `files`, file names, base64) are in decode.ts.
 */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { MAX_STACK_KIB, MIN_MEMORY_MIB, MIN_OPEN_FILES, MIN_STACK_KIB, type Settings } from '../config.js';
import { CHECKER_KINDS } from '../judging/checkers/checker.js';
import { POLICIES, SCORINGS } from '../judging/coordinator.js';
import { KIB, MIB } from '../units.js';

export const closed = { additionalProperties: false } as const;

/** One of several words. A plain enum: a union of literals makes Ajv report one error for each of them. */
export function oneOf<const Word extends string>(words: readonly Word[], description: string) {
  return Type.Unsafe<Word>({ type: 'string', enum: words, description });
}

/** `type: [T, "null"]`, as JSON Schema and OpenAPI 3.1 say it. */
export function nullable<S extends TSchema>(schema: S) {
  const types = schema.anyOf === undefined ? { type: [schema.type, 'null'] } : {};
  const words = schema.enum === undefined ? {} : { enum: [...schema.enum, null] };
  return Type.Unsafe<Static<S> | null>({ ...schema, ...types, ...words });
}

/** Limits of a run when a request says nothing; capped by the maxima in force. */
export const LIMITS = {
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
  stackKiB: {
    min: MIN_STACK_KIB,
    preset: MAX_STACK_KIB,
    max: (s: Settings) => (s.maxStackKib === 'off' ? MAX_STACK_KIB : s.maxStackKib),
    description: 'stack of the main thread, KiB',
  },
  openFiles: {
    min: MIN_OPEN_FILES,
    preset: 1_024,
    max: (s: Settings) => s.maxOpenFiles,
    description: 'open files of each process, stdin, stdout and stderr among them',
  },
} as const;

type LimitName = keyof typeof LIMITS;
/** Absent in requests of before there were these; without `stackKiB` the stack is as large as the memory allows. */
type LaterLimit = 'stackKiB' | 'openFiles';

export type Limits = { readonly [Name in Exclude<LimitName, LaterLimit>]: number } & {
  readonly [Name in LaterLimit]?: number;
};

/** Undefined: none of its own. */
function defaultLimit(name: LimitName, settings: Settings): number | undefined {
  const preset = Math.min(LIMITS[name].preset, LIMITS[name].max(settings));
  return name === 'stackKiB' && preset === MAX_STACK_KIB ? undefined : preset;
}

/** What an absent limit is. */
export function defaultLimits(settings: Settings): Limits {
  const names = Object.keys(LIMITS) as LimitName[];
  const entries = names.map((name) => [name, defaultLimit(name, settings)] as const);
  return Object.fromEntries(entries.filter(([, preset]) => preset !== undefined)) as unknown as Limits;
}

function limitSchema(name: LimitName, settings: Settings) {
  const { min, max, description } = LIMITS[name];
  const preset = defaultLimit(name, settings) ?? 'as large as the memory allows';
  return Type.Optional(
    Type.Integer({ minimum: min, maximum: max(settings), description: `${description}; default ${preset}` }),
  );
}

/** The most a request, or a problem, may ask for. */
export function mostLimits(settings: Settings): Limits {
  const entries = Object.entries(LIMITS).map(([name, { max }]) => [name, max(settings)]);
  return Object.fromEntries(entries) as unknown as Limits;
}

export const MAX_FILES = 100;
export const MAX_TESTS = 1_000;
/** A path fits, behind `sources/ab/ID/` or `ID-`, the row's field of 127 bytes; and the name field of a tar header. */
export const MAX_PATH_BYTES = 80;
const MAX_ARGS = 100;
const MAX_ARG_LENGTH = 4_096;
const MAX_TEST_NAME_LENGTH = 100;
export const MAX_POINTS = 1_000_000;

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
      path: Type.String({ description: `relative, no "..", not ".turno-...", at most ${MAX_PATH_BYTES} bytes` }),
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
  const limit = (name: LimitName) => limitSchema(name, settings);
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
            stackKiB: limit('stackKiB'),
            openFiles: limit('openFiles'),
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
export const IdParams = Type.Object(
  { id: Type.String({ description: 'id of a submission, or of a problem' }) },
  closed,
);

/** A request as one message, for transports that have no paths and methods; its parts are checked by operations.ts. */
export const RequestMessage = Type.Object(
  {
    op: Type.String({ description: 'name of an operation' }),
    id: Type.Optional(Type.Unknown({ description: 'id of a submission, or of a problem' })),
    query: Type.Optional(Type.Unknown()),
    body: Type.Optional(Type.Unknown()),
  },
  closed,
);
export type RequestMessage = Static<typeof RequestMessage>;

/** Largest body of a request, in bytes. */
export const maxBodyBytes = (settings: Settings) => settings.maxBodyMib * MIB;
