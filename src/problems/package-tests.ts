/**
 * The tests of a package, in the order in which they are judged: samples first, then by name, groups by their names.
 *
 *     data/sample/1.in 1.ans        data/secret/NAME.in        data/secret/GROUP/NAME.in        testdata.yaml in any of them
 *
 * Points of a group: the upper end of `range`, or `accept_score` (times the number of tests when they are summed), 1 if
 * nothing is said; samples have none unless their own file says so.
 *
 * The newer version of the format has `test_group.yaml` instead, which makes a directory a group: `max_score` points, summed or all
 * or nothing by `score_aggregation`, neither of which holds below. Tests without groups have 100 points, and are summed.
 *
 * data/invalid_input is for `verify` only: no test is made of it. Nor of invalid_output and valid_output.
 */

import type { CheckerChoice } from '../judging/checkers/checker.js';
import type { GroupPlan, Policy } from '../judging/coordinator.js';
import { checkerByFlags } from './checker-flags.js';
import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';
import { TestSettings } from './test-settings.js';

export interface PackageTest {
  readonly name: string;
  /** Path of the input. */
  readonly input: string;
  /** Path of the answer; null where an interactor needs none. */
  readonly answer: string | null;
  readonly isSample: boolean;
  /** It may be seen, though it is no sample. */
  readonly isShown?: true;
  /** Index into the groups, absent without them. */
  readonly group?: number;
  /** Arguments of a checker that is a program: those of problem.yaml, then those of the test. */
  readonly checkerFlags: readonly string[];
  /** What the default validator does by these flags; absent where it is the problem's checker. */
  readonly checker?: CheckerChoice;
  readonly inputFlags: readonly string[];
}

interface Found {
  readonly directory: string;
  readonly base: string;
  readonly input: string;
  readonly answer: string | null;
}

/** An input that validators must refuse. */
export type InvalidInput = Pick<PackageTest, 'name' | 'input' | 'inputFlags'>;

interface Kind {
  readonly isPlain: boolean;
  /** problem.yaml says that it is of the newer version. */
  readonly isNewer: boolean;
  readonly isScoring: boolean;
  readonly isInteractive: boolean;
}

/** What holds for the output of every test. */
interface OutputFlags {
  readonly common: readonly string[];
  /** The file that says them. */
  readonly path: string;
  /** They are the default validator's. */
  readonly areDefault: boolean;
}

const MOST_TESTS = 1_000;
const MOST_POINTS = 1_000_000;
const ANSWERS = ['.ans', '.out', '.a'];
const SAMPLE = 'data/sample';
const SECRET = 'data/secret';
const INVALID_INPUT = /^data\/invalid_inputs?\/(.*)\.in$/;
const NO_TESTS = /^data\/(in)?valid_(input|output|answer)s?\//;

/** @throws TURNO_PACKAGE */
export function readTests(
  files: PackageFiles,
  kind: Kind,
  output: OutputFlags,
): { tests: PackageTest[]; groups: GroupPlan[]; policy: Policy; invalidInputs: InvalidInput[] } {
  const found = findTests(files, kind);
  const where = kind.isPlain ? 'package' : 'data';
  if (found.length === 0) throw packageError(where, 'expected at least one test: NAME.in with NAME.ans or NAME.out');
  if (found.length > MOST_TESTS)
    throw packageError(where, `expected at most ${MOST_TESTS} tests, found ${found.length}`);
  const settings = new TestSettings(files);
  const isNewer = kind.isNewer || [...files.keys()].some((path) => path.endsWith('/test_group.yaml'));
  const groupOf = ({ directory }: Found) =>
    isNewer && !isSample(directory) && settings.newer(directory) === undefined ? SECRET : directory;
  const directories = [...new Set(found.map(groupOf))];
  const counts = directories.map((directory) => found.filter((test) => groupOf(test) === directory).length);
  const plan = isNewer ? newerGroup : olderGroup;
  const groups = kind.isScoring
    ? directories.map((directory, index) => plan(settings, directory, counts[index] ?? 0))
    : [];
  if (kind.isScoring) refuseMixed(settings, directories);
  const tests = found.map((test) => {
    const at = kind.isPlain ? '' : test.input.replace(/\.in$/, '');
    return {
      name: nameOf(test.directory, test.base),
      input: test.input,
      answer: test.answer,
      isSample: isSample(test.directory),
      ...(settings.isShown(at) ? { isShown: true as const } : {}),
      ...(kind.isScoring ? { group: directories.indexOf(groupOf(test)) } : {}),
      ...outputFlagsOf(settings, at, output),
      inputFlags: settings.words(at, 'input_validator_flags'),
    };
  });
  const endsEarly = !kind.isPlain && !kind.isScoring && settings.isBroken(SECRET);
  return { tests, groups, policy: endsEarly ? 'first-failure' : 'all', invalidInputs: invalidInputs(files, settings) };
}

function invalidInputs(files: PackageFiles, settings: TestSettings): InvalidInput[] {
  return [...files.keys()].sort(naturally).flatMap((input) => {
    const [, name] = INVALID_INPUT.exec(input) ?? [];
    if (name === undefined) return [];
    const inputFlags = settings.words(input.replace(/\.in$/, ''), 'input_validator_flags');
    return [{ name: `invalid_input/${name}`, input, inputFlags }];
  });
}

/** A sum over the groups is all there is. */
function refuseMixed(settings: TestSettings, directories: readonly string[]): void {
  const secret = settings.newer(SECRET);
  if (secret === undefined || directories.every((directory) => directory === SECRET || isSample(directory))) return;
  if (directories.includes(SECRET)) throw packageError(SECRET, 'expected groups or tests, found both');
  if ((secret.text('score_aggregation') ?? 'sum') !== 'sum')
    throw secret.error('score_aggregation', 'sum: groups are added');
}

