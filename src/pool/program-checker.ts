/**
 * Runs checkers that are programs: compiled once, by the same cache as submissions, and each check in a cell of its own. What
 * is given and what its end means is in judging/validators.ts.
 */

import { closeSync, fstatSync, readSync } from 'node:fs';
import { CHECKER_CPU_MS, CHECKER_MEMORY_MIB, type ProgramChecker, type TestCase } from '../judging/task.js';
import {
  ANSWER,
  BROUGHT_OUT,
  INPUT,
  type Judgement,
  judgementOf,
  OUTPUT,
  validatorArguments,
} from '../judging/validators.js';
import type { Language } from '../languages/language.js';
import { native } from '../shm/native.js';
import { KIB, MIB, NS_PER_MS, NS_PER_S } from '../units.js';
import { verdictOfRun } from '../verdict.js';
import type { InFile, Run, RunResult } from './cell.js';
import { RunFlag } from './cell-layout.js';
import type { RunLimits } from './cell-messages.js';
import type { Cells } from './cells.js';
import type { Executables, IsDone } from './executables.js';
import type { Job } from './messages.js';
import { boxFiles, postingOf, runFlags } from './run-request.js';

const MESSAGE_BYTES = 64 * KIB;

/** A checker's program, ready to be run; `close` when no check runs any more. */
export interface PreparedChecker {
  readonly checker: ProgramChecker;
  readonly command: readonly string[];
  readonly env: readonly string[];
  /** RunFlag bits. */
  readonly flags: number;
  readonly inFiles: readonly InFile[];
  readonly close: () => void;
}

export class ProgramCheckers {
  readonly #cells: Cells;
  readonly #executables: Executables;
  readonly #languages: ReadonlyMap<string, Language>;
  readonly #isDone: IsDone;

  constructor(cells: Cells, executables: Executables, languages: ReadonlyMap<string, Language>, isDone: IsDone) {
    this.#cells = cells;
    this.#executables = executables;
    this.#languages = languages;
    this.#isDone = isDone;
  }

  /** @returns what is wrong with it, as text, when it cannot be run */
  async prepare(job: Job, checker: ProgramChecker): Promise<PreparedChecker | string> {
    const language = this.#languages.get(checker.language);
    if (language === undefined) return `the checker is in ${checker.language}, which this server does not have`;
    const main = checker.files[0]?.path ?? '';
    const memoryMib = checker.limits.checkerMemoryMiB ?? CHECKER_MEMORY_MIB;
    const { path, argv, env } = language.run(main, memoryMib * MIB);
    const flags = RunFlag.tool | runFlags(language);
    const command = [path, ...argv.slice(1)];
    if (language.compile === undefined) {
      return { checker, command, env, flags, inFiles: boxFiles(checker.files), close: () => undefined };
    }
    const compiled = await this.#executables.get(
      { ...job, request: { ...job.request, files: checker.files } },
      language,
    );
    if (compiled.compile === null) return 'cancelled while the checker was compiled';
    if (compiled.executable === null) return `the checker does not compile: ${compiled.compile.output}`;
    const { fd } = compiled;
    const program: InFile = { place: 'exe', name: 'program', content: { fd } };
    return { checker, command, env, flags, inFiles: [program], close: () => closeSync(fd) };
  }

  /** @param output what the program wrote */
  async check(job: Job, prepared: PreparedChecker, test: TestCase, output: Uint8Array): Promise<Judgement> {
    const { protocol } = prepared.checker;
    const asFile = protocol === 'testlib' ? [{ place: 'box' as const, name: OUTPUT, content: output }] : [];
    const stdin = protocol === 'testlib' ? new Uint8Array() : output;
    const files = { inFiles: asFile, bytes: output.length };
    return this.judge('checker', job, prepared, test, files, (run) => this.#cells.run({ ...run, stdin }));
  }

  /** One run of it, whatever its streams are. @param perform gets it executed */
  async judge(
    what: 'checker' | 'interactor',
    job: Job,
    prepared: PreparedChecker,
    test: TestCase,
    more: { readonly inFiles: readonly InFile[]; readonly bytes: number },
    perform: (run: Omit<Run, 'stdin'>) => Promise<RunResult>,
  ): Promise<Judgement> {
    const fds = BROUGHT_OUT.map((name) => native.memfd(name));
    try {
      const expected = test.expected ?? new Uint8Array();
      const limits = limitsOf(prepared.checker, test.stdin.length + expected.length + more.bytes);
      const result = await perform({
        posting: postingOf(job, what, limits.memoryBytes),
        ...validatorArguments(prepared.command, prepared.checker.protocol, test.checkerFlags),
        env: prepared.env,
        flags: prepared.flags,
        inFiles: [
          ...prepared.inFiles,
          { place: 'box', name: INPUT, content: test.stdin },
          { place: 'box', name: ANSWER, content: expected },
          ...more.inFiles,
        ],
        outFiles: BROUGHT_OUT.map((name, index) => ({ name, fd: fds[index] ?? -1 })),
        outBytes: MESSAGE_BYTES,
        limits,
        isCancelled: () => this.#isDone(job.row),
      });
      const [exitCode = '', judgeMessage = '', teamMessage = '', multiplier = '', score = ''] = fds.map(textOf);
      const run = { ...verdictOfRun(result.report, limits), exitCode: result.report.exitCode };
      const stderr = Buffer.from(result.stderr).toString('utf8');
      return judgementOf(
        { run, exitCode, judgeMessage, teamMessage, multiplier, score, stderr },
        prepared.checker.protocol,
        what,
        test.mostPoints,
      );
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  }
}

/** What a checker gets: generous, it is the jury's own; and room for the files it is given. */
function limitsOf({ limits }: ProgramChecker, filesBytes: number): RunLimits {
  const cpuNs = (limits.checkerCpuTimeMs ?? CHECKER_CPU_MS) * NS_PER_MS;
  return {
    cpuNs,
    wallNs: 2 * cpuNs + 10 * NS_PER_S,
    memoryBytes: (limits.checkerMemoryMiB ?? CHECKER_MEMORY_MIB) * MIB + filesBytes,
    processes: 64,
    outputBytes: 4 * MIB,
    fileBytes: 256 * MIB,
    boxBytes: 2 * filesBytes + 256 * MIB,
    openFiles: 1_024,
    stackBytes: 0,
  };
}

function textOf(fd: number): string {
  const bytes = Buffer.alloc(Math.min(MESSAGE_BYTES, fstatSync(fd).size));
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
}
