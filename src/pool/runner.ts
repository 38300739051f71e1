/**
 * What a runner thread does with one job: compile if need be, run each test, judge, write the result into the row.
 *
 * A verdict is a value and ends in the row; what is thrown from here is turno's own failure.
 */

import { closeSync } from 'node:fs';
import { checkerOf } from '../judging/checkers/checker.js';
import { combine, type Prepared, single } from '../judging/coordinator.js';
import { KeptOutput } from '../judging/kept-output.js';
import { type Outcome, outcomeWithoutRun, type RunFacts, type TestOutcome } from '../judging/outcome.js';
import type { Language } from '../languages/language.js';
import { KIB, MIB } from '../units.js';
import { verdictOfRun } from '../verdict.js';
import type { InFile, RunResult } from './cell.js';
import type { RunLimits } from './cell-messages.js';
import type { Cells } from './cells.js';
import type { Executables, IsDone } from './executables.js';
import type { Job } from './messages.js';
import { boxFiles, postingOf, runLimits } from './run-request.js';

export class Runner {
  readonly #cells: Cells;
  readonly #executables: Executables;
  readonly #languages: ReadonlyMap<string, Language>;
  readonly #lanes: number;
  readonly #isDone: IsDone;

  constructor(cells: Cells, executables: Executables, languages: readonly Language[], lanes: number, isDone: IsDone) {
    this.#isDone = isDone;
    this.#cells = cells;
    this.#executables = executables;
    this.#languages = new Map(languages.map((language) => [language.id, language]));
    this.#lanes = lanes;
  }

  /**
   * Runs a job to its end.
   * @throws TURNO_CELL, TURNO_STOPPING, TURNO_SYSTEM: turno's failures, never the program's.
   */
  async run(job: Job): Promise<Outcome> {
    const language = this.#languages.get(job.request.language);
    if (language === undefined) return outcomeWithoutRun('SE', `language ${job.request.language} is no longer here`);
    if (language.compile === undefined) return this.#judge(job, language, { compile: null, executable: null }, []);
    const compiled = await this.#executables.get(job, language);
    if (compiled.compile === null) return outcomeWithoutRun('cancelled', 'cancelled while it was compiled');
    if (compiled.executable === null) return outcomeWithoutRun('CE', 'the compiler refused it', compiled.compile);
    try {
      const program: InFile = { place: 'exe', name: 'program', content: { fd: compiled.fd } };
      return await this.#judge(job, language, compiled, [program]);
    } finally {
      closeSync(compiled.fd);
    }
  }

  async #judge(job: Job, language: Language, prepared: Prepared, programs: readonly InFile[]): Promise<Outcome> {
    const { tests, checker, stdin } = job.request;
    if (tests.length === 0) return single(prepared, await this.#runOnce(job, language, programs, stdin));
    const check = checkerOf(checker);
    const outcomes: TestOutcome[] = [];
    const kept = new KeptOutput(job.request.limits.outputKiB * KIB);
    // As many at once as there are lanes: more would only hold cells that others could use.
    const todo = tests.entries();
    let isOver = false;
    const worker = async () => {
      for (const [index, test] of todo) {
        if (isOver) return; // the rest is not looked at
        try {
          const facts = await this.#runOnce(job, language, programs, test.stdin);
          const difference = facts.verdict === 'AC' && test.expected ? check(facts.stdout, test.expected) : undefined;
          const judged = { ...facts, ...(difference ? { verdict: 'WA' as const, reason: difference } : {}) };
          outcomes[index] = { name: test.name, ...kept.cut(judged) };
          isOver ||= facts.verdict === 'cancelled';
        } catch (error) {
          isOver = true;
          throw error;
        }
      }
    };
    // All of them have ended before anything is closed that they use, also when one has failed.
    const ends = await Promise.allSettled(Array.from({ length: Math.min(this.#lanes, tests.length) }, worker));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return combine(prepared, Object.values(outcomes));
  }

  async #runOnce(job: Job, language: Language, programs: readonly InFile[], stdin: Uint8Array): Promise<RunFacts> {
    const { request } = job;
    const main = request.files[0]?.path ?? '';
    const { path, argv, env } = language.run(main);
    const sources = programs.length > 0 ? [] : boxFiles(request.files);
    const result = await this.#cells.run({
      posting: postingOf(job, `${language.id} ${main}`, request.limits.memoryMiB * MIB),
      path,
      argv: [...argv, ...request.args],
      env,
      flags: 0,
      stdin,
      inFiles: [...programs, ...sources],
      outFiles: [],
      outBytes: 0,
      limits: runLimits(request.limits),
      isCancelled: () => this.#isDone(job.row),
    });
    return factsOf(result, runLimits(request.limits));
  }
}

function factsOf({ report, stdout, stderr }: RunResult, limits: RunLimits): RunFacts {
  const { exitCode, signal, cpuNs, wallNs, waitedNs, memoryBytes } = report;
  return { ...verdictOfRun(report, limits), exitCode, signal, cpuNs, wallNs, waitedNs, memoryBytes, stdout, stderr };
}
