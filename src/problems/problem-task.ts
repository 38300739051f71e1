/** The tests of a problem as a task for the runner: each test's bytes are read when it is its turn. */

import { TurnoError } from '../errors.js';
import type { Plan } from '../judging/coordinator.js';
import type { Task } from '../judging/task.js';
import type { PackageProgram } from './package-programs.js';
import type { ProblemRef, ProblemStore } from './problem-store.js';

/**
 * @param showsAll whether who submitted may see everything: then nothing is kept back
 * @returns undefined when the problem was removed; when it is later, `load` throws TURNO_NOT_FOUND
 */
export function problemTask(store: ProblemStore, ref: ProblemRef, showsAll: boolean): Task | undefined {
  const problem = store.load(ref);
  if (problem === undefined) return undefined;
  const { checker, limits, plan, tests, isInteractive } = problem;
  const read = (path: string) => readUnlessRemoved(store, ref, path);
  return {
    // JSON knows no undefined.
    plan: { ...plan, tests: plan.tests.map((group) => group ?? undefined) },
    isInteractive,
    checker:
      checker.kind === 'built-in'
        ? checker.choice
        : {
            kind: 'program',
            protocol: checker.protocol,
            language: checker.program.language,
            files: filesOf(store, problem, checker.program),
            limits,
          },
    load(index) {
      const test = tests[index];
      if (test === undefined) throw new RangeError(`no test ${index} in ${ref.id}`);
      return {
        name: test.name,
        stdin: read(test.input),
        expected: test.answer === null ? Buffer.alloc(0) : read(test.answer),
        isShown: showsAll || problem.showsTests || test.isSample || test.isShown === true,
        checkerFlags: test.checkerFlags,
        mostPoints: mostPointsOf(plan, index),
        ...(test.checker ? { checker: test.checker } : {}),
      };
    },
  };
}

/** Of a test: those of its group, or its part of them. */
function mostPointsOf({ groups, tests }: Plan, index: number): number {
  const of = tests[index] ?? undefined; // JSON knows no undefined
  const group = of === undefined ? undefined : groups[of];
  if (group === undefined) return 0;
  return group.scoring === 'sum' ? group.points / tests.filter((one) => one === of).length : group.points;
}

/** @throws TURNO_NOT_FOUND */
function readUnlessRemoved(store: ProblemStore, ref: ProblemRef, path: string): Buffer {
  try {
    return store.read(ref, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new TurnoError('TURNO_NOT_FOUND', { what: 'problem', id: ref.id }, { cause: error });
  }
}

/** A program's files under the names they are compiled by. */
export function filesOf(store: ProblemStore, ref: ProblemRef, { files, root }: PackageProgram) {
  return files.map((path) => ({ path: path.slice(root.length), content: readUnlessRemoved(store, ref, path) }));
}
