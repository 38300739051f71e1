/** The library: `import { connect } from 'turno'` gives the client of a server, whatever way leads there. */

export { type ErrorCode, TurnoError } from './errors.js';
export { type Client, type Download, Refusal } from './io/client.js';
export { type ConnectOptions, connect } from './io/connect.js';
export type {
  Health,
  LanguageReply,
  ProblemListReply,
  ProblemReply,
  ProblemSummary,
  ProgramReply,
  ProgressReply,
  RejudgeReply,
  SamplesReply,
  ScoresReply,
  SubmissionPage,
  SubmissionReply,
  SubmissionSummary,
  TestReply,
  TurnsReply,
  UserReply,
} from './io/reply-schema.js';
export type { Limits, ProblemSubmissionBody, SubmissionBody } from './io/schema.js';
export type { Verdict } from './verdict.js';
