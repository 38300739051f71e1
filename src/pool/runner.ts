/**
 * What a runner thread does with one job: compile if need be, run each test, judge. The outcome goes into the row (record.ts).
 *
 * A verdict is a value and part of the outcome; what is thrown from here is turno's own failure.
 */

import { closeSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import type { Store } from '../io/store.js';
import type { SubmissionRequest } from '../io/transport.js';
import { Coordinator, groupNameOf, type Prepared, single } from '../judging/coordinator.js';
import { KeptOutput } from '../judging/kept-output.js';
import { type Outcome, outcomeWithoutRun, type RunFacts } from '../judging/outcome.js';
import { tellTest } from '../judging/progress.js';
import { type Task, taskOf } from '../judging/task.js';
import type { Language } from '../languages/language.js';
import type { ProblemStore } from '../problems/problem-store.js';
import { problemTask } from '../problems/problem-task.js';
import { KIB } from '../units.js';
import { verdictOfMachine, verdictOfRun } from '../verdict.js';
import type { InFile, Run, RunResult, TemplateOrder } from './cell.js';
import type { RunLimits } from './cell-messages.js';
import type { Cells } from './cells.js';
import { builtIn, type Checking, inTwoSteps, testOutcome } from './checking.js';
import type { Executables, IsDone } from './executables.js';
import { interact } from './interaction.js';
import type { Job } from './messages.js';
import { ProgramCheckers } from './program-checker.js';
import { boxFiles, postingOf, runFlags, runLimits } from './run-request.js';
import { runTests } from './run-tests.js';
import type { Templates } from './templates.js';

/** What is run for each test of a job. */
interface Program {
  readonly language: Language;
  /** What goes into /exe; none: the sources are run. */
  readonly programs: readonly InFile[];
  readonly template: TemplateOrder | undefined;
}

export class Runner {
  readonly #store: Store;
  readonly #problems: ProblemStore;
  readonly #checkers: ProgramCheckers;
  readonly #cells: Cells;
  readonly #executables: Executables;
  readonly #templates: Templates;
  readonly #languages = new Map<string, Language>();
  readonly #lanes: () => number;
  readonly #isDone: IsDone;

  /** @param lanes how many there are at that moment */
  constructor(
    store: Store,
    problems: ProblemStore,
    cells: Cells,
    executables: Executables,
    templates: Templates,
    languages: readonly Language[],
    lanes: () => number,
    isDone: IsDone,
  ) {
    this.#isDone = isDone;
    this.#store = store;
    this.#cells = cells;
    this.#executables = executables;
    this.#templates = templates;
    this.setLanguages(languages);
    this.#problems = problems;
    this.#checkers = new ProgramCheckers(cells, executables, this.#languages, isDone);
    this.#lanes = lanes;
  }

  /** From now on jobs may be in these; the checkers look into the same map. */
  setLanguages(languages: readonly Language[]): void {
    this.#languages.clear();
    for (const language of languages) this.#languages.set(language.id, language);
  }

  /**
   * Runs a job to its end.
   * @throws TURNO_CELL, TURNO_STOPPING, TURNO_SYSTEM: turno's failures, never the program's.
   */
  async run(job: Job): Promise<Outcome> {
    const language = this.#languages.get(job.request.language);
    if (language === undefined) return outcomeWithoutRun('SE', `language ${job.request.language} is no longer here`);
    if (language.compile === undefined) {
      const template = this.#templates.orderFor(job, language, undefined);
      return this.#judge(job, { language, programs: [], template }, { compile: null, executable: null });
    }
    const compiled = await this.#executables.get(job, this.#templates.languageFor(job, language));
    if (compiled.compile === null) return outcomeWithoutRun('cancelled', 'cancelled while it was compiled');
    if (compiled.executable === null) return outcomeWithoutRun('CE', 'the compiler refused it', compiled.compile);
    try {
      const program: InFile = { place: 'exe', name: 'program', content: { fd: compiled.fd } };
      const template = this.#templates.orderFor(job, language, compiled.fd);
      return await this.#judge(job, { language, programs: [program], template }, compiled);
    } finally {
      closeSync(compiled.fd);
    }
  }

  async #judge(job: Job, program: Program, prepared: Prepared): Promise<Outcome> {
    const { tests, stdin, problem } = job.request;
    if (problem !== undefined) {
      return this.#judgeByProblem(job, program, prepared, problem);
    }
    if (tests.length === 0) return single(prepared, await this.#runOnce(job, program, stdin));
    return this.#judgeTask(job, program, prepared, taskOf(job.request));
  }

  /** A problem can be removed at any moment. */
  async #judgeByProblem(
    job: Job,
    program: Program,
    prepared: Prepared,
    ref: NonNullable<SubmissionRequest['problem']>,
  ): Promise<Outcome> {
    const removed = () => outcomeWithoutRun('SE', `problem ${ref.id} was removed`, prepared.compile);
    try {
      const task = problemTask(this.#problems, ref, ref.showsAll);
      return task === undefined ? removed() : await this.#judgeTask(job, program, prepared, task);
    } catch (error) {
      if (error instanceof TurnoError && error.code === 'TURNO_NOT_FOUND') return removed();
      throw error;
    }
  }

  async #judgeTask(job: Job, program: Program, prepared: Prepared, task: Task): Promise<Outcome> {
    const checking = await this.#checking(job, program, task);
    if (typeof checking === 'string') {
      // A compiler quotes what it complains about.
      const told = job.request.problem?.showsAll === false ? 'the checker of the problem cannot be run' : checking;
      return outcomeWithoutRun('SE', told, prepared.compile);
    }
    const coordinator = new Coordinator(task.plan);
    const kept = new KeptOutput(job.request.limits.outputKiB * KIB);
    const progress = this.#store.tellProgress(job.id, task.plan.tests.length);
    try {
      await runTests(coordinator, Math.min(this.#lanes(), task.plan.tests.length), async (index) => {
        const test = task.load(index);
        const { facts, judgement } = await checking.judge(test);
        const outcome = testOutcome(test, groupNameOf(task.plan, index), facts, judgement, kept);
        tellTest(progress, outcome);
        return outcome;
      });
      return coordinator.combine(prepared);
    } finally {
      progress.close();
      checking.close();
    }
  }

  /** @returns what is wrong, as text, when the checker itself cannot be run */
  async #checking(job: Job, program: Program, { checker, isInteractive }: Task): Promise<Checking | string> {
    const run = (stdin: Uint8Array) => this.#runOnce(job, program, stdin);
    if (checker.kind !== 'program') return { judge: inTwoSteps(run, builtIn(checker)), close: () => undefined };
    const prepared = await this.#checkers.prepare(job, checker);
    if (typeof prepared === 'string') return prepared;
    const { close } = prepared;
    if (!isInteractive) {
      return { judge: inTwoSteps(run, (test, output) => this.#checkers.check(job, prepared, test, output)), close };
    }
    const facts = factsOf(program.language);
    const parts = { cells: this.#cells, checkers: this.#checkers, factsOf: facts };
    const asked = { ...this.#runOf(job, program), template: undefined };
    return { judge: (test) => interact(parts, job, prepared, test, asked), close };
  }

  async #runOnce(job: Job, program: Program, stdin: Uint8Array): Promise<RunFacts> {
    const run = this.#runOf(job, program);
    return factsOf(program.language)(await this.#cells.run({ ...run, stdin }), run.limits);
  }

  #runOf(job: Job, { language, programs, template }: Program): Omit<Run, 'stdin'> {
    const { request } = job;
    const main = request.files[0]?.path ?? '';
    const limits = runLimits(request.limits);
    const { path, argv, env } = language.run(main, limits.memoryBytes, limits.stackBytes);
    const sources = programs.length > 0 ? [] : boxFiles(request.files, language.isProgram);
    return {
      posting: postingOf(job, `${language.id} ${main}`, limits.memoryBytes),
      path,
      argv: [...argv, ...request.args],
      env,
      flags: runFlags(language),
      inFiles: [...programs, ...sources],
      outFiles: [],
      outBytes: 0,
      limits,
      isCancelled: () => this.#isDone(job.row),
      template,
    };
  }
}

const factsOf =
  ({ outOfMemory }: Language) =>
  ({ report, stdout, stderr }: RunResult, limits: RunLimits): RunFacts => {
    const { exitCode, signal, cpuNs, wallNs, waitedNs, memoryBytes, isWarm: warm } = report;
    const figures = { exitCode, signal, cpuNs, wallNs, waitedNs, memoryBytes, warm };
    const ofKernel = verdictOfRun(report, limits);
    const verdict = outOfMemory ? verdictOfMachine(ofKernel, report, limits, stderr, outOfMemory) : ofKernel;
    return { ...verdict, ...figures, stdout, stderr };
  };
