/** A package on this machine: a folder, or a zip archive. */

import { readFileSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { TurnoError } from '../errors.js';
import { LIMITS, type SubmissionBody } from '../io/schema.js';
import type { CHECKER_KINDS } from '../judging/checkers/checker.js';
import { type PackageChecker, type ProblemPackage, readPackage, wallTimeFor } from '../problems/package.js';
import { filesOfFolder, filesOfZip, type PackageFiles } from '../problems/package-files.js';

export interface LocalPackage {
  /** From the name of folder or archive. */
  readonly id: string;
  readonly files: PackageFiles;
  readonly problem: ProblemPackage;
  readonly isFolder: boolean;
}

/** @throws TURNO_PACKAGE for what is wrong inside, TURNO_USAGE when it cannot be read */
export function packageAt(path: string): LocalPackage {
  const id = basename(resolve(path))
    .replace(/\.zip$/i, '')
    .toLowerCase();
  const { files, isFolder } = filesAt(path);
  return { id, files, isFolder, problem: readPackage(files, id) };
}

function filesAt(path: string): { files: PackageFiles; isFolder: boolean } {
  try {
    if (statSync(path).isDirectory()) return { files: filesOfFolder(path), isFolder: true };
    return { files: filesOfZip(readFileSync(path)), isFolder: false };
  } catch (error) {
    if (error instanceof TurnoError) throw error;
    const { code = error } = error as NodeJS.ErrnoException;
    throw new TurnoError('TURNO_USAGE', { problem: `${path}: cannot be read (${code}).` }, { cause: error });
  }
}

/** Tests on this machine, sent along, with the limits of their package: the checker must be one of the server's own. */
export function testsOf(
  path: string,
  kind: string | undefined,
): Pick<SubmissionBody, 'tests' | 'groups' | 'policy' | 'checker' | 'limits'> {
  const { files, problem } = packageAt(path);
  const { plan, checker } = problem;
  const isMixed = problem.tests.some((test) => test.checker !== undefined);
  if (problem.isInteractive || ((checker.kind === 'program' || isMixed) && kind === undefined)) {
    const custom = isMixed ? 'has several checkers' : 'has a checker of its own';
    const what = problem.isInteractive ? 'is interactive' : custom;
    const problemText = `${path} ${what}: turno problem add ${path}, then turno submit --problem.`;
    throw new TurnoError('TURNO_USAGE', { problem: problemText });
  }
  const base64 = (name: string | null) => Buffer.from((name && files.get(name)) || []).toString('base64');
  const groups = plan.groups.map(({ name, points, scoring, policy }) => ({ name, points, scoring, policy }));
  const tests = problem.tests.map(({ name, input, answer, group }) => ({
    name,
    stdinBase64: base64(input),
    expectedBase64: base64(answer),
    ...(group === undefined ? {} : { group: groups[group]?.name ?? '' }),
  }));
  const body = { tests, policy: plan.policy, checker: checkerBody(checker, kind), limits: limitsBody(problem) };
  return groups.length > 0 ? { ...body, groups } : body;
}

/** As the server has them for a problem; a short CPU limit leaves the wall limit as it is without one. */
function limitsBody({ limits }: ProblemPackage): NonNullable<SubmissionBody['limits']> {
  const { cpuTimeMs, memoryMiB, outputKiB } = limits;
  const wallTimeMs = wallTimeFor(cpuTimeMs ?? 0);
  return {
    ...(cpuTimeMs === undefined ? {} : { cpuTimeMs }),
    ...(wallTimeMs > LIMITS.wallTimeMs.preset ? { wallTimeMs } : {}),
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(outputKiB === undefined ? {} : { outputKiB }),
  };
}

function checkerBody(checker: PackageChecker, kind: string | undefined): NonNullable<SubmissionBody['checker']> {
  if (kind !== undefined) return { kind: kind as (typeof CHECKER_KINDS)[number] };
  if (checker.kind === 'program' || checker.choice.kind !== 'float') {
    return { kind: checker.kind === 'program' ? 'token' : checker.choice.kind };
  }
  const { ignoreCase, ...choice } = checker.choice;
  return choice;
}
