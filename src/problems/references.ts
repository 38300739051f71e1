/** Reference submissions of a package, and which verdicts agree with the folder they are in. */

import type { Verdict } from '../verdict.js';
import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';
import { type PackageProgram, submissionsIn } from './package-programs.js';

const FOLDERS: Readonly<Record<string, readonly Verdict[]>> = {
  accepted: ['AC'],
  wrong_answer: ['WA'],
  time_limit_exceeded: ['TLE'],
  run_time_error: ['RE', 'MLE'],
  memory_limit_exceeded: ['MLE'],
  output_limit_exceeded: ['OLE'],
  compile_error: ['CE'],
  // Of a problem with scores: some groups right, some not.
  partially_accepted: ['WA', 'TLE', 'RE', 'MLE', 'OLE'],
  // Right, but too slow, or too hungry.
  brute_force: ['TLE', 'RE', 'MLE'],
  rejected: ['WA', 'TLE', 'RE', 'MLE', 'OLE'],
};

export interface ReferenceSubmission extends PackageProgram {
  readonly folder: string;
  readonly expected: readonly Verdict[];
}

/** @throws TURNO_PACKAGE for a folder that means nothing */
export function referencesIn(files: PackageFiles): ReferenceSubmission[] {
  const folders = new Set<string>();
  for (const path of files.keys()) {
    const [top, folder, ...rest] = path.split('/');
    if (top === 'submissions' && folder !== undefined && rest.length > 0) folders.add(folder);
  }
  return [...folders].sort().flatMap((folder) => {
    const expected = Object.hasOwn(FOLDERS, folder) ? FOLDERS[folder] : undefined;
    if (expected === undefined) {
      const known = Object.keys(FOLDERS).join(', ');
      throw packageError(`submissions/${folder}`, `no verdict is called so; there are ${known}`);
    }
    return submissionsIn(files, `submissions/${folder}`).map((program) => ({ ...program, folder, expected }));
  });
}
