/**
 * The routes of HTTP: which method and path leads to which operation (operations.ts), and what its reply looks like in
 * HTTP. Nothing is decided here.
 */

import type { TSchema } from '@sinclair/typebox';
import type { FastifyReply, HTTPMethods } from 'fastify';
import type { ErrorCode } from '../errors.js';
import type { Download, OperationName } from './operations.js';
import {
  Health,
  LanguageReply,
  PingReply,
  ProblemListReply,
  ProblemReply,
  ProgressReply,
  RejudgeReply,
  RemovedReply,
  SamplesReply,
  ScoresReply,
  SubmissionPage,
  SubmissionReply,
  TurnsReply,
  UserReply,
} from './reply-schema.js';

interface RouteReply {
  readonly description: string;
  readonly schema?: TSchema;
  readonly types?: readonly string[];
}

export interface Route {
  readonly method: HTTPMethods & ('GET' | 'POST' | 'DELETE');
  readonly path: string;
  readonly operation: OperationName;
  /** Asked for again and again, and told as events until it is done: http-events.ts. */
  readonly isStream?: true;
  readonly summary: string;
  /** By status; the first is the usual one. Without a schema: bytes of one of the types. */
  readonly replies: Readonly<Record<number, RouteReply>>;
  /** What it may be refused with, beside what any such request may (openapi.ts). */
  readonly refusals?: readonly ErrorCode[];
  /** Bodies, as they could be sent. */
  readonly examples?: readonly object[];
  /** The body may come as application/zip, too. */
  readonly takesZip?: true;
  /** What of HTTP an answer needs besides its object: a status, headers. @returns what is sent */
  readonly dress?: (value: unknown, reply: FastifyReply) => unknown;
}

const DISK = ['TURNO_DISK_FULL', 'TURNO_DISK_LOW', 'TURNO_DISK_REFUSES'] as const;
const NEW_WORK = ['TURNO_STOPPING', 'TURNO_TABLE_FULL', ...DISK] as const;

/** Of the examples: reads a number, writes its double. */
const TWICE = 'print(2 * int(input()))';

