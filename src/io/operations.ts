/**
 * What can be asked of the server, whatever the way in: one entry an operation. It says who may ask, what a request
 * carries, and which function of the judge it leads to.
 *
 * A request has up to three parts, and a transport only finds them: `id` (of a submission or a problem), `query` (how it is to be
 * answered) and `body` (what is sent). They are checked here, by the same schemas for all, before anything is done.
 */

import { randomBytes } from 'node:crypto';
import type { TSchema } from '@sinclair/typebox';
import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { decodeSubmission, decodeUserName } from './decode.js';
import type { SubmissionPage } from './reply-schema.js';
import {
  IdParams,
  NoQuery,
  PageQuery,
  type ProblemSubmissionBody,
  ProblemUpload,
  ProblemUploadQuery,
  ProgressQuery,
  problemSubmissionBody,
  type SubmissionBody,
  SubmitQuery,
  submissionBody,
  UserBody,
} from './schema.js';
import { tar } from './tar.js';
import { base64Bytes } from './text.js';
import type { JudgeApi, User } from './transport.js';
import { type Validator, Validators } from './validator.js';

const DEFAULT_PAGE = 50;

/** What a transport has found in a request, unchecked. */
export interface Call {
  readonly query?: unknown;
  readonly body?: unknown;
  readonly id?: unknown;
  /** Who asks. @throws TURNO_TOKEN_MISSING, TURNO_TOKEN_UNKNOWN */
  user(): User;
}

/** The same, checked; `user` is asked for by operations that are not open. */
interface Checked {
  readonly query: unknown;
  readonly body: unknown;
  readonly id: string;
  readonly user: () => User;
}

export interface Operation {
  /** Without a token. */
  readonly isOpen?: true;
  /** It is about one submission, or one problem. */
  readonly hasId?: true;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly run: (call: Checked) => unknown;
}

/** A file as a reply. */
export interface Download {
  readonly name: string;
  readonly content: Buffer;
  /** Several files, as a tar archive. */
  readonly isArchive: boolean;
}

function tableOf(judge: JudgeApi, settings: Settings) {
  return {
    ping: { isOpen: true, run: () => ({}) },
    register: {
      isOpen: true,
      body: UserBody,
      run({ body }) {
        if (settings.registration === 'closed') throw new TurnoError('TURNO_REGISTRATION_CLOSED');
        const user = body as UserBody;
        return judge.users.register({ name: decodeUserName(user), invite: user.invite });
      },
    },
    submit: {
      query: SubmitQuery,
      body: submissionBody(settings),
      run({ query, body, user }) {
        const request = decodeSubmission(body as SubmissionBody, settings, judge.languages(), judge.absentLanguages());
        return judge.submit(user(), request, { wait: (query as { wait?: boolean }).wait ?? false });
      },
    },
    list: { query: PageQuery, run: ({ query, user }) => pageOf(judge, user(), query as PageQuery) },
    show: { hasId: true, run: ({ user, id }) => judge.show(user(), id) },
    progress: {
      hasId: true,
      query: ProgressQuery,
      run: ({ user, id, query }) => judge.progress(user(), id, (query as { after?: string }).after),
    },
    rejudge: { hasId: true, run: ({ user, id }) => judge.rejudge(user(), id) },
    ...problemOperations(judge, settings),
    cancel: { hasId: true, run: ({ user, id }) => judge.cancel(user(), id) },
    source: { hasId: true, run: ({ user, id }) => sourceOf(judge, user(), id) },
    executable: {
      hasId: true,
      run: async ({ user, id }) => ({ ...(await judge.executable(user(), id)), isArchive: false }) satisfies Download,
    },
    turns: { run: ({ user }) => judge.turns(user()) },
    languages: { isOpen: true, run: () => ({ languages: languagesOf(judge), absent: judge.absentLanguages() }) },
    health: { isOpen: true, run: () => judge.health() },
  } as const satisfies Record<string, Operation>;
}

