/**
 * `turno run FILE [ARGUMENTS...]`: one program in a cell of its own, without a server. Its stdin, stdout and stderr are the
 * command's own; how it ended is one line on stderr, and the exit status. What begins with - is this command's, before FILE
 * and after it, so that no limit is taken for an argument; what is the program's stands behind `--`.
 *
 *     its exit code         it ended by itself
 *     128 + signal          a signal ended it, 137 also when a limit did
 *     1                     the compiler refused it
 *     125                   turno failed: no sandbox, no such file
 */

import { Command } from 'commander';
import { MIN_MEMORY_MIB, MIN_OPEN_FILES, MIN_STACK_KIB } from '../config.js';
import { TurnoError } from '../errors.js';
import type { RunLimits } from '../pool/cell-messages.js';
import { flagOf } from '../read-settings.js';
import { KIB, MIB, NS_PER_MS, NS_PER_S } from '../units.js';
import { type RunVerdict, VERDICTS } from '../verdict.js';
import { type Context, print } from './context.js';
import { parseCount, parseSizeBytes, parseTimeNs } from './quantities.js';
import type { RunEnd } from './run-alone.js';

const FAILED = 125;
const REFUSED = 1;

interface RunOptions {
  readonly language?: string;
  readonly cpu: string;
  readonly wall?: string;
  readonly memory: string;
  readonly processes: string;
  readonly output: string;
  readonly fileSize: string;
  readonly stack?: string;
  readonly openFiles: string;
  readonly json?: true;
  readonly unsafeNoSandbox?: true;
}

export function runCommand(context: Context): Command {
  return new Command('run')
    .description('run a program in the sandbox without a server: a source file by its language, anything else as it is')
    .argument('<file>', 'a source file (.c .cpp .py .js .ts .java .go .rs .sh), or an executable')
    .argument('[arguments...]', 'arguments of the program; those that begin with - behind --')
    .option('--language <id>', 'instead of the one its name says')
    .option('--cpu <time>', 'CPU time of all its processes', '2s')
    .option('--wall <time>', 'time running or sleeping (default three times the CPU time)')
    .option('--memory <size>', 'memory', '256M')
    .option('--processes <n>', 'processes and threads at once', '64')
    .option('--output <size>', 'stdout and stderr, each', '64M')
    .option('--file-size <size>', 'largest file it writes', '64M')
    .option('--stack <size>', 'stack of the main thread (default as large as the memory allows)')
    .option('--open-files <n>', 'open files of each process', '1024')
    .option('--json', 'say how it ended as JSON')
    .option(flagOf('unsafeNoSandbox'), 'without a sandbox')
    .action(async (file: string, args: string[], options: RunOptions) => {
      const limits = limitsOf(options);
      // Loaded only now: the other commands start without the modules of a runner.
      const { runAlone } = await import('./run-alone.js');
      const { PATH = '' } = context.environment;
      const { language, unsafeNoSandbox: isUnsafe = false } = options;
      try {
        const end = await runAlone({ file, args, language, limits, isUnsafe, searchPath: PATH });
        if (end.compiled?.output) print(context.err, end.compiled.output);
        print(context.err, options.json ? JSON.stringify(factsOf(end)) : sentenceOf(end));
        context.status = statusOf(end);
      } catch (error) {
        if (!(error instanceof TurnoError)) throw error;
        print(context.err, `turno: ${error.message} (${error.code})`);
        context.status = FAILED;
      }
    });
}

function limitsOf(options: RunOptions): RunLimits {
  const cpuNs = parseTimeNs(options.cpu, '--cpu');
  const fileBytes = parseSizeBytes(options.fileSize, '--file-size');
  const { memory, stack, openFiles } = options;
  return {
    cpuNs,
    wallNs: options.wall === undefined ? 3 * cpuNs : parseTimeNs(options.wall, '--wall'),
    memoryBytes: sizeFrom(MIN_MEMORY_MIB * MIB, `${MIN_MEMORY_MIB}M`, memory, '--memory'),
    processes: parseCount(options.processes, '--processes'),
    outputBytes: parseSizeBytes(options.output, '--output'),
    fileBytes,
    boxBytes: 4 * fileBytes,
    openFiles: atLeast(
      MIN_OPEN_FILES,
      parseCount(openFiles, '--open-files'),
      `--open-files: expected at least ${MIN_OPEN_FILES}, got ${openFiles}`,
    ),
    stackBytes: stack === undefined ? 0 : sizeFrom(MIN_STACK_KIB * KIB, `${MIN_STACK_KIB}K`, stack, '--stack'),
  };
}

/** @throws TURNO_USAGE naming the option */
function sizeFrom(leastBytes: number, least: string, text: string, option: string): number {
  return atLeast(leastBytes, parseSizeBytes(text, option), `${option}: expected at least ${least}, got ${text}`);
}

function atLeast(least: number, found: number, problem: string): number {
  if (found < least) throw new TurnoError('TURNO_USAGE', { problem });
  return found;
}

function statusOf({ verdict, exitCode, signal }: RunEnd): number {
  if (verdict === 'CE') return REFUSED;
  return exitCode ?? 128 + (signal ?? 0);
}

function factsOf({ verdict, reason, cause, exitCode, signal, cpuNs, wallNs, waitedNs, memoryBytes, sandbox }: RunEnd) {
  const ms = (ns: number) => ns / NS_PER_MS;
  const facts = { cpuTimeMs: ms(cpuNs), wallTimeMs: ms(wallNs), waitedMs: ms(waitedNs), memoryKiB: memoryBytes / KIB };
  return { verdict, reason: reason || null, cause: cause ?? null, exitCode, signal, ...facts, sandbox };
}

function sentenceOf(end: RunEnd & RunVerdict): string {
  const { verdict, reason, exitCode, signal, cpuNs, wallNs, memoryBytes } = end;
  const how = reason || (signal === null ? `exit code ${exitCode}` : `signal ${signal}`);
  const figures = `CPU ${seconds(cpuNs)} s, wall ${seconds(wallNs)} s, memory ${(memoryBytes / MIB).toFixed(1)} MiB`;
  // AC means that it ran to its end with 0: nobody has compared its output with anything.
  const word = verdict === 'AC' ? 'ended' : VERDICTS[verdict].says;
  const warning = end.sandbox.some((one) => one.startsWith('NONE')) ? ' (NO SANDBOX)' : '';
  return `turno: ${word}: ${how}; ${figures}${warning}`;
}

const seconds = (ns: number) => (ns / NS_PER_S).toFixed(3);
