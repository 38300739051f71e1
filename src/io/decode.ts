/**
 * From a body that passed the schema to a request the judge can work with: the rules a schema cannot say, text to bytes,
 * defaults filled in. Every refusal names its field.
 */

import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import type { CheckerChoice } from '../judging/checkers/checker.js';
import type { GroupPlan, Policy } from '../judging/coordinator.js';
import { didYouMean } from '../nearest.js';
import { KIB } from '../units.js';
import { refuse, shown } from './complaint.js';
import { checkFileName, checkFileSet } from './file-names.js';
import { defaultLimits, type SubmissionBody, type UserBody } from './schema.js';
import { base64Bytes, textBytes } from './text.js';
import type { AbsentLanguage, LanguageInfo, SourceFile, SubmissionRequest, TestRequest } from './transport.js';

const DEFAULT_EPSILON = 1e-6;
const MAX_USER_NAME_BYTES = 128;

/** @throws TURNO_BAD_REQUEST, TURNO_TOO_LARGE */
export function decodeSubmission(
  body: SubmissionBody,
  settings: Settings,
  languages: readonly LanguageInfo[],
  absent: readonly AbsentLanguage[] = [],
): SubmissionRequest {
  const language = languageCalled(body.language, languages, absent);
  const groups = decodeGroups(body);
  const tests = decodeTests(body.tests ?? [], groups);
  if (tests.length > 0) refuseIfGiven(body, ['stdin', 'stdinBase64'], 'only without `tests`: each test has its own');
  return {
    language: language.id,
    files: decodeFiles(body, language, settings.maxSourceKib * KIB),
    stdin: bytesOf(body, 'stdin', 'stdinBase64', '') ?? Buffer.alloc(0),
    args: (body.args ?? []).map((arg, index) => checkedArgument(arg, `args[${index}]`)),
    limits: { ...defaultLimits(settings), ...body.limits },
    tests,
    checker: decodeChecker(body),
    policy: decodePolicy(body),
    groups,
    ...(body.fresh === undefined ? {} : { fresh: body.fresh }),
  };
}

/** @throws TURNO_BAD_REQUEST */
export function decodeUserName({ name }: UserBody): string {
  const bytes = textBytes(name, 'name').length;
  if (bytes > MAX_USER_NAME_BYTES) throw refuse('name', `expected at most ${MAX_USER_NAME_BYTES} bytes, got ${bytes}`);
  if (/\p{C}/u.test(name)) throw refuse('name', 'expected text without control characters');
  if (name.trim() !== name) throw refuse('name', 'expected a name without blanks around it');
  if (/^uid:/.test(name)) throw refuse('name', 'names that begin with "uid:" are those of users of this machine');
  return name;
}

/** Who connects to the Unix socket, where its uid is believed. Nobody can register under this name. */
export function localUserName(uid: number): string {
  return `uid:${uid}`;
}

function languageCalled(
  id: string,
  languages: readonly LanguageInfo[],
  absent: readonly AbsentLanguage[],
): LanguageInfo {
  const ids = languages.map((language) => language.id);
  const found = languages.find((language) => language.id === id);
  if (found) return found;
  const reason = absent.find((language) => language.id === id)?.reason;
  if (reason !== undefined)
    throw refuse('language', `expected one of ${ids.join(', ')}; ${id} is not offered: ${reason}`);
  throw refuse('language', `expected one of ${ids.join(', ')}, got ${shown(id)}${didYouMean(id, ids)}`);
}

// ---- files ----------------------------------------------------------------------------------------------------------

function decodeFiles(body: SubmissionBody, language: LanguageInfo, maxBytes: number): SourceFile[] {
  if (body.source !== undefined) {
    refuseIfGiven(body, ['files', 'main'], 'not together with `source`');
    const content = withinSize(textBytes(body.source, 'source'), 'source', maxBytes);
    return [{ path: `main${language.extension}`, content }];
  }
  if (body.files === undefined) throw refuse('source', 'expected `source`, or `files` and `main`; got neither');
  const files = body.files.map(({ path, content, encoding }, index) => {
    const field = `files[${index}]`;
    checkFileName(path, `${field}.path`);
    const bytes =
      encoding === 'base64' ? base64Bytes(content, `${field}.content`) : textBytes(content, `${field}.content`);
    return { path, content: withinSize(bytes, `${field}.content`, maxBytes) };
  });
  const paths = files.map(({ path }) => path);
  checkFileSet(paths, 'files');
  const main = body.main ?? (files.length === 1 ? paths[0] : undefined);
  if (main === undefined) throw refuse('main', 'expected the path of one of `files`, got nothing');
  const first = files.find(({ path }) => path === main);
  if (first === undefined) {
    throw refuse('main', `expected the path of one of \`files\`, got ${shown(main)}${didYouMean(main, paths)}`);
  }
  return [first, ...files.filter((file) => file !== first)];
}

