/**
 * The routes of HTTP: one line says what each takes, one what it does. All checking is by the schemas (validator.ts), all
 * decoding in decode.ts, all work in the judge.
 */

import type { TSchema } from '@sinclair/typebox';
import type { FastifyReply, HTTPMethods } from 'fastify';
import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { decodeSubmission, decodeUserName } from './decode.js';
import {
  ErrorReply,
  Health,
  IdParams,
  LanguageReply,
  NoQuery,
  PageQuery,
  SubmissionPage,
  SubmissionReply,
  SubmitQuery,
  submissionBody,
  TurnsReply,
  UserBody,
  UserReply,
} from './schema.js';
import { tar } from './tar.js';
import type { JudgeApi, User } from './transport.js';
import { Validators } from './validator.js';

const DEFAULT_PAGE = 50;

/** What a handler gets: checked, and authenticated unless the route is open. */
export interface Call {
  readonly query: unknown;
  readonly body: unknown;
  readonly id: string;
  /** @throws TypeError on an open route: there is none. */
  user(): User;
  readonly reply: FastifyReply;
}

export interface Route {
  readonly method: HTTPMethods & ('GET' | 'POST' | 'DELETE');
  readonly path: string;
  readonly summary: string;
  /** Without a token. */
  readonly isOpen?: true;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly params?: TSchema;
  /** By status; the first is the usual one. Without a schema: bytes. */
  readonly replies: Readonly<Record<number, { readonly description: string; readonly schema?: TSchema }>>;
  readonly handle: (call: Call) => unknown;
}

export function routes(judge: JudgeApi, settings: Settings): Route[] {
  const Submission = submissionBody(settings);
  const validators = new Validators();
  const body = <S extends TSchema>(schema: S) => validators.compile(schema, 'body') as (value: unknown) => S['static'];
  const query = <S extends TSchema>(schema: S) => validators.compileQuery(schema) as (value: unknown) => S['static'];
  const check = {
    user: body(UserBody),
    submission: body(Submission),
    submit: query(SubmitQuery),
    page: query(PageQuery),
    nothing: query(NoQuery),
  };

  return [
    {
      method: 'POST',
      path: '/v1/users',
      summary: 'Register a user. The token is shown only here; the server keeps its hash.',
      isOpen: true,
      body: UserBody,
      replies: { 201: { description: 'registered', schema: UserReply } },
      async handle(call) {
        check.nothing(call.query);
        if (settings.registration === 'closed') throw new TurnoError('TURNO_REGISTRATION_CLOSED');
        const body = check.user(call.body);
        const user = await judge.register({ name: decodeUserName(body), invite: body.invite });
        call.reply.code(201);
        return user;
      },
    },
    {
      method: 'POST',
      path: '/v1/submissions',
      summary: 'Submit a program: it is saved, compiled if need be, run in a sandbox and judged.',
      query: SubmitQuery,
      body: Submission,
      replies: {
        200: { description: 'done (wait=true)', schema: SubmissionReply },
        202: { description: 'accepted: it will be run, also after a restart', schema: SubmissionReply },
      },
      async handle(call) {
        const { wait = false } = check.submit(call.query);
        const request = decodeSubmission(check.submission(call.body), settings, judge.languages());
        const reply = await judge.submit(call.user(), request, { wait });
        call.reply.code(reply.state === 'done' ? 200 : 202);
        return reply;
      },
    },
    {
      method: 'GET',
      path: '/v1/submissions',
      summary: 'Your submissions, newest first.',
      query: PageQuery,
      replies: { 200: { description: 'a page of them', schema: SubmissionPage } },
      async handle(call) {
        const { after, limit = DEFAULT_PAGE } = check.page(call.query);
        // One more than is shown tells whether there is a next page.
        const found = await judge.list(call.user(), { limit: limit + 1, ...(after === undefined ? {} : { after }) });
        const submissions = found.slice(0, limit);
        return { submissions, next: found.length > limit ? (submissions.at(-1)?.id ?? null) : null };
      },
    },
    {
      method: 'GET',
      path: '/v1/submissions/:id',
      summary: 'One of your submissions, with all that is known of it by now.',
      params: IdParams,
      replies: { 200: { description: 'the submission', schema: SubmissionReply } },
      handle(call) {
        check.nothing(call.query);
        return judge.show(call.user(), call.id);
      },
    },
    {
      method: 'DELETE',
      path: '/v1/submissions/:id',
      summary: 'End one of your submissions at once, wherever it is; its verdict is `cancelled`.',
      params: IdParams,
      replies: { 200: { description: 'cancelled', schema: SubmissionReply } },
      async handle(call) {
        check.nothing(call.query);
        return await judge.cancel(call.user(), call.id);
      },
    },
    {
      method: 'GET',
      path: '/v1/submissions/:id/source',
      summary: 'What was submitted: the file itself, or a tar archive when there are several.',
      params: IdParams,
      replies: { 200: { description: 'application/octet-stream or application/x-tar' } },
      async handle(call) {
        check.nothing(call.query);
        const files = await judge.source(call.user(), call.id);
        const [main] = files;
        if (main === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'source of submission', id: call.id });
        if (files.length === 1) return download(call.reply, main.path, 'application/octet-stream', main.content);
        return download(call.reply, `${call.id}.tar`, 'application/x-tar', tar(files, 0));
      },
    },
    {
      method: 'GET',
      path: '/v1/submissions/:id/executable',
      summary: 'The compiled program.',
      params: IdParams,
      replies: { 200: { description: 'application/octet-stream' } },
      async handle(call) {
        check.nothing(call.query);
        const { name, content } = await judge.executable(call.user(), call.id);
        return download(call.reply, name, 'application/octet-stream', content);
      },
    },
    {
      method: 'GET',
      path: '/v1/turns',
      summary: "Programs alive: who has a lane, who waits for one. Of other users' not what they are.",
      replies: { 200: { description: 'programs', schema: TurnsReply } },
      handle(call) {
        check.nothing(call.query);
        return judge.turns(call.user());
      },
    },
    {
      method: 'GET',
      path: '/v1/languages',
      summary: 'Languages this server can judge.',
      isOpen: true,
      replies: { 200: { description: 'languages', schema: LanguageReply } },
      handle(call) {
        check.nothing(call.query);
        // Where tools lie on the server is nobody else's business.
        const languages = judge.languages().map(({ id, name, extension, tool }) => ({
          id,
          name,
          version: tool.version,
          extension,
        }));
        return { languages };
      },
    },
    {
      method: 'GET',
      path: '/v1/health',
      summary: 'Whether the server serves, and how much there is to do.',
      isOpen: true,
      replies: { 200: { description: 'it serves', schema: Health } },
      handle(call) {
        check.nothing(call.query);
        return judge.health();
      },
    },
  ];
}

/** What every route may answer besides. */
export const ERROR_RESPONSE = { description: 'refused or failed; docs/errors.md', schema: ErrorReply };

function download(reply: FastifyReply, path: string, type: string, content: Buffer): Buffer {
  const name = path.slice(path.lastIndexOf('/') + 1);
  // A submitted page must not run as a page of this server, whatever a browser thinks it is.
  reply
    .type(type)
    .header('x-content-type-options', 'nosniff')
    .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`);
  return content;
}
