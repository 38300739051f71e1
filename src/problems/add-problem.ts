/** An upload becomes a problem. Blocks, and takes its time: for a saver thread. */

import type { Limits } from '../io/schema.js';
import { CHECKER_CPU_MS, CHECKER_MEMORY_MIB } from '../judging/task.js';
import { readPackage } from './package.js';
import { packageError } from './package-error.js';
import { filesOfZip } from './package-files.js';
import type { ProblemStore } from './problem-store.js';

export interface AddTask {
  readonly id: string;
  readonly owner: string;
  readonly isDraft: boolean;
  readonly zip: Uint8Array;
  /** What a submission may ask for at most. */
  readonly mostLimits: Limits;
  /** Ids of the languages of this server. */
  readonly languages: readonly string[];
}

/** @throws TURNO_PACKAGE; nothing is changed then */
export function addProblem(store: ProblemStore, { zip, mostLimits, languages, ...task }: AddTask): void {
  const files = filesOfZip(zip);
  const problem = readPackage(files, task.id);
  for (const name of ['cpuTimeMs', 'memoryMiB', 'outputKiB'] as const) {
    const found = problem.limits[name];
    if (found === undefined || found <= mostLimits[name]) continue;
    throw packageError('limits', `${name}: this server gives at most ${mostLimits[name]}, found ${found}`);
  }
  refuseChecker('validation_time', problem.limits.checkerCpuTimeMs, Math.max(mostLimits.cpuTimeMs, CHECKER_CPU_MS));
  refuseChecker(
    'validation_memory',
    problem.limits.checkerMemoryMiB,
    Math.max(mostLimits.memoryMiB, CHECKER_MEMORY_MIB),
  );
  if (problem.checker.kind === 'program' && !languages.includes(problem.checker.program.language)) {
    const { name, language } = problem.checker.program;
    throw packageError(name, `this server has no ${language}; it has ${languages.join(', ')}`);
  }
  store.add(files, { ...problem, ...task });
}

/** A checker may have what a submission may, and what it has without being told. */
function refuseChecker(name: string, found: number | undefined, most: number): void {
  if (found === undefined || found <= most) return;
  const unit = name === 'validation_time' ? 'ms' : 'MiB';
  throw packageError('limits', `${name}: this server gives at most ${most} ${unit}, found ${found}`);
}