function problemOperations(judge: JudgeApi, settings: Settings) {
  const { problems } = judge;
  return {
    addProblem: {
      query: ProblemUploadQuery,
      body: ProblemUpload,
      run({ user, query, body }) {
        const { id, draft = false } = query as { id?: string; draft?: boolean };
        const zip = base64Bytes((body as { zipBase64: string }).zipBase64, 'zipBase64');
        return problems.add(user(), { id: draft ? draftId() : (id ?? ''), zip, isDraft: draft });
      },
    },
    problems: { run: () => ({ problems: problems.list() }) },
    problem: { hasId: true, run: ({ id }) => problems.show(id) },
    statement: { hasId: true, run: ({ id }) => problems.statement(id) satisfies Download },
    samples: { hasId: true, run: ({ id }) => problems.samples(id) },
    removeProblem: {
      hasId: true,
      run({ user, id }) {
        problems.remove(user(), id);
        return { removed: id };
      },
    },
    submitToProblem: {
      hasId: true,
      query: SubmitQuery,
      body: problemSubmissionBody(settings),
      run({ user, id, query, body }) {
        const wait = (query as { wait?: boolean }).wait ?? false;
        return problems.submit(user(), id, body as ProblemSubmissionBody, { wait });
      },
    },
    scores: { hasId: true, run: ({ user, id }) => problems.scores(user(), id) },
    rejudgeProblem: { hasId: true, run: ({ user, id }) => problems.rejudge(user(), id) },
  } as const satisfies Record<string, Operation>;
}

/** Nobody can guess it: drafts have the tests of a problem that is not known yet. */
function draftId(): string {
  return `draft-${randomBytes(12).toString('hex')}`;
}

export type OperationName = keyof ReturnType<typeof tableOf>;

export class Operations {
  readonly table: Readonly<Record<OperationName, Operation>>;
  readonly #checks: Readonly<Record<OperationName, Record<'query' | 'body', Validator>>>;
  readonly #id: Validator;

  constructor(judge: JudgeApi, settings: Settings) {
    const validators = new Validators();
    this.table = tableOf(judge, settings);
    this.#id = validators.compile(IdParams, 'id');
    const checks = Object.entries<Operation>(this.table).map(([name, { query, body }]) => [
      name,
      {
        query: validators.compile(query ?? NoQuery, 'query'),
        body: body === undefined ? refuseBody : validators.compile(body, 'body'),
      },
    ]);
    this.#checks = Object.fromEntries(checks);
  }

  get names(): readonly OperationName[] {
    return Object.keys(this.table) as OperationName[];
  }

  has(name: string): name is OperationName {
    return Object.hasOwn(this.table, name);
  }

  /**
   * Does what is asked.
   * @returns the reply's object, or a Download.
   * @throws TurnoError whatever is wrong with the request, or comes of it; nothing is changed then
   */
  async run(name: OperationName, call: Call): Promise<unknown> {
    const operation = this.table[name];
    // Who asks comes first: a stranger learns nothing about what would be wrong besides.
    const user = operation.isOpen === true ? undefined : call.user();
    const query = this.#checks[name].query(call.query ?? {});
    const body = this.#checks[name].body(call.body);
    const { id } = operation.hasId ? (this.#id(call.id === undefined ? {} : { id: call.id }) as { id: string }) : NO_ID;
    if (!operation.hasId && call.id !== undefined) throw unexpected('id');
    const known = () => {
      if (user === undefined) throw new TypeError(`${name} has no user`);
      return user;
    };
    return await operation.run({ query, body, id, user: known });
  }
}

const NO_ID = { id: '' } as const;

function refuseBody(body: unknown): undefined {
  if (body !== undefined) throw unexpected('body');
}

function unexpected(field: string): TurnoError {
  return new TurnoError('TURNO_BAD_REQUEST', { field, problem: 'expected nothing: this request has none' });
}

async function pageOf(judge: JudgeApi, user: User, page: PageQuery): Promise<SubmissionPage> {
  const { after, limit = DEFAULT_PAGE } = page;
  // One more than is shown tells whether there is a next page.
  const found = await judge.list(user, { limit: limit + 1, ...(after === undefined ? {} : { after }) });
  const submissions = found.slice(0, limit);
  return { submissions, next: found.length > limit ? (submissions.at(-1)?.id ?? null) : null };
}

/** The file itself, or a tar archive when there are several. */
async function sourceOf(judge: JudgeApi, user: User, id: string): Promise<Download> {
  const files = await judge.source(user, id);
  const [main] = files;
  if (main === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'source of submission', id });
  if (files.length > 1) return { name: `${id}.tar`, content: tar(files, 0), isArchive: true };
  return { name: main.path.slice(main.path.lastIndexOf('/') + 1), content: main.content, isArchive: false };
}

/** Where tools lie on the server is nobody else's business. */
function languagesOf(judge: JudgeApi) {
  return judge.languages().map(({ id, name, extension, tool }) => ({ id, name, version: tool.version, extension }));
}
