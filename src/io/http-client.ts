/** The client over HTTP, by Node's fetch. What comes back is checked to be an answer of turno before it is believed. */

import { TurnoError } from '../errors.js';
import { type Client, type Download, Refusal } from './client.js';
import type {
  ErrorReply,
  Health,
  LanguageReply,
  ProblemListReply,
  ProblemReply,
  ProgressReply,
  RejudgeReply,
  SamplesReply,
  ScoresReply,
  SubmissionPage,
  SubmissionReply,
  TurnsReply,
  UserReply,
} from './reply-schema.js';
import type { ProblemSubmissionBody, SubmissionBody } from './schema.js';

const problemPath = (id: string) => `/v1/problems/${encodeURIComponent(id)}`;

export class HttpClient implements Client {
  readonly server: string;
  readonly #token: string | undefined;

  /** @param server URL without a slash at its end (connect.ts) */
  constructor(server: string, token: string | undefined) {
    this.server = server;
    this.#token = token;
  }

  async ping(): Promise<void> {
    await this.#json('GET', '/v1/ping');
  }

  register(name: string, invite?: string): Promise<UserReply> {
    return this.#json<UserReply>('POST', '/v1/users', { name, ...(invite === undefined ? {} : { invite }) });
  }

  submit(body: SubmissionBody, { wait }: { wait: boolean }): Promise<SubmissionReply> {
    return this.#json<SubmissionReply>('POST', `/v1/submissions?wait=${wait}`, body);
  }

  show(id: string): Promise<SubmissionReply> {
    return this.#json<SubmissionReply>('GET', `/v1/submissions/${encodeURIComponent(id)}`);
  }

  progress(id: string, after?: string): Promise<ProgressReply> {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
    return this.#json<ProgressReply>('GET', `/v1/submissions/${encodeURIComponent(id)}/progress${query}`);
  }

  cancel(id: string): Promise<SubmissionReply> {
    return this.#json<SubmissionReply>('DELETE', `/v1/submissions/${encodeURIComponent(id)}`);
  }

  list({ after, limit }: { after?: string; limit?: number }): Promise<SubmissionPage> {
    const query = new URLSearchParams();
    if (after !== undefined) query.set('after', after);
    if (limit !== undefined) query.set('limit', String(limit));
    return this.#json<SubmissionPage>('GET', `/v1/submissions?${query}`);
  }

  source(id: string): Promise<Download> {
    return this.#download(`/v1/submissions/${encodeURIComponent(id)}/source`);
  }

  executable(id: string): Promise<Download> {
    return this.#download(`/v1/submissions/${encodeURIComponent(id)}/executable`);
  }

  rejudge(id: string): Promise<SubmissionReply> {
    return this.#json<SubmissionReply>('POST', `/v1/submissions/${encodeURIComponent(id)}/rejudge`);
  }

  addProblem(zip: Uint8Array, { id, draft }: { id?: string; draft?: boolean }): Promise<ProblemReply> {
    const query = new URLSearchParams({ ...(id ? { id } : {}), ...(draft ? { draft: 'true' } : {}) });
    const body = { zipBase64: Buffer.from(zip).toString('base64') };
    return this.#json<ProblemReply>('POST', `/v1/problems?${query}`, body);
  }

  async problems(): Promise<ProblemListReply['problems']> {
    return (await this.#json<ProblemListReply>('GET', '/v1/problems')).problems;
  }

  problem(id: string): Promise<ProblemReply> {
    return this.#json<ProblemReply>('GET', problemPath(id));
  }

  statement(id: string): Promise<Download> {
    return this.#download(`${problemPath(id)}/statement`);
  }

  async samples(id: string): Promise<SamplesReply['samples']> {
    return (await this.#json<SamplesReply>('GET', `${problemPath(id)}/samples`)).samples;
  }

  async removeProblem(id: string): Promise<void> {
    await this.#json('DELETE', problemPath(id));
  }

  submitToProblem(id: string, body: ProblemSubmissionBody, { wait }: { wait: boolean }): Promise<SubmissionReply> {
    return this.#json<SubmissionReply>('POST', `${problemPath(id)}/submissions?wait=${wait}`, body);
  }

  scores(id: string): Promise<ScoresReply> {
    return this.#json<ScoresReply>('GET', `${problemPath(id)}/scores`);
  }

  async rejudgeProblem(id: string): Promise<RejudgeReply['rejudged']> {
    return (await this.#json<RejudgeReply>('POST', `${problemPath(id)}/rejudge`)).rejudged;
  }

  turns(): Promise<TurnsReply> {
    return this.#json<TurnsReply>('GET', '/v1/turns');
  }

  async languages(): Promise<LanguageReply['languages']> {
    return (await this.languagesAndAbsent()).languages;
  }

  languagesAndAbsent(): Promise<LanguageReply> {
    return this.#json<LanguageReply>('GET', '/v1/languages');
  }

  health(): Promise<Health> {
    return this.#json<Health>('GET', '/v1/health');
  }

  async close(): Promise<void> {
    // The connections are fetch's, for the whole process: it closes those that are idle, and they keep nothing alive.
  }

  async #json<Reply>(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await this.#ask(method, path, body);
    return (await this.#parsed(response)) as Reply;
  }

  async #download(path: string): Promise<Download> {
    const response = await this.#ask('GET', path);
    const name = /filename\*=UTF-8''(\S+)/.exec(response.headers.get('content-disposition') ?? '')?.[1];
    const content = Buffer.from(await response.arrayBuffer().catch((error: Error) => this.#brokenOff(error)));
    return { name: decodeURIComponent(name ?? 'file'), content };
  }

  /** @throws Refusal for an error of the server, TURNO_UNREACHABLE when there is none. */
  async #ask(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(`${this.server}${path}`, {
      method,
      headers,
      redirect: 'error', // a token is not carried to wherever somebody points
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      // fetch says only "fetch failed"; why stands in the cause.
      const problem = ((error.cause ?? error) as Error & { code?: string }).code ?? error.message;
      // HPE_: of the parser of HTTP. Somebody answers, but not in HTTP.
      const code = problem.startsWith('HPE_') ? 'TURNO_ANSWER' : 'TURNO_UNREACHABLE';
      throw new TurnoError(code, { server: this.server, problem }, { cause: error });
    });
    if (response.ok) return response;
    const { error } = (await this.#parsed(response)) as Partial<ErrorReply>;
    if (typeof error?.code !== 'string' || typeof error.message !== 'string') {
      throw new TurnoError('TURNO_ANSWER', {
        server: this.server,
        problem: `status ${response.status} without a code`,
      });
    }
    throw new Refusal(error.code, error.message, error.field);
  }

  /** The front died, or the connection did, in the middle of an answer. */
  #brokenOff(error: Error): never {
    const problem = `an answer broke off: ${error.message}`;
    throw new TurnoError('TURNO_UNREACHABLE', { server: this.server, problem }, { cause: error });
  }

  async #parsed(response: Response): Promise<unknown> {
    const text = await response.text().catch((error: Error) => this.#brokenOff(error));
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value;
      throw new TypeError('JSON, but no object');
    } catch (error) {
      const problem = `status ${response.status}, ${(error as Error).message}`;
      throw new TurnoError('TURNO_ANSWER', { server: this.server, problem }, { cause: error });
    }
  }
}
