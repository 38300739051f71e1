/** `turno submit FILE`: sends a program, waits, shows what became of it. Exit status 0 only for AC. */

import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import type { Client } from '../io/client.js';
import type { SubmissionBody } from '../io/schema.js';
import { CHECKER_KINDS } from '../judging/checkers/checker.js';
import { appended } from './appended.js';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { testsOf } from './problem-package.js';
import { reportOf } from './report.js';
import { bytesOfFile, filesOf, languageOfFile } from './submission-files.js';
import { untilDone } from './until-done.js';

const LIMIT_OPTIONS = [
  ['--cpu-time-ms <ms>', 'CPU time'],
  ['--wall-time-ms <ms>', 'time running or sleeping'],
  ['--memory-mib <MiB>', 'memory'],
  ['--processes <n>', 'processes and threads at once'],
  ['--output-kib <KiB>', 'stdout and stderr, each'],
  ['--file-size-kib <KiB>', 'largest file written'],
  ['--stack-kib <KiB>', 'stack of the main thread'],
  ['--open-files <n>', 'open files of each process'],
] as const;

interface SubmitOptions {
  readonly server?: string;
  readonly language?: string;
  readonly stdin?: string;
  readonly expected?: string;
  readonly checker?: string;
  readonly problem?: string;
  readonly tests?: string;
  readonly epsilon?: string;
  readonly arg?: string[];
  readonly fresh?: true;
  readonly json?: true;
  readonly cpuTimeMs?: string;
  readonly wallTimeMs?: string;
  readonly memoryMib?: string;
  readonly processes?: string;
  readonly outputKib?: string;
  readonly fileSizeKib?: string;
  readonly stackKib?: string;
  readonly openFiles?: string;
}

export function submitCommand(context: Context): Command {
  const command = withServer(new Command('submit'))
    .description('submit a program, wait, and show its verdict (exit status 0 only for AC)')
    .argument('<file>', 'the program; its directory is the root of the others')
    .argument('[others...]', 'more files of it')
    .option('--language <id>', 'default: by the extension')
    .option('--stdin <file>', 'standard input; - is the standard input of this command')
    .option('--expected <file>', 'what it should write to stdout: the verdict is then about the answer too')
    .option(`--checker <${CHECKER_KINDS.join('|')}>`, 'how that is compared (default token)')
    .option('--epsilon <number>', 'for float: largest difference, absolute or relative (default 1e-6)')
    .option('--arg <text>', 'an argument of the program; may be repeated', appended)
    .option('--fresh', 'start each run anew, none from a template')
    .option('--problem <id>', 'judge it by this problem of the server')
    .option('--tests <package>', 'judge it by the tests of a folder or zip: a package, or *.in with *.out or *.ans')
    .option('--json', 'print the whole reply as JSON');
  for (const [flags, description] of LIMIT_OPTIONS) command.option(flags, `limit: ${description}`);
  return command.action(async (file: string, others: string[], options: SubmitOptions) => {
    const client = await authenticatedClient(context, options);
    refuseTogether(options);
    const done = await judged(context, client, file, others, options);
    print(context.out, options.json ? JSON.stringify(done, undefined, 2) : reportOf(done));
    context.status = done.verdict === 'AC' ? 0 : 1;
  });
}

