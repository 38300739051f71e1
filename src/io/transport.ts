/**
 * What a way in (HTTP, socket, signal) needs of the judge, and what whoever starts it needs of the way in.
 *
 * A transport decodes and checks a request, calls one function of JudgeApi, and encodes what comes back. Nothing above
 * this file knows which one it was.
 */

import type { CheckerChoice } from '../judging/checkers/checker.js';
import type { GroupPlan, Policy } from '../judging/coordinator.js';
import type { AbsentLanguage, LanguageInfo } from '../languages/language.js';
import type {
  Health,
  ProblemReply,
  ProblemSummary,
  ProgressReply,
  RejudgeReply,
  SamplesReply,
  ScoresReply,
  SubmissionReply,
  SubmissionSummary,
  TurnsReply,
} from './reply-schema.js';
import type { Limits, ProblemSubmissionBody } from './schema.js';

export type { AbsentLanguage, LanguageInfo } from '../languages/language.js';
export type {
  Health,
  ProgressReply,
  SubmissionReply,
  SubmissionSummary,
  TestReply,
  TurnsReply,
} from './reply-schema.js';
export type { Limits } from './schema.js';

export interface User {
  readonly index: number;
  readonly name: string;
  /** Of the user's submissions: 0 = live, higher goes behind. */
  readonly priority: number;
  /** Has the token of operator.token. */
  readonly isOperator?: true;
}

/** One file of a submission. */
export interface SourceFile {
  /** Relative to the working directory, `/` between components; checked to stay inside (decode.ts). */
  readonly path: string;
  readonly content: Buffer;
}

export interface TestRequest {
  readonly name: string;
  readonly stdin: Buffer;
  /** Absent: the test says only whether the program ran. */
  readonly expected?: Buffer;
  /** Index into `groups`. */
  readonly group?: number;
}

/** A submission as the judge gets it: checked, decoded, with every default filled in. */
export interface SubmissionRequest {
  readonly language: string;
  /** The main file is the first; never empty. */
  readonly files: readonly SourceFile[];
  readonly stdin: Buffer;
  readonly args: readonly string[];
  readonly limits: Limits;
  readonly tests: readonly TestRequest[];
  readonly checker: CheckerChoice;
  /** Absent in requests of before there was a choice: `all`. */
  readonly policy?: Policy;
  readonly groups?: readonly GroupPlan[];
  /** Absent: runs may come from a template. */
  readonly fresh?: boolean;
  /** Judged by the tests of this revision of a problem; `tests` is empty then. */
  readonly problem?: { readonly id: string; readonly revision: string; readonly showsAll: boolean };
  /** Id of the submission this one judges once more. */
  readonly rejudgeOf?: string;
}

/** The judge, as a transport sees it. Errors are TurnoError; their code and status go to the client as they are. */
export interface JudgeApi {
  readonly users: UsersApi;
  /** Resolves when the submission is accepted (@throws TURNO_TOO_MANY when the user has too many unfinished), with `wait` when it is done. */
  submit(user: User, request: SubmissionRequest, options: { readonly wait: boolean }): Promise<SubmissionReply>;
  /** @throws TURNO_NOT_FOUND, also when it is another user's. */
  show(user: User, id: string): Promise<SubmissionReply>;
  /**
   * Results of its tests as they come, those after a cursor; that it is done is told when that is durable.
   * @throws TURNO_NOT_FOUND as `show`, TURNO_STOPPING when the server ends
   */
  progress(user: User, id: string, after: string | undefined): Promise<ProgressReply>;
  /** Ends it at once, wherever it is. @throws TURNO_DONE when it has ended already, TURNO_NOT_FOUND as `show` */
  cancel(user: User, id: string): Promise<SubmissionReply>;
  /**
   * Judges a submission once more, behind live work; its answer stays as it is.
   * @throws TURNO_NOT_FOUND as `show`
   */
  rejudge(user: User, id: string): Promise<SubmissionReply>;
  readonly problems: ProblemsApi;
  /** Newest first; `after` is the id of the last one of the page before. */
  list(user: User, page: { readonly after?: string; readonly limit: number }): Promise<readonly SubmissionSummary[]>;
  /** The main file is the first. */
  source(user: User, id: string): Promise<readonly SourceFile[]>;
  /** @throws TURNO_NOT_FOUND when there is none: an interpreted language, a compile error, not compiled yet. */
  executable(user: User, id: string): Promise<{ name: string; content: Buffer }>;
  /** Who has a lane, and who waits for one; of others not what it is. */
  turns(user: User): TurnsReply;
  languages(): readonly LanguageInfo[];
  /** Those turno knows beside them, with the reason why this server cannot judge them. */
  absentLanguages(): readonly AbsentLanguage[];
  health(): Health;
}

/** Users, as a transport sees them. */
export interface UsersApi {
  /** @throws TURNO_INVITE, TURNO_USER_EXISTS, TURNO_TABLE_FULL */
  register(request: {
    readonly name: string;
    readonly invite?: string | undefined;
  }): Promise<{ name: string; token: string }>;
  /** Synchronous and fast: it is asked before a request's body is read. */
  authenticate(token: string): User | undefined;
  /** The user of a uid of this machine, registered when it is first seen; it has no token. */
  local(uid: number): Promise<User>;
}

/** Problems, as a transport sees them; problems/problems.ts says who may do what. */
export interface ProblemsApi {
  /** @throws TURNO_PACKAGE, TURNO_OPERATOR, TURNO_PROBLEM_TAKEN */
  add(
    user: User,
    upload: { readonly id: string; readonly zip: Buffer; readonly isDraft: boolean },
  ): Promise<ProblemReply>;
  list(): readonly ProblemSummary[];
  /** @throws TURNO_NOT_FOUND, as all that follow */
  show(id: string): ProblemReply;
  statement(id: string): { readonly name: string; readonly content: Buffer; readonly isArchive: boolean };
  samples(id: string): SamplesReply;
  remove(user: User, id: string): void;
  submit(
    user: User,
    id: string,
    body: ProblemSubmissionBody,
    options: { readonly wait: boolean },
  ): Promise<SubmissionReply>;
  scores(user: User, id: string): ScoresReply;
  /** Judges every submission that has an answer once more. */
  rejudge(user: User, id: string): Promise<RejudgeReply>;
}

/** A way in: started after all it leads to, stopped before it. */
export interface Transport {
  /** @returns where clients find it. */
  start(): Promise<{ url: string }>;
  /** Takes no new request, lets those begun end until the deadline, then closes their connections. */
  stop(deadlineMs: number): Promise<void>;
}