function outputFlagsOf(
  settings: TestSettings,
  at: string,
  { common, path, areDefault }: OutputFlags,
): Pick<PackageTest, 'checkerFlags' | 'checker'> {
  const own = settings.words(at, 'output_validator_flags');
  const checkerFlags = [...common, ...own];
  if (!areDefault) return { checkerFlags };
  const where = own.length > 0 ? settings.pathOf(at, 'output_validator_flags') : path;
  return { checkerFlags, checker: checkerByFlags(where, checkerFlags) };
}

/** `sample/1`, `group/1`, `1`: the tests of data/secret itself have no more than their name. */
function nameOf(directory: string, base: string): string {
  const below = directory.replace(/^data\/(secret\/?)?/, '');
  return below === '' ? base : `${below}/${base}`;
}

function isSample(directory: string): boolean {
  return directory === SAMPLE || directory.startsWith(`${SAMPLE}/`);
}

function findTests(files: PackageFiles, { isPlain, isInteractive }: Kind): Found[] {
  const found: Found[] = [];
  for (const path of files.keys()) {
    if (isPlain ? path.includes('/') : !path.startsWith('data/') || NO_TESTS.test(path)) continue;
    const [beside] = /^data\/.*\.files(?=\/)/.exec(path) ?? [];
    if (beside !== undefined) throw packageError(beside, 'files beside the input of a test are not done');
    const stem = path.replace(/\.\w+$/, '');
    const slash = path.lastIndexOf('/');
    const directory = path.slice(0, Math.max(0, slash));
    if (path.endsWith('.in')) {
      checkDirectory(directory, isPlain);
      const answer = ANSWERS.map((extension) => `${stem}${extension}`).find((name) => files.has(name));
      if (answer === undefined && !isInteractive)
        throw packageError(path, `its answer is missing: ${stem}.ans or .out`);
      found.push({ directory, base: stem.slice(slash + 1), input: path, answer: answer ?? null });
    } else if (ANSWERS.some((extension) => path.endsWith(extension)) && !files.has(`${stem}.in`)) {
      throw packageError(path, `its input is missing: ${stem}.in`);
    }
  }
  const rank = ({ directory }: Found) => (isSample(directory) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || naturally(a.directory, b.directory) || naturally(a.base, b.base));
}

function checkDirectory(directory: string, isPlain: boolean): void {
  if (isPlain || directory === SAMPLE || directory === SECRET) return;
  const depth = directory.split('/').length;
  const isBelow = directory.startsWith(`${SAMPLE}/`) || directory.startsWith(`${SECRET}/`);
  if (isBelow && depth === 3) return;
  throw packageError(
    directory,
    isBelow ? 'groups inside groups are not done' : `expected tests in ${SAMPLE} or ${SECRET}`,
  );
}

/** 2 before 10; the same on every machine. */
function naturally(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : a > b ? 1 : 0);
}

function newerGroup(settings: TestSettings, directory: string): GroupPlan {
  const map = settings.newer(directory);
  const isSecret = directory === SECRET;
  const scorings = ['pass-fail', 'sum', 'min'] as const;
  const scoring = map?.oneOf('score_aggregation', scorings) ?? (isSecret ? 'sum' : 'pass-fail');
  const points = isSample(directory) ? 0 : (map?.raw('max_score') ?? (isSecret ? 100 : undefined));
  if (typeof points !== 'number' || !(points >= 0 && points <= MOST_POINTS)) {
    const found = points === undefined ? 'nothing' : JSON.stringify(points);
    throw packageError(map?.path ?? directory, `max_score: expected points from 0 to ${MOST_POINTS}, found ${found}`);
  }
  const isSum = scoring === 'sum' && !isSample(directory);
  return {
    name: groupName(directory),
    points,
    scoring: isSum ? 'sum' : 'min',
    policy: isSum ? 'all' : 'first-failure',
  };
}

function groupName(directory: string): string {
  return nameOf(directory, '').replace(/\/$/, '') || 'secret';
}

function olderGroup(settings: TestSettings, directory: string, count: number): GroupPlan {
  const flags = settings.words(directory, 'grader_flags');
  const unknown = flags.find((flag) => !['min', 'sum', 'worst_error', 'first_error', 'ignore_sample'].includes(flag));
  if (unknown !== undefined) {
    const path = settings.pathOf(directory, 'grader_flags');
    throw packageError(path, `grader_flags: expected min or sum, found "${unknown}"`);
  }
  const scoring = flags.includes('sum') ? 'sum' : 'min';
  return {
    name: groupName(directory),
    points: pointsOf(settings, directory, scoring === 'sum' ? count : 1),
    scoring,
    // The parts of a sum are worth something one by one.
    policy: settings.isBroken(directory) && scoring === 'min' ? 'first-failure' : 'all',
  };
}

function pointsOf(settings: TestSettings, directory: string, tests: number): number {
  const hasOwn = settings.hasOwn(directory, 'accept_score') || settings.hasOwn(directory, 'range');
  if (isSample(directory) && !hasOwn) return 0;
  const [, most = Infinity] = settings.words(directory, 'range').map(Number);
  const [each = 1] = settings.words(directory, 'accept_score').map(Number);
  const points = Number.isFinite(most) ? most : each * tests;
  if (points >= 0 && points <= MOST_POINTS) return points;
  const path = settings.pathOf(directory, 'accept_score');
  throw packageError(path, `expected points from 0 to ${MOST_POINTS}, found ${points}`);
}
