/**
 * Compiled programs: from the disk when this exact source was compiled before, otherwise compiled now, in a cell like any
 * other program. Two jobs of one thread that want the same executable at once share one compilation.
 */

import { closeSync, futimesSync } from 'node:fs';
import type { CompileOutcome, Store } from '../io/store.js';
import { type CompileCommand, type Language, PREPARED } from '../languages/language.js';
import { MIB, NS_PER_S, type RowIndex } from '../units.js';
import type { InFile } from './cell.js';
import { LimitKind } from './cell-layout.js';
import type { RunLimits } from './cell-messages.js';
import type { Cells } from './cells.js';
import type { Job } from './messages.js';
import { boxFiles, compileFlags, postingOf } from './run-request.js';

/** Whether a row is done: before its runner says so it is only because it was cancelled. */
export type IsDone = (row: RowIndex) => boolean;

/** `compile: null`: the job was cancelled meanwhile. */
export type Compiled =
  | { readonly executable: string; readonly fd: number; readonly compile: CompileOutcome }
  | { readonly executable: null; readonly compile: CompileOutcome | null };

interface Compilation {
  /** What the compiler said when it refused, undefined when the executable is in its place. */
  readonly refused: CompileOutcome | undefined;
  readonly isKilled: boolean;
}

/** What a compiler gets, unless its language needs more; generous, but a compile bomb ends. */
export const COMPILE_LIMITS: RunLimits = {
  cpuNs: 30 * NS_PER_S,
  wallNs: 60 * NS_PER_S,
  memoryBytes: 1_024 * MIB,
  processes: 64,
  outputBytes: 64 * 1_024,
  fileBytes: 256 * MIB,
  boxBytes: 512 * MIB,
  openFiles: 1_024,
  stackBytes: 0,
};

export class Executables {
  readonly #store: Store;
  readonly #cells: Cells;
  readonly #onCompiled: (path: string, outcome: CompileOutcome) => void;
  readonly #isDone: IsDone;
  readonly #compiling = new Map<string, Promise<Compilation>>();
  /** What could not be prepared, and would not be the next time. */
  readonly #unpreparable = new Set<string>();

  constructor(store: Store, cells: Cells, onCompiled: (path: string, outcome: CompileOutcome) => void, isDone: IsDone) {
    this.#isDone = isDone;
    this.#store = store;
    this.#cells = cells;
    this.#onCompiled = onCompiled;
  }

  /** The executable of a job's source, open (the caller closes it), or what the compiler had against it. */
  async get(job: Job, language: Language): Promise<Compiled> {
    const key = this.#store.executableKey(language.compilerIdentity, job.request.files);
    const executable = this.#store.executablePath(key);
    for (;;) {
      const cached = this.#store.openExecutable(key);
      if (cached) return { executable, ...cached };
      const shared = this.#compiling.get(key);
      const { refused, isKilled } = await (shared ?? this.#begin(key, () => this.#compile(key, job, language)));
      if (this.#isDone(job.row)) return { executable: null, compile: null };
      // Killed with the job it was made for, which is none of ours: compiled again, in our own name.
      if (isKilled && shared !== undefined) continue;
      if (refused) return { executable: null, compile: refused };
      const made = this.#store.openExecutable(key);
      if (made === undefined) throw new Error(`executable ${key} vanished after it was compiled`);
      return { executable, ...made };
    }
  }

  #begin(key: string, compile: () => Promise<Compilation>): Promise<Compilation> {
    // Forgotten before anybody who waits for it goes on: who compiles again finds nothing of it.
    const compiling = compile().finally(() => this.#compiling.delete(key));
    this.#compiling.set(key, compiling);
    return compiling;
  }

  async #compile(key: string, job: Job, language: Language): Promise<Compilation> {
    const files = language.arrange(job.request.files);
    const [main = '', ...others] = files.map(({ path }) => path);
    const command = language.compile?.(main, others);
    if (command === undefined) throw new Error(`${language.id} compiles nothing`);
    const prepared = language.prepare && (await this.#prepared(job, language, language.prepare));
    const more: InFile[] = prepared === undefined ? [] : [{ place: 'box', name: PREPARED, content: { fd: prepared } }];
    try {
      return await this.#make(key, job, language, `compile ${main}`, command, [...boxFiles(files), ...more]);
    } finally {
      if (prepared !== undefined) closeSync(prepared);
    }
  }

  /**
   * What every compilation of a language begins with, open: made by the first, and kept with the executables.
   * @returns undefined when it cannot be made: compilations are slower then, and end the same
   */
  async #prepared(job: Job, language: Language, command: CompileCommand): Promise<number | undefined> {
    const key = this.#store.executableKey([language.id, language.tool.version, command.path, ...command.argv], []);
    if (this.#unpreparable.has(key)) return undefined;
    for (;;) {
      const cached = this.#store.openExecutable(key);
      // No row names it: what is in use must not look like what nobody has wanted for an hour (server/retention.ts).
      if (cached) futimesSync(cached.fd, new Date(), new Date());
      if (cached) return cached.fd;
      const shared = this.#compiling.get(key);
      const making = shared ?? this.#begin(key, () => this.#make(key, job, language, 'prepare', command, []));
      const { refused, isKilled } = await making;
      if (this.#isDone(job.row)) return undefined;
      if (refused === undefined || isKilled) continue;
      this.#unpreparable.add(key);
      return undefined;
    }
  }

  /** Runs a compiler, and publishes its product under the key. */
  async #make(
    key: string,
    job: Job,
    language: Language,
    what: string,
    command: CompileCommand,
    inFiles: readonly InFile[],
  ): Promise<Compilation> {
    const limits = { ...COMPILE_LIMITS, ...language.compileNeeds };
    const product = this.#store.newExecutable(key);
    let isPublished = false;
    try {
      const { report, stdout, stderr } = await this.#cells.run({
        posting: postingOf(job, `${language.id} ${what}`, limits.memoryBytes),
        ...command,
        flags: compileFlags(language),
        stdin: new Uint8Array(),
        inFiles,
        outFiles: [{ name: command.product, fd: product.fd }],
        outBytes: limits.fileBytes,
        limits,
        isCancelled: () => this.#isDone(job.row),
      });
      const said = Buffer.concat([stdout, stderr]).toString('utf8');
      const outcome = { exitCode: report.exitCode, output: said + limitNote(report.limit) };
      const isKilled = report.limit === LimitKind.cancelled;
      if (report.exitCode !== 0 || wasEnded(report.limit)) return { refused: outcome, isKilled };
      if (report.outMissing > 0) {
        return { refused: { ...outcome, output: `${outcome.output}The compiler made no program.\n` }, isKilled };
      }
      this.#store.publishExecutable(key, product.temporary, outcome);
      isPublished = true;
      this.#onCompiled(this.#store.executablePath(key), outcome);
      return { refused: undefined, isKilled };
    } finally {
      closeSync(product.fd);
      if (!isPublished) this.#store.discard(product.temporary);
    }
  }
}

/** Whom a process is refused goes on, and says so himself if he cannot. */
function wasEnded(limit: LimitKind): boolean {
  return limit !== LimitKind.none && limit !== LimitKind.processes;
}

/** The compiler's own words do not say that it was stopped. */
function limitNote(limit: LimitKind): string {
  if (!wasEnded(limit)) return '';
  const name = Object.entries(LimitKind).find(([, value]) => value === limit)?.[0] ?? 'unknown';
  return `The compiler was ended by its limit: ${name}.\n`;
}
