/**
 * One program in a cell of its own, without a server: compiled first when it is a source file. The mechanism is the
 * server's (pool/lone-cell.ts).
 */

import { closeSync } from 'node:fs';
import type { CompileOutcome } from '../io/store.js';
import { namesOf } from '../pool/backend.js';
import { RunFlag } from '../pool/cell-layout.js';
import type { RunLimits } from '../pool/cell-messages.js';
import type { Cells } from '../pool/cells.js';
import { languageOfFile, loneCell, mountsFor, prepare, quiet, type ReadyProgram } from '../pool/lone-cell.js';
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

const NO_RUN = { exitCode: null, signal: null, cpuNs: 0, wallNs: 0, waitedNs: 0, memoryBytes: 0, sandbox: [] };

/** @throws TURNO_SYSTEM for a file that cannot be read, TURNO_USAGE, TURNO_NO_SANDBOX, TURNO_CELL */
export async function runAlone(request: AloneRequest): Promise<RunEnd> {
  const { file, isUnsafe } = request;
  const language = await languageOfFile(file, request.language, request.searchPath);
  const cells = loneCell(isUnsafe, mountsFor(language));
  try {
    const sandbox = namesOf(await cells.probe());
    const { program, compiled } = await prepare(file, language, cells, request.limits);
    const said = compiled ? { compiled } : {};
    if (program === undefined) {
      return { ...NO_RUN, verdict: 'CE', reason: 'the compiler refused it', ...said, sandbox };
    }
    return { ...(await started(request, cells, program)), ...said, sandbox };
  } finally {
    await cells.end();
  }
}

async function started({ limits, args }: AloneRequest, cells: Cells, program: ReadyProgram): Promise<RunEnd> {
  const { command, file } = program;
  try {
    // Through pipes, so that the output limit counts what this run writes and not what the file held before.
    // Not tried again in another cell: what was read from stdin is gone.
    const run = {
      ...quiet('turno run', limits),
      ...command,
      argv: [...command.argv, ...args],
      inFiles: [file],
      flags: command.flags | RunFlag.pipeOutput,
      streams: [0, 1, 2],
    } as const;
    const { report } = await cells.use((cell) => cell.run(run));
    return { ...verdictOfRun(report, limits), ...report, sandbox: [] };
  } finally {
    closeSync(file.content.fd);
  }
}
