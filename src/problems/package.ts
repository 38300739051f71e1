/**
 * A problem package, read: what the format says, as turno's own words. Two forms are known.
 *
 * **Kattis/ICPC** (a `problem.yaml` or a directory `data`): `problem.yaml`, `.timelimit`, `problem_statement/`, `data/sample`,
 * `data/secret` with groups (directories) and `testdata.yaml`, `input_validators/`, `output_validators/`, `submissions/`. Both
 * spellings of the format's versions are taken where they say the same. What the format has and turno does not do is
 * refused, not passed over: grading by a program, and groups inside groups.
 *
 * **Plain**: `NAME.in` with `NAME.out` or `NAME.ans` in one directory; a `checker.c|cpp|py` beside them is one of testlib's kind.
 *
 * turno's own keys stand in `problem.yaml` under `turno`:
 *
 *     turno:
 *       checker: unordered-lines        a built-in one, by name, instead of validator_flags
 *       validator_protocol: testlib     arguments and exit codes of the program in output_validators (default icpc)
 *       show_tests: true                input, output and differences of secret tests may be shown to everybody
 */

import { CHECKER_KINDS, type CheckerChoice } from '../judging/checkers/checker.js';
import type { Plan } from '../judging/coordinator.js';
import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';
import { type PackageProgram, programsIn } from './package-programs.js';
import { type InvalidInput, type PackageTest, readTests } from './package-tests.js';
import { type ReferenceSubmission, referencesIn } from './references.js';
import { refuseUndone } from './undone.js';
import { YamlMap } from './yaml-map.js';

const INTERACTION = /^data\/sample\/[^/]+\.interaction$/;

