/**
 * The judge as a client sees it, whatever way leads there. The objects are those of schema.ts and reply-schema.ts.
 *
 * connect.ts makes one. It reaches the server with the first request, and again after a break.
 *
 * What the server refuses is thrown as Refusal, with the server's code: it may be newer than this build and know codes
 * that errors.ts lacks. That no server answers is a TurnoError, TURNO_UNREACHABLE: then a request may have been done or not.
 */

import type {
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

export interface Download {
  readonly name: string;
  readonly content: Buffer;
}

export interface Client {
  /** The address it leads to. */
  readonly server: string;
  /** An empty request: resolves when the server has answered. */
  ping(): Promise<void>;
  /** @param invite where the server registers by invitation */
  register(name: string, invite?: string): Promise<UserReply>;
  /** Resolves when the submission is accepted, with `wait` when it is done. */
  submit(body: SubmissionBody, options: { readonly wait: boolean }): Promise<SubmissionReply>;
  show(id: string): Promise<SubmissionReply>;
  /** Results of its tests as they come. @param after the cursor of the answer before */
  progress(id: string, after?: string): Promise<ProgressReply>;
  /** Ends it at once; refused with TURNO_DONE when it has ended already. */
  cancel(id: string): Promise<SubmissionReply>;
  list(page: { readonly after?: string; readonly limit?: number }): Promise<SubmissionPage>;
  /** One file as it is, several as a tar archive. */
  source(id: string): Promise<Download>;
  executable(id: string): Promise<Download>;
  /** Judges it once more, behind live work. */
  rejudge(id: string): Promise<SubmissionReply>;
  /** @param upload where it goes; a draft has no id of its own */
  addProblem(zip: Uint8Array, upload: { readonly id?: string; readonly draft?: boolean }): Promise<ProblemReply>;
  problems(): Promise<ProblemListReply['problems']>;
  problem(id: string): Promise<ProblemReply>;
  statement(id: string): Promise<Download>;
  samples(id: string): Promise<SamplesReply['samples']>;
  removeProblem(id: string): Promise<void>;
  submitToProblem(
    id: string,
    body: ProblemSubmissionBody,
    options: { readonly wait: boolean },
  ): Promise<SubmissionReply>;
  scores(id: string): Promise<ScoresReply>;
  rejudgeProblem(id: string): Promise<RejudgeReply['rejudged']>;
  turns(): Promise<TurnsReply>;
  languages(): Promise<LanguageReply['languages']>;
  /** With those the server knows and does not have. */
  languagesAndAbsent(): Promise<LanguageReply>;
  health(): Promise<Health>;
  /** Gives the connection back; what is not answered yet is rejected. May be called again. */
  close(): Promise<void>;
}

/** An error the server answered with. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;
  readonly field: string | undefined;

  constructor(code: string, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