function withinSize(bytes: Buffer, field: string, limit: number): Buffer {
  if (bytes.length > limit) throw new TurnoError('TURNO_TOO_LARGE', { field, limit, found: bytes.length });
  return bytes;
}

// ---- tests ----------------------------------------------------------------------------------------------------------

function decodeTests(tests: NonNullable<SubmissionBody['tests']>, groups: readonly GroupPlan[]): TestRequest[] {
  const names = new Set<string>();
  return tests.map((test, index) => {
    const field = `tests[${index}]`;
    const name = test.name ?? String(index + 1);
    textBytes(name, `${field}.name`);
    if (names.has(name)) throw refuse(`${field}.name`, `two tests are called ${shown(name)}`);
    names.add(name);
    const expected = bytesOf(test, 'expected', 'expectedBase64', `${field}.`);
    const stdin = bytesOf(test, 'stdin', 'stdinBase64', `${field}.`) ?? Buffer.alloc(0);
    return { name, stdin, ...(expected ? { expected } : {}), ...groupOf(test.group, groups, `${field}.group`) };
  });
}

function groupOf(name: string | undefined, groups: readonly GroupPlan[], field: string): { group?: number } {
  if (name === undefined) return {};
  const group = groups.findIndex((one) => one.name === name);
  if (group >= 0) return { group };
  const names = groups.map((one) => one.name);
  throw refuse(field, `expected the name of one of \`groups\`, got ${shown(name)}${didYouMean(name, names)}`);
}

function decodeGroups({ groups = [], tests }: SubmissionBody): GroupPlan[] {
  if (groups.length > 0 && tests === undefined) throw refuse('groups', 'only with `tests`: they group them');
  return groups.map(({ name, points, scoring = 'min', policy = 'all' }, index) => {
    if (groups.findIndex((one) => one.name === name) < index) {
      throw refuse(`groups[${index}].name`, `two groups are called ${shown(name)}`);
    }
    textBytes(name, `groups[${index}].name`);
    return { name, points, scoring, policy };
  });
}

function decodePolicy({ policy, tests }: SubmissionBody): Policy {
  if (policy !== undefined && tests === undefined) throw refuse('policy', 'only with `tests`: it is about them');
  return policy ?? 'all';
}

function decodeChecker({ checker, tests }: SubmissionBody): CheckerChoice {
  if (checker === undefined) return { kind: 'token' };
  if (tests === undefined) throw refuse('checker', 'only with `tests`: without them there is nothing to compare');
  const { kind, ...tolerances } = checker;
  if (kind !== 'float') {
    const [given] = Object.keys(tolerances);
    if (given !== undefined) throw refuse(`checker.${given}`, `only for the kind "float", got ${shown(kind)}`);
    return { kind };
  }
  const { epsilon, absoluteEpsilon, relativeEpsilon } = tolerances;
  if (absoluteEpsilon === undefined && relativeEpsilon === undefined) {
    return { kind, epsilon: epsilon ?? DEFAULT_EPSILON };
  }
  if (epsilon !== undefined)
    throw refuse('checker.epsilon', 'not together with `absoluteEpsilon` or `relativeEpsilon`');
  return { kind, absoluteEpsilon: absoluteEpsilon ?? 0, relativeEpsilon: relativeEpsilon ?? 0 };
}

// ---- small rules ----------------------------------------------------------------------------------------------------

/** One value that may come as text or as base64, but not as both. */
function bytesOf<Key extends string>(
  body: { readonly [Name in Key]?: string | undefined },
  text: Key,
  base64: Key,
  prefix: string,
): Buffer | undefined {
  const [plain, encoded] = [body[text], body[base64]];
  if (plain !== undefined && encoded !== undefined) throw refuse(`${prefix}${base64}`, `not together with \`${text}\``);
  if (encoded !== undefined) return base64Bytes(encoded, `${prefix}${base64}`);
  return plain === undefined ? undefined : textBytes(plain, `${prefix}${text}`);
}

function refuseIfGiven(body: SubmissionBody, fields: readonly (keyof SubmissionBody)[], rule: string): void {
  const given = fields.find((field) => body[field] !== undefined);
  if (given !== undefined) throw refuse(given, rule);
}

/** exec ends an argument at a NUL: the program would get another one than was sent. */
function checkedArgument(arg: string, field: string): string {
  textBytes(arg, field);
  if (arg.includes('\0')) throw refuse(field, 'expected text without NUL characters');
  return arg;
}