export const PROTOCOLS = ['icpc', 'testlib'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export type PackageChecker =
  | { readonly kind: 'built-in'; readonly choice: CheckerChoice }
  | { readonly kind: 'program'; readonly protocol: Protocol; readonly program: PackageProgram };

/** Absent: the server's default. */
export interface PackageLimits {
  readonly cpuTimeMs?: number;
  readonly memoryMiB?: number;
  readonly outputKiB?: number;
  /** For who finds a time limit: it is a multiple of the one, and at least so many times what right solutions take. */
  readonly timeResolutionS?: number;
  readonly timeFactor?: number;
  /** Of checker or interactor. */
  readonly checkerCpuTimeMs?: number;
  readonly checkerMemoryMiB?: number;
}

/** Plain data: it is kept as JSON. Contents stay in the files. */
export interface ProblemPackage {
  readonly title: string;
  /** Path of the text of the problem. */
  readonly statement: string | null;
  readonly isInteractive: boolean;
  readonly checker: PackageChecker;
  readonly limits: PackageLimits;
  readonly plan: Plan;
  readonly tests: readonly PackageTest[];
  /** Paths of sample conversations of an interactive problem. */
  readonly interactions: readonly string[];
  readonly invalidInputs: readonly InvalidInput[];
  readonly inputValidators: readonly PackageProgram[];
  readonly submissions: readonly ReferenceSubmission[];
  readonly showsTests: boolean;
}

interface Kind {
  readonly isPlain: boolean;
  readonly isNewer: boolean;
  readonly isInteractive: boolean;
  readonly isCustom: boolean;
  readonly isScoring: boolean;
}

/**
 * @param name title of a problem that has none
 * @throws TURNO_PACKAGE with the file and what is wrong with it
 */
export function readPackage(files: PackageFiles, name: string): ProblemPackage {
  const isPlain = !files.has('problem.yaml') && ![...files.keys()].some((path) => path.startsWith('data/'));
  const yaml = YamlMap.of(files, 'problem.yaml');
  refuseUndone(files, yaml);
  const own = yaml.map('turno');
  own.refuseOthers(['checker', 'validator_protocol', 'show_tests']);
  const kind = kindOf(yaml, isPlain);
  const given = isPlain ? plainChecker(files) : checkerOf(files, yaml, own, kind);
  const flags = { common: yaml.words('validator_flags'), path: yaml.path, areDefault: given === undefined };
  const { tests: read, groups, policy, invalidInputs } = readTests(files, kind, flags);
  const { checker, tests } = given === undefined ? withDefault(read) : { checker: given, tests: read };
  return {
    title: titleOf(yaml) ?? name,
    statement: statementOf(files),
    isInteractive: kind.isInteractive,
    checker,
    limits: limitsOf(files, yaml.map('limits')),
    // JSON knows no undefined: without groups a test's group is null.
    plan: { policy, groups, tests: tests.map(({ group }) => group) },
    tests,
    interactions: kind.isInteractive ? [...files.keys()].filter((path) => INTERACTION.test(path)).sort() : [],
    invalidInputs,
    inputValidators: ['input_validators', 'input_format_validators'].flatMap((folder) => programsIn(files, folder)),
    submissions: referencesIn(files),
    showsTests: own.flag('show_tests') ?? false,
  };
}

/** `validation: custom interactive` of the older format, `type: [scoring, interactive]` of the newer. */
function kindOf(yaml: YamlMap, isPlain: boolean): Kind {
  const types = yaml.words('type');
  const validation = yaml.words('validation');
  const isOther = (known: readonly string[]) => (word: string) => !known.includes(word);
  if (types.some(isOther(['pass-fail', 'scoring', 'interactive']))) {
    throw yaml.error('type', 'pass-fail, scoring or interactive');
  }
  if (validation.some(isOther(['default', 'custom', 'interactive', 'score']))) {
    throw yaml.error('validation', 'default, or custom with or without interactive and score');
  }
  return {
    isPlain,
    isNewer: /^2025-09|^20(2[6-9]|[3-9]\d)/.test(yaml.text('problem_format_version') ?? ''),
    isInteractive: types.includes('interactive') || validation.includes('interactive'),
    isCustom: validation.includes('custom'),
    isScoring: types.includes('scoring'),
  };
}

function titleOf(yaml: YamlMap): string | undefined {
  const name = yaml.raw('name');
  if (typeof name !== 'object' || name === null) return yaml.text('name');
  const titles = Object.entries(name).filter(([, title]) => typeof title === 'string');
  return (titles.find(([language]) => language === 'en') ?? titles[0])?.[1];
}

const STATEMENT_TYPES = ['.md', '.txt', '.html', '.tex', '.pdf'];

/** English first, then any other language; and what is easiest to read without a program. */
function statementOf(files: PackageFiles): string | null {
  for (const folder of ['problem_statement/', 'statement/', '']) {
    for (const name of ['problem.en', 'problem', ...otherLanguages(files, folder), 'statement', 'README']) {
      for (const extension of STATEMENT_TYPES) {
        if (files.has(`${folder}${name}${extension}`)) return `${folder}${name}${extension}`;
      }
    }
  }
  return null;
}

/** `problem.sv`, `problem.pt-BR` of a folder. */
function otherLanguages(files: PackageFiles, folder: string): string[] {
  const names = Array.from(files.keys(), (path) => (path.startsWith(folder) ? path.slice(folder.length) : ''));
  return names.flatMap((name) => /^(problem\.[a-z]{2,3}(-[A-Z]{2})?)\.\w+$/.exec(name)?.[1] ?? []).sort();
}

/** @returns undefined for the default validator, which goes by its flags */
function checkerOf(files: PackageFiles, yaml: YamlMap, own: YamlMap, kind: Kind): PackageChecker | undefined {
  const programs = ['output_validators', 'output_validator'].flatMap((folder) => programsIn(files, folder));
  const [program] = programs;
  const isWanted = kind.isCustom || kind.isInteractive;
  if (programs.length > 1) throw packageError('output_validators', `expected one program, found ${programs.length}`);
  if (program !== undefined && (isWanted || !yaml.has('validation'))) {
    return { kind: 'program', protocol: own.oneOf('validator_protocol', PROTOCOLS) ?? 'icpc', program };
  }
  if (isWanted) {
    throw packageError('output_validators', 'expected a program: problem.yaml says custom or interactive validation');
  }
  const named = own.oneOf('checker', CHECKER_KINDS);
  if (named === undefined) return undefined;
  return { kind: 'built-in', choice: named === 'float' ? { kind: 'float', epsilon: 1e-6 } : { kind: named } };
}

/** The checker of the problem is that of its first test; those of others stay with them. */
function withDefault(tests: readonly PackageTest[]): { checker: PackageChecker; tests: readonly PackageTest[] } {
  const choice: CheckerChoice = tests[0]?.checker ?? { kind: 'case-insensitive' };
  const isChoice = (one: CheckerChoice | undefined) => JSON.stringify(one) === JSON.stringify(choice);
  const rest = tests.map(({ checker, ...test }) => (checker && !isChoice(checker) ? { ...test, checker } : test));
  return { checker: { kind: 'built-in', choice }, tests: rest };
}

function plainChecker(files: PackageFiles): PackageChecker {
  const path = ['checker.cpp', 'checker.cc', 'checker.c', 'checker.py'].find((name) => files.has(name));
  if (path === undefined) return { kind: 'built-in', choice: { kind: 'token' } };
  const language = { cpp: 'cpp', cc: 'cpp', c: 'c', py: 'python' }[path.slice(path.indexOf('.') + 1)] ?? '';
  const others = [...files.keys()].filter((name) => /^[^/]+\.(h|hpp)$/.test(name)); // testlib.h, say
  const program = { name: path, language, files: [path, ...others], root: '' };
  return { kind: 'program', protocol: 'testlib', program };
}

function limitsOf(files: PackageFiles, limits: YamlMap): PackageLimits {
  const milliseconds = (seconds: number | undefined) => seconds && Math.max(1, Math.round(seconds * 1_000));
  const outputMiB = limits.positive('output');
  const given = {
    cpuTimeMs: milliseconds(timeLimitFile(files) ?? limits.positive('time_limit')),
    memoryMiB: limits.whole('memory'),
    outputKiB: outputMiB && Math.max(1, Math.round(outputMiB * 1_024)),
    timeResolutionS: limits.positive('time_resolution'),
    timeFactor: limits.positive('time_multiplier') ?? limits.map('time_multipliers').positive('ac_to_time_limit'),
    checkerCpuTimeMs: milliseconds(limits.positive('validation_time')),
    checkerMemoryMiB: limits.whole('validation_memory'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Wall time is generous: what counts is CPU, and an interactor may take its time. */
export function wallTimeFor(cpuTimeMs: number): number {
  return 2 * cpuTimeMs + 2_000;
}

/** `.timelimit`: seconds. */
function timeLimitFile(files: PackageFiles): number | undefined {
  const bytes = files.get('.timelimit');
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString('utf8').trim();
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0) return seconds;
  throw packageError('.timelimit', `expected seconds, like 1.5, found ${JSON.stringify(text.slice(0, 40))}`);
}
