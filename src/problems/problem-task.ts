/** The tests of a problem as a task for the runner: each test's bytes are read when it is its turn. */

import type { Task } from '../judging/task.js';
import type { PackageProgram } from './package-programs.js';
import type { ProblemRef, ProblemStore } from './problem-store.js';

/**
 * @param showsAll whether who submitted may see everything: then nothing is kept back
 * @returns undefined when the problem was removed
 */
export function problemTask(store: ProblemStore, ref: ProblemRef, showsAll: boolean): Task | undefined {
  const problem = store.load(ref);
  if (problem === undefined) return undefined;
  const { checker, limits, plan, tests, isInteractive } = problem;
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
        stdin: store.read(ref, test.input),
        expected: test.answer === null ? Buffer.alloc(0) : store.read(ref, test.answer),
        isShown: showsAll || problem.showsTests || test.isSample,
        checkerFlags: test.checkerFlags,
        ...(test.checker ? { checker: test.checker } : {}),
      };
    },
  };
}

/** A program's files under the names they are compiled by. */
export function filesOf(store: ProblemStore, ref: ProblemRef, { files, root }: PackageProgram) {
  return files.map((path) => ({ path: path.slice(root.length), content: store.read(ref, path) }));
}