async function bodyOf(client: Client, file: string, others: string[], options: SubmitOptions): Promise<SubmissionBody> {
  const { files, main } = filesOf(file, others);
  const language = options.language ?? languageOfFile(file, await client.languages());
  const limits = limitsOf(options);
  const stdin = options.stdin === undefined ? undefined : bytesOfFile(options.stdin).toString('base64');
  const fresh = options.fresh ? { fresh: true } : {};
  const body = { language, files, main, args: options.arg ?? [], ...fresh, ...(limits ? { limits } : {}) };
  if (options.tests !== undefined) {
    const tests = testsOf(options.tests, options.checker);
    return { ...body, ...tests, limits: { ...tests.limits, ...limits } };
  }
  if (options.expected === undefined) {
    const given = (['checker', 'epsilon'] as const).find((name) => options[name] !== undefined);
    if (given !== undefined) {
      throw new TurnoError('TURNO_USAGE', { problem: `--${given} needs --expected: there is nothing to compare.` });
    }
    return { ...body, ...(stdin === undefined ? {} : { stdinBase64: stdin }) };
  }
  const expectedBase64 = bytesOfFile(options.expected).toString('base64');
  // What is not one of the kinds is for the server to refuse: it knows them all.
  const kind = (options.checker ?? 'token') as (typeof CHECKER_KINDS)[number];
  const epsilon = options.epsilon === undefined ? {} : { epsilon: numberOf('--epsilon', options.epsilon) };
  const test = { expectedBase64, ...(stdin === undefined ? {} : { stdinBase64: stdin }) };
  return { ...body, tests: [test], checker: { kind, ...epsilon } };
}

/** Bounds are the server's to say; here only text becomes a number. */
function limitsOf(options: SubmitOptions): SubmissionBody['limits'] | undefined {
  const given = {
    cpuTimeMs: ['--cpu-time-ms', options.cpuTimeMs],
    wallTimeMs: ['--wall-time-ms', options.wallTimeMs],
    memoryMiB: ['--memory-mib', options.memoryMib],
    processes: ['--processes', options.processes],
    outputKiB: ['--output-kib', options.outputKib],
    fileSizeKiB: ['--file-size-kib', options.fileSizeKib],
    stackKiB: ['--stack-kib', options.stackKib],
    openFiles: ['--open-files', options.openFiles],
  } as const;
  const entries = Object.entries(given).flatMap(([name, [flag, text]]) =>
    text === undefined ? [] : [[name, numberOf(flag, text)] as const],
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function numberOf(flag: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new TurnoError('TURNO_SETTING', { name: flag, problem: `expected a number, got ${JSON.stringify(text)}` });
}

const ALONE = ['problem', 'tests', 'expected'] as const;
const NOT_FOR_A_PROBLEM = [
  'stdin',
  'checker',
  'epsilon',
  'arg',
  'fresh',
  'cpuTimeMs',
  'wallTimeMs',
  'memoryMib',
  'processes',
  'outputKib',
  'fileSizeKib',
  'stackKib',
  'openFiles',
] as const;

/** Each test has its own input; a package says how its outputs are compared. */
const NOT_FOR_TESTS = ['stdin', 'epsilon'] as const;

/** What a program is judged by is said once, and nothing is said that would not count. */
function refuseTogether(options: SubmitOptions): void {
  const [first, second] = ALONE.filter((name) => options[name] !== undefined);
  const excluded = { problem: NOT_FOR_A_PROBLEM, tests: NOT_FOR_TESTS, expected: [] };
  const other = (first === undefined ? [] : excluded[first]).find((name) => options[name] !== undefined);
  const words = second ?? other;
  if (words === undefined) return;
  const flag = words.replace(/([A-Z])/g, (letter) => `-${letter.toLowerCase()}`);
  throw new TurnoError('TURNO_USAGE', { problem: `--${flag} is not for use together with --${first}.` });
}

/** Sends it without waiting, so that its id is known from the start, and asks until it is done. */
async function judged(context: Context, client: Client, file: string, others: string[], options: SubmitOptions) {
  if (options.problem !== undefined) {
    const { files, main } = filesOf(file, others);
    const language = options.language ?? languageOfFile(file, await client.languages());
    const { id } = await client.submitToProblem(options.problem, { language, files, main }, { wait: false });
    return untilDone(context, client, id, true);
  }
  const body = await bodyOf(client, file, others, options);
  const { id } = await client.submit(body, { wait: false });
  return untilDone(context, client, id, (body.tests?.length ?? 0) > 1);
}
