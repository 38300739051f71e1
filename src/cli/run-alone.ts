/**
 * One program in a cell of its own, without a server: compiled first when it is a source file. The mechanism is the
 * server's: a process table with one lane in a file that has no name any more, and one cell.
 */

import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { TurnoError } from '../errors.js';
import type { CompileOutcome } from '../io/store.js';
import { type Language, PROGRAM } from '../languages/language.js';
import { findLanguages, HANDLERS, languageOf, mountsOf } from '../languages/registry.js';
import { namesOf, UNSAFE_BACKEND } from '../pool/backend.js';
import type { InFile, Run } from '../pool/cell.js';
import { RunFlag } from '../pool/cell-layout.js';
import type { RunLimits } from '../pool/cell-messages.js';
import { Cells } from '../pool/cells.js';
import { COMPILE_LIMITS } from '../pool/executables.js';
import { ProcessTable } from '../pool/process-table.js';
import { cellBinary, native } from '../shm/native.js';
import { type RunVerdict, verdictOfRun } from '../verdict.js';

export interface AloneRequest {
  readonly file: string;
  readonly args: readonly string[];
  /** Instead of the one the file's extension says. */
  readonly language: string | undefined;
  readonly limits: RunLimits;
  readonly isUnsafe: boolean;
  readonly searchPath: string;
}

export interface RunEnd extends RunVerdict {
  readonly exitCode: number | null;
  /** Signal number. */
  readonly signal: number | null;
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly waitedNs: number;
  readonly memoryBytes: number;
  /** What it was confined and measured by. */
  readonly sandbox: readonly string[];
  readonly compiled?: CompileOutcome;
}

/** Ids of the cells of this command: none of a server's, and others in each process. */
const FIRST_UID = 64_100;
const UID_PAIRS = 16_000;

const POSTING = { user: 0, row: 0, priority: 0, memoryLimitBytes: 0, title: 'turno run' };
const NO_RUN = { exitCode: null, signal: null, cpuNs: 0, wallNs: 0, waitedNs: 0, memoryBytes: 0, sandbox: [] };

/** @throws TURNO_SYSTEM for a file that cannot be read, TURNO_USAGE, TURNO_NO_SANDBOX, TURNO_CELL */
export async function runAlone(request: AloneRequest): Promise<RunEnd> {
  const language = await languageFor(request);
  const file = opened(request.file);
  const cells = loneCell(request.isUnsafe, language);
  try {
    const sandbox = namesOf(await backendOf(cells));
    const end = await (language ? runSource(request, language, file, cells) : runProgram(request, file, cells));
    return { ...end, sandbox };
  } finally {
    await cells.end();
    closeSync(file);
  }
}

async function languageFor({ file, language, searchPath }: AloneRequest): Promise<Language | undefined> {
  const extension = extname(file);
  const handlers = HANDLERS.filter((one) =>
    language ? one.id === language : extension && one.extension === extension,
  );
  const [handler] = handlers;
  if (handler === undefined && language === undefined) return undefined;
  const [info] = handler ? await findLanguages(searchPath, [handler]) : [];
  if (info) return languageOf(info);
  const known = HANDLERS.map(({ id }) => id).join(', ');
  const problem = handler ? `no tool-chain for ${handler.id} on the PATH` : `--language: expected one of ${known}`;
  throw new TurnoError('TURNO_USAGE', { problem });
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (error) {
    throw TurnoError.from(error, path);
  }
}

function loneCell(isUnsafe: boolean, language: Language | undefined): Cells {
  const directory = mkdtempSync(join(tmpdir(), 'turno-run-'));
  try {
    const path = join(directory, 'turns.turno');
    const table = ProcessTable.create(path, 1, 1);
    const turnsFd = openSync(path, constants.O_RDWR);
    const cellGroup = `turno-run-${process.pid}`;
    const firstUid = FIRST_UID + 2 * (process.pid % UID_PAIRS);
    const mounts = language ? mountsOf([language]) : [];
    const backend = isUnsafe ? UNSAFE_BACKEND : 'auto';
    return new Cells({ cellBinary, turnsFd, cellGroup, mounts, backend, firstUid }, table, 1);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function backendOf(cells: Cells): Promise<number> {
  try {
    return await cells.use(async ({ backend }) => backend);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new TurnoError('TURNO_NO_SANDBOX', { problem }, { cause });
  }
}

async function runSource(request: AloneRequest, language: Language, file: number, cells: Cells): Promise<RunEnd> {
  const name = basename(request.file);
  const source: InFile = { place: 'box', name, content: readFileSync(file) };
  const { path, argv, env } = language.run(name);
  const run = { path, argv: [...argv, ...request.args], env };
  const command = language.compile?.(name);
  if (command === undefined) return started(request, cells, { ...run, inFiles: [source] });
  const product = native.memfd('program');
  try {
    const { report, stdout, stderr } = await cells.run({
      ...quiet(COMPILE_LIMITS),
      ...command,
      flags: RunFlag.compiler,
      inFiles: [source],
      outFiles: [{ name: command.product, fd: product }],
      outBytes: COMPILE_LIMITS.fileBytes,
    });
    const compiled = { exitCode: report.exitCode, output: Buffer.concat([stdout, stderr]).toString('utf8') };
    if (report.exitCode !== 0 || report.outMissing > 0) {
      return { ...NO_RUN, verdict: 'CE', reason: 'the compiler refused it', compiled };
    }
    const program: InFile = { place: 'exe', name: 'program', content: { fd: product } };
    return { ...(await started(request, cells, { ...run, inFiles: [program] })), compiled };
  } finally {
    closeSync(product);
  }
}

function runProgram(request: AloneRequest, file: number, cells: Cells): Promise<RunEnd> {
  const program: InFile = { place: 'exe', name: 'program', content: { fd: file } };
  const argv = [request.file, ...request.args];
  return started(request, cells, { path: PROGRAM, argv, env: ['PATH=/usr/bin:/bin', 'HOME=/box'], inFiles: [program] });
}

async function started(
  { limits }: AloneRequest,
  cells: Cells,
  what: Pick<Run, 'path' | 'argv' | 'env' | 'inFiles'>,
): Promise<RunEnd> {
  // Through pipes, so that the output limit counts what this run writes and not what the file held before.
  // Not tried again in another cell: what was read from stdin is gone.
  const run = { ...quiet(limits), ...what, flags: RunFlag.pipeOutput, streams: [0, 1, 2] } as const;
  const { report } = await cells.use((cell) => cell.run(run));
  return { ...verdictOfRun(report, limits), ...report, sandbox: [] };
}

function quiet(limits: RunLimits) {
  return { posting: POSTING, stdin: new Uint8Array(), outFiles: [], outBytes: 0, limits };
}
