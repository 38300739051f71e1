/** An upload becomes a problem. Blocks, and takes its time: for a saver thread. */

import type { Limits } from '../io/schema.js';
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
  if (problem.checker.kind === 'program' && !languages.includes(problem.checker.program.language)) {
    const { name, language } = problem.checker.program;
    throw packageError(name, `this server has no ${language}; it has ${languages.join(', ')}`);
  }
  store.add(files, { ...problem, ...task });
}