export const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/users',
    operation: 'register',
    summary: 'Register a user. The token is shown only here; the server keeps its hash.',
    replies: { 201: { description: 'registered', schema: UserReply } },
    dress: withStatus(201),
    refusals: ['TURNO_REGISTRATION_CLOSED', 'TURNO_INVITE', 'TURNO_USER_EXISTS', ...NEW_WORK],
    examples: [{ name: 'ada' }],
  },
  {
    method: 'POST',
    path: '/v1/submissions',
    operation: 'submit',
    summary: 'Submit a program: it is saved, compiled if need be, run in a sandbox and judged.',
    replies: {
      200: { description: 'done (wait=true)', schema: SubmissionReply },
      202: { description: 'accepted: it will be run, also after a restart', schema: SubmissionReply },
    },
    dress: accepted,
    refusals: ['TURNO_TOO_MANY', ...NEW_WORK],
    examples: [
      { language: 'python', source: TWICE, stdin: '21', limits: { cpuTimeMs: 500 } },
      {
        language: 'python',
        source: TWICE,
        tests: [
          { stdin: '21', expected: '42' },
          { stdin: '4', expected: '8' },
        ],
      },
      {
        language: 'c',
        main: 'main.c',
        files: [
          { path: 'main.c', content: 'int twice(int);\nint main(void) { return twice(0); }\n' },
          { path: 'twice.c', content: 'int twice(int n) { return 2 * n; }\n' },
        ],
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/submissions',
    operation: 'list',
    summary: 'Your submissions, newest first.',
    replies: { 200: { description: 'a page of them', schema: SubmissionPage } },
  },
  {
    method: 'GET',
    path: '/v1/submissions/:id',
    operation: 'show',
    summary: 'One of your submissions, with all that is known of it by now.',
    replies: { 200: { description: 'the submission', schema: SubmissionReply } },
  },
  {
    method: 'DELETE',
    path: '/v1/submissions/:id',
    operation: 'cancel',
    summary: 'End one of your submissions at once, wherever it is; its verdict is `cancelled`.',
    replies: { 200: { description: 'cancelled', schema: SubmissionReply } },
    refusals: ['TURNO_DONE', ...DISK],
  },
  {
    method: 'GET',
    path: '/v1/submissions/:id/progress',
    operation: 'progress',
    summary: 'Results of its tests as they come: those after a cursor.',
    replies: { 200: { description: 'what is new', schema: ProgressReply } },
    refusals: ['TURNO_STOPPING'],
  },
  {
    method: 'GET',
    path: '/v1/submissions/:id/events',
    operation: 'progress',
    isStream: true,
    summary:
      'The same as server-sent events: `start`, `test` for each result, `anew`, at the end `done` with the reply.',
    replies: { 200: { description: 'the events', types: ['text/event-stream'] } },
    refusals: ['TURNO_STOPPING'],
  },
  {
    method: 'GET',
    path: '/v1/submissions/:id/source',
    operation: 'source',
    summary: 'What was submitted: the file itself, or a tar archive when there are several.',
    replies: { 200: { description: 'the file', types: ['application/octet-stream', 'application/x-tar'] } },
    dress: download,
  },
  {
    method: 'GET',
    path: '/v1/submissions/:id/executable',
    operation: 'executable',
    summary: 'The compiled program.',
    replies: { 200: { description: 'the file', types: ['application/octet-stream'] } },
    dress: download,
  },
  {
    method: 'POST',
    path: '/v1/submissions/:id/rejudge',
    operation: 'rejudge',
    summary: 'Judge it once more, behind live work: the new answer is a submission beside the old one.',
    replies: { 202: { description: 'accepted', schema: SubmissionReply } },
    dress: accepted,
    refusals: NEW_WORK,
  },
  {
    method: 'POST',
    path: '/v1/problems',
    operation: 'addProblem',
    summary: 'Add a problem, or a new revision of it: a package as application/zip, or in JSON.',
    replies: { 201: { description: 'added', schema: ProblemReply } },
    dress: withStatus(201),
    refusals: ['TURNO_PACKAGE', 'TURNO_OPERATOR', 'TURNO_PROBLEM_TAKEN', 'TURNO_STOPPING', ...DISK],
    takesZip: true,
  },
  {
    method: 'GET',
    path: '/v1/problems',
    operation: 'problems',
    summary: 'All problems.',
    replies: { 200: { description: 'problems', schema: ProblemListReply } },
  },
  {
    method: 'GET',
    path: '/v1/problems/:id',
    operation: 'problem',
    summary: 'A problem: limits, groups, checker.',
    replies: { 200: { description: 'the problem', schema: ProblemReply } },
  },
  {
    method: 'DELETE',
    path: '/v1/problems/:id',
    operation: 'removeProblem',
    summary: 'Remove a problem with its tests; answers for it stay.',
    replies: { 200: { description: 'removed', schema: RemovedReply } },
    refusals: ['TURNO_OPERATOR'],
  },
  {
    method: 'GET',
    path: '/v1/problems/:id/statement',
    operation: 'statement',
    summary: 'The text of the problem, as its file.',
    replies: { 200: { description: 'the file', types: ['application/octet-stream'] } },
    dress: download,
  },
  {
    method: 'GET',
    path: '/v1/problems/:id/samples',
    operation: 'samples',
    summary: 'Samples: input and answer.',
    replies: { 200: { description: 'samples', schema: SamplesReply } },
  },
  {
    method: 'POST',
    path: '/v1/problems/:id/submissions',
    operation: 'submitToProblem',
    summary: 'Submit a program for a problem: it is judged by its tests.',
    replies: {
      200: { description: 'done (wait=true)', schema: SubmissionReply },
      202: { description: 'accepted', schema: SubmissionReply },
    },
    dress: accepted,
    refusals: ['TURNO_TOO_MANY', ...NEW_WORK],
    examples: [{ language: 'python', source: TWICE }],
  },
  {
    method: 'GET',
    path: '/v1/problems/:id/scores',
    operation: 'scores',
    summary: "Of each user the best submission. For the operator, or the problem's owner.",
    replies: { 200: { description: 'scores', schema: ScoresReply } },
    refusals: ['TURNO_OPERATOR'],
  },
  {
    method: 'POST',
    path: '/v1/problems/:id/rejudge',
    operation: 'rejudgeProblem',
    summary: 'Judge every submission for it once more, behind live work.',
    replies: { 202: { description: 'accepted', schema: RejudgeReply } },
    dress: withStatus(202),
    refusals: ['TURNO_OPERATOR', ...NEW_WORK],
  },
  {
    method: 'GET',
    path: '/v1/turns',
    operation: 'turns',
    summary: "Programs alive: who has a lane, who waits for one. Of other users' not what they are.",
    replies: { 200: { description: 'programs', schema: TurnsReply } },
  },
  {
    method: 'GET',
    path: '/v1/languages',
    operation: 'languages',
    summary: 'Languages this server can judge.',
    replies: { 200: { description: 'languages', schema: LanguageReply } },
  },
  {
    method: 'GET',
    path: '/v1/health',
    operation: 'health',
    summary: 'Whether the server serves, and how much there is to do.',
    replies: { 200: { description: 'it serves', schema: Health } },
  },
  {
    method: 'GET',
    path: '/v1/ping',
    operation: 'ping',
    summary: 'An empty request: what the way to the server and back costs.',
    replies: { 200: { description: 'it answers', schema: PingReply } },
  },
];

function withStatus(status: number): NonNullable<Route['dress']> {
  return (value, reply) => {
    reply.code(status);
    return value;
  };
}

function accepted(value: unknown, reply: FastifyReply): unknown {
  reply.code((value as SubmissionReply).state === 'done' ? 200 : 202);
  return value;
}

function download(value: unknown, reply: FastifyReply): Buffer {
  const { name, content, isArchive } = value as Download;
  // A submitted page must not run as a page of this server, whatever a browser thinks it is.
  reply
    .type(isArchive ? 'application/x-tar' : 'application/octet-stream')
    .header('x-content-type-options', 'nosniff')
    .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`);
  return content;
}
