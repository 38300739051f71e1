/** A request as a server with default settings would get it: schema first, then decoding. For the tests of both. */

import type { Settings } from '../../src/config.js';
import type { TurnoError } from '../../src/errors.js';
import { decodeSubmission } from '../../src/io/decode.js';
import { type SubmissionBody, submissionBody } from '../../src/io/schema.js';
import type { LanguageInfo, SubmissionRequest } from '../../src/io/transport.js';
import { Validators } from '../../src/io/validator.js';
import { readSettings } from '../../src/read-settings.js';

const tool = { path: '/usr/bin/tool', version: '1', mounts: [] };
export const LANGUAGES: readonly LanguageInfo[] = [
  { id: 'c', name: 'C', extension: '.c', tool },
  { id: 'python', name: 'Python', extension: '.py', tool },
];

export function decoded(body: unknown, settings: Settings = readSettings({}, {})): SubmissionRequest {
  const check = new Validators().compile(submissionBody(settings), 'body');
  return decodeSubmission(check(body) as SubmissionBody, settings, LANGUAGES);
}

/** The error a body gets, or undefined when it is taken. */
export function refusal(body: unknown, settings?: Settings): TurnoError | undefined {
  try {
    decoded(body, settings);
    return undefined;
  } catch (error) {
    return error as TurnoError;
  }
}
