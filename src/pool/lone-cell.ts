/**
 * A cell without a server: a process table with one lane in a file that has no name any more, one cell, and a program made
 * ready to run there, compiled first when it is a source file.
 */

import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { TurnoError } from '../errors.js';
import type { CompileOutcome } from '../io/store.js';
import { type Command, type Language, type LanguageSource, PROGRAM } from '../languages/language.js';
import { findLanguages, HANDLERS, languageOf, mountsOf } from '../languages/registry.js';
import { cellBinary, native } from '../shm/native.js';
import { UNSAFE_BACKEND } from './backend.js';
import type { InFile } from './cell.js';
import type { RunLimits } from './cell-messages.js';
import { Cells } from './cells.js';
import { COMPILE_LIMITS } from './executables.js';
import { ProcessTable } from './process-table.js';
import { boxFiles, compileFlags, runFlags } from './run-request.js';

/** Ids of the cells of such a process: none of a server's, and others in each process. */
const FIRST_UID = 64_100;
const UID_PAIRS = 16_000;

/** A program ready to run: what is executed, and the one file that goes into the cell for it. */
export interface ReadyProgram {
  /** With its RunFlag bits. */
  readonly command: Command & { readonly flags: number };
  readonly file: Pick<InFile, 'place' | 'name'> & { readonly content: { readonly fd: number } };
}

/** `program` is absent when the compiler refused it. The caller closes the descriptor of the program. */
export interface Preparation {
  readonly program?: ReadyProgram;
  readonly compiled?: CompileOutcome;
}

/**
 * The language of a source file; undefined for anything that is executed as it is.
 * @param id instead of the one the file's extension says
 * @throws TURNO_USAGE for a language nobody knows, or without its tool-chain
 */
export async function languageOfFile(
  file: string,
  id: string | undefined,
  searchPath: string,
): Promise<Language | undefined> {
  const extension = extname(file);
  const handlers = HANDLERS.filter((one) => (id ? one.id === id : extension && one.extension === extension));
  const [handler] = handlers;
  if (handler === undefined && id === undefined) return undefined;
  const { offered, absent } = await findLanguages(searchPath, handler ? [handler] : []);
  const [info] = offered;
  if (info) return languageOf(info);
  const known = HANDLERS.map((one) => one.id).join(', ');
  const problem = handler
    ? `${handler.id} cannot be run here: ${absent[0]?.reason}`
    : `--language: expected one of ${known}`;
  throw new TurnoError('TURNO_USAGE', { problem });
}

/** @param mounts directories the cell needs beside the system's, of a language (`mountsOf`) */
export function loneCell(isUnsafe: boolean, mounts: readonly string[]): Cells {
  const directory = mkdtempSync(join(tmpdir(), 'turno-run-'));
  try {
    const path = join(directory, 'turns.turno');
    const table = ProcessTable.create(path, 1, 1);
    const turnsFd = openSync(path, constants.O_RDWR);
    const cellGroup = `turno-run-${process.pid}`;
    const firstUid = FIRST_UID + 2 * (process.pid % UID_PAIRS);
    const backend = isUnsafe ? UNSAFE_BACKEND : 'auto';
    return new Cells({ cellBinary, turnsFd, cellGroup, mounts, backend, firstUid }, table, 1);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Makes a file ready to run, in `cells` when it must be compiled.
 * @param limits those it will run under
 * @throws TURNO_SYSTEM for a file that cannot be read, TURNO_CELL
 */
export async function prepare(
  file: string,
  language: Language | undefined,
  cells: Cells,
  { memoryBytes, stackBytes }: Pick<RunLimits, 'memoryBytes' | 'stackBytes'>,
): Promise<Preparation> {
  const fd = opened(file);
  if (language === undefined) {
    const command = { path: PROGRAM, argv: [file], env: ['PATH=/usr/bin:/bin', 'HOME=/box'], flags: 0 };
    return { program: { command, file: { place: 'exe', name: 'program', content: { fd } } } };
  }
  const name = basename(file);
  const command = { ...language.run(name, memoryBytes, stackBytes), flags: runFlags(language) };
  if (language.compile === undefined) {
    return { program: { command, file: { place: 'box', name, content: { fd } } } };
  }
  try {
    const outcome = await compiled([{ path: name, content: readFileSync(fd) }], language, cells);
    if (outcome.product === undefined) return { compiled: outcome.compiled };
    const { product } = outcome;
    return {
      compiled: outcome.compiled,
      program: { command, file: { place: 'exe', name: 'program', content: { fd: product } } },
    };
  } finally {
    closeSync(fd);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (error) {
    throw TurnoError.from(error, path);
  }
}

/** The product is open when there is one; the caller closes it. */
async function compiled(sources: readonly LanguageSource[], language: Language, cells: Cells) {
  const files = language.arrange(sources);
  const command = language.compile?.(files[0]?.path ?? '');
  if (command === undefined) throw new Error(`${language.id} compiles nothing`);
  const product = native.memfd('program');
  let isReady = false;
  try {
    const { report, stdout, stderr } = await cells.run({
      ...quiet('turno compile', { ...COMPILE_LIMITS, ...language.compileNeeds }),
      ...command,
      flags: compileFlags(language),
      inFiles: boxFiles(files),
      outFiles: [{ name: command.product, fd: product }],
      outBytes: COMPILE_LIMITS.fileBytes,
    });
    const outcome = { exitCode: report.exitCode, output: Buffer.concat([stdout, stderr]).toString('utf8') };
    if (report.exitCode !== 0 || report.outMissing > 0) return { compiled: outcome };
    isReady = true;
    return { compiled: outcome, product };
  } finally {
    if (!isReady) closeSync(product);
  }
}

/** What is the same in every run of such a cell. */
export function quiet(title: string, limits: RunLimits) {
  const posting = { user: 0, row: 0, priority: 0, memoryLimitBytes: 0, title };
  return { posting, stdin: new Uint8Array(), outFiles: [], outBytes: 0, limits };
}

/** Directories the cell of this language needs. */
export function mountsFor(language: Language | undefined): readonly string[] {
  return language ? mountsOf([language]) : [];
}
