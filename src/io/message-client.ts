/**
 * The client of every way in that carries messages (socket, signal): each call is one request, and its answer is checked
 * to be one of turno before it is believed. The way itself is a Channel.
 */

import { TurnoError } from '../errors.js';
import { errorReply } from './answers.js';
import { type Client, type Download, Refusal } from './client.js';
import type { OperationName } from './operations.js';
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
import type { ProblemSubmissionBody, RequestMessage, SubmissionBody } from './schema.js';
import { refuseHalfCharacters } from './text.js';

/** A way to the server: carries a request there and its answer back. */
export interface Channel {
  /** The address it leads to. */
  readonly server: string;
  /** @throws TURNO_UNREACHABLE when no answer comes; an answer that is an error is a value */
  ask(request: RequestMessage): Promise<{ readonly isError: boolean; readonly value: unknown }>;
  close(): Promise<void>;
}

type Parts = Omit<RequestMessage, 'op'>;

export class MessageClient implements Client {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get server(): string {
    return this.#channel.server;
  }

  async ping(): Promise<void> {
    await this.#ask('ping');
  }

  register(name: string, invite?: string): Promise<UserReply> {
    return this.#ask('register', { body: { name, ...(invite === undefined ? {} : { invite }) } });
  }

  submit(body: SubmissionBody, { wait }: { wait: boolean }): Promise<SubmissionReply> {
    return this.#ask('submit', { query: { wait }, body });
  }

  show(id: string): Promise<SubmissionReply> {
    return this.#ask('show', { id });
  }

  progress(id: string, after?: string): Promise<ProgressReply> {
    return this.#ask('progress', { id, query: after === undefined ? {} : { after } });
  }

  cancel(id: string): Promise<SubmissionReply> {
    return this.#ask('cancel', { id });
  }

  list({ after, limit }: { after?: string; limit?: number }): Promise<SubmissionPage> {
    const query = { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) };
    return this.#ask('list', { query });
  }

  source(id: string): Promise<Download> {
    return this.#download('source', id);
  }

  executable(id: string): Promise<Download> {
    return this.#download('executable', id);
  }

  rejudge(id: string): Promise<SubmissionReply> {
    return this.#ask('rejudge', { id });
  }

  addProblem(zip: Uint8Array, upload: { id?: string; draft?: boolean }): Promise<ProblemReply> {
    return this.#ask('addProblem', { query: upload, body: { zipBase64: Buffer.from(zip).toString('base64') } });
  }

  async problems(): Promise<ProblemListReply['problems']> {
    return (await this.#ask<ProblemListReply>('problems')).problems;
  }

  problem(id: string): Promise<ProblemReply> {
    return this.#ask('problem', { id });
  }

  statement(id: string): Promise<Download> {
    return this.#download('statement', id);
  }

  async samples(id: string): Promise<SamplesReply['samples']> {
    return (await this.#ask<SamplesReply>('samples', { id })).samples;
  }

  async removeProblem(id: string): Promise<void> {
    await this.#ask('removeProblem', { id });
  }

  submitToProblem(id: string, body: ProblemSubmissionBody, { wait }: { wait: boolean }): Promise<SubmissionReply> {
    return this.#ask('submitToProblem', { id, query: { wait }, body });
  }

  scores(id: string): Promise<ScoresReply> {
    return this.#ask('scores', { id });
  }

  async rejudgeProblem(id: string): Promise<RejudgeReply['rejudged']> {
    return (await this.#ask<RejudgeReply>('rejudgeProblem', { id })).rejudged;
  }

  turns(): Promise<TurnsReply> {
    return this.#ask('turns');
  }

  async languages(): Promise<LanguageReply['languages']> {
    return (await this.languagesAndAbsent()).languages;
  }

  languagesAndAbsent(): Promise<LanguageReply> {
    return this.#ask<LanguageReply>('languages');
  }

  health(): Promise<Health> {
    return this.#ask('health');
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  async #download(op: OperationName, id: string): Promise<Download> {
    const { name, content } = await this.#ask<{ name: unknown; content: unknown }>(op, { id });
    if (typeof name !== 'string' || !(content instanceof Uint8Array)) throw this.#noAnswer('a file without content');
    // A copy: what was decoded shares its memory with the rest of the message.
    return { name, content: Buffer.from(content) };
  }

  /** @throws Refusal for an error of the server, TURNO_ANSWER for what no server of turno says. */
  async #ask<Reply>(op: OperationName, parts: Parts = {}): Promise<Reply> {
    const { isError, value } = await this.#channel.ask({ op, ...parts });
    if (typeof value !== 'object' || value === null) throw this.#noAnswer('no object');
    if (!isError) return value as Reply;
    const { error } = value as Partial<ErrorReply>;
    if (typeof error?.code !== 'string' || typeof error.message !== 'string')
      throw this.#noAnswer('an error without a code');
    throw new Refusal(error.code, error.message, error.field);
  }

  #noAnswer(problem: string): TurnoError {
    return new TurnoError('TURNO_ANSWER', { server: this.server, problem });
  }
}

/** Encoders repair half characters silently: what arrived would be another text than HTTP would have refused. */
export function halfCharacters({ query, body }: RequestMessage): { isError: true; value: ErrorReply } | undefined {
  try {
    refuseHalfCharacters(query, '');
    refuseHalfCharacters(body, '');
    return undefined;
  } catch (error) {
    return { isError: true, value: errorReply(error as TurnoError) };
  }
}
