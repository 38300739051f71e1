/**
 * The client over HTTP. What comes back is checked to be an answer of turno before it is believed.
 *
 * By node:http and not by fetch: fetch gives an answer up after five minutes, and a submission may wait for longer than that.
 * Redirects are not followed: a token is not carried to wherever somebody points.
 */

import type { Agent, IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
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

/** An idle connection is given back so soon: before the server does it, in the moment of a request. */
const IDLE_MS = 60_000;

const problemPath = (id: string) => `/v1/problems/${encodeURIComponent(id)}`;

interface Answer {
  readonly status: number;
  /** The header that says what a file is called. */
  readonly disposition: string;
  readonly content: Buffer;
}

export class HttpClient implements Client {
  readonly server: string;
  readonly #token: string | undefined;
  #agent: Agent | undefined;
  #isClosed = false;

  /** @param server URL without a slash at its end (connect.ts) */
  constructor(server: string, token: string | undefined) {
    this.server = server;
    // One that no header can carry is nobody's: the server says so.
    this.#token = token !== undefined && !/^[\x21-\x7e]*$/.test(token) ? '?' : token;
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
    this.#isClosed = true;
    this.#agent?.destroy();
  }

  async #json<Reply>(method: string, path: string, body?: unknown): Promise<Reply> {
    const { status, content } = await this.#ask(method, path, body);
    return this.#parsed(status, content) as Reply;
  }

  async #download(path: string): Promise<Download> {
    const { disposition, content } = await this.#ask('GET', path);
    const name = /filename\*=UTF-8''(\S+)/.exec(disposition)?.[1];
    return { name: decodeURIComponent(name ?? 'file'), content };
  }

  /** @throws Refusal for an error of the server, TURNO_UNREACHABLE when there is none. */
  async #ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await this.#answered(method, path, body).catch((error: NodeJS.ErrnoException) => {
      const problem = this.#isClosed ? 'this client was closed' : (error.code ?? error.message);
      // HPE_: of the parser of HTTP. Somebody answers, but not in HTTP.
      const code = problem.startsWith('HPE_') ? 'TURNO_ANSWER' : 'TURNO_UNREACHABLE';
      throw error instanceof TurnoError
        ? error
        : new TurnoError(code, { server: this.server, problem }, { cause: error });
    });
    const { status, content } = answer;
    if (status >= 200 && status < 300) return answer;
    const { error } = this.#parsed(status, content) as Partial<ErrorReply>;
    if (typeof error?.code !== 'string' || typeof error.message !== 'string') {
      throw new TurnoError('TURNO_ANSWER', { server: this.server, problem: `status ${status} without a code` });
    }
    throw new Refusal(error.code, error.message, error.field);
  }

  async #answered(method: string, path: string, body?: unknown): Promise<Answer> {
    // TLS is loaded by those who use it.
    const { Agent, request } = await (this.server.startsWith('https:') ? import('node:https') : import('node:http'));
    if (this.#isClosed) throw new Error('closed');
    this.#agent ??= new Agent({ keepAlive: true, timeout: IDLE_MS });
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const options = { method, headers, agent: this.#agent };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${this.server}${path}`, options, resolve)
        .once('error', reject)
        .end(body === undefined ? undefined : JSON.stringify(body));
    });
    const content = await buffer(response).catch((error: Error) => {
      // The front died, or the connection did, in the middle of an answer.
      const problem = `an answer broke off: ${error.message}`;
      throw new TurnoError('TURNO_UNREACHABLE', { server: this.server, problem }, { cause: error });
    });
    return { status: response.statusCode ?? 0, disposition: response.headers['content-disposition'] ?? '', content };
  }

  #parsed(status: number, content: Buffer): unknown {
    try {
      const value: unknown = JSON.parse(content.toString('utf8'));
      if (typeof value === 'object' && value !== null) return value;
      throw new TypeError('JSON, but no object');
    } catch (error) {
      const problem = `status ${status}, ${(error as Error).message}`;
      throw new TurnoError('TURNO_ANSWER', { server: this.server, problem }, { cause: error });
    }
  }
}
