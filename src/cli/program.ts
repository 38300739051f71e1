/**
 * The command line: all commands put together, and what their errors become.
 *
 * Exit status: 0 done (submit: AC), 1 another verdict, or the server ended badly, 2 a wrong command line or a refusal.
 */

import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { SETTING_NAMES, SETTINGS } from '../config.js';
import { TurnoError } from '../errors.js';
import { Refusal } from '../io/client.js';
import { didYouMean } from '../nearest.js';
import { optionOf, readSettings, refuseUnknownVariables } from '../read-settings.js';
import { appended } from './appended.js';
import { batchCommand } from './batch.js';
import { cancelCommand } from './cancel.js';
import { checkCommand } from './check.js';
import { clientCommand } from './client.js';
import type { Context, Environment } from './context.js';
import { print } from './context.js';
import { ctlCommand } from './ctl.js';
import { getCommand } from './get.js';
import { imageCommand } from './image.js';
import { languagesCommand } from './languages.js';
import { listCommand } from './list.js';
import { problemCommand } from './problem.js';
import { registerCommand } from './register.js';
import { rejudgeCommand } from './rejudge.js';
import { runCommand } from './run.js';
import { scoresCommand } from './scores.js';
import { shellCommand } from './shell.js';
import { showCommand } from './show.js';
import { snapshotCommand } from './snapshot.js';
import { stressCommand } from './stress.js';
import { submissionsCommand } from './submissions.js';
import { submitCommand } from './submit.js';
import { tableCommand } from './table.js';
import { userCommand } from './user.js';

const USAGE_STATUS = 2;

/**
 * Reads a command line and does what it says.
 * @param args without the interpreter and the script
 * @returns the exit status
 */
export async function main(
  args: readonly string[],
  environment: Environment,
  out: Context['out'] = process.stdout,
  err: Context['err'] = process.stderr,
): Promise<number> {
  const context: Context = { environment, out, err, status: 0 };
  try {
    refuseUnknownVariables(environment);
    await program(context).parseAsync([...args], { from: 'user' });
    return context.status;
  } catch (error) {
    // commander has printed its own message already; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_STATUS;
    const { message, code } = told(error);
    print(err, `turno: ${message} (${code})`);
    return USAGE_STATUS;
  }
}

/** What the user can do something about: refusals, and what the kernel refused. All else is a mistake of turno's and is thrown. */
function told(error: unknown): TurnoError | Refusal {
  if (error instanceof TurnoError || error instanceof Refusal) return error;
  const { code, syscall, path }: NodeJS.ErrnoException = error instanceof Error ? error : new Error();
  if (code === undefined || syscall === undefined) throw error;
  return TurnoError.from(error, path ?? 'a process');
}

const COMMANDS = [
  checkCommand,
  runCommand,
  imageCommand,
  tableCommand,
  snapshotCommand,
  userCommand,
  registerCommand,
  submitCommand,
  languagesCommand,
  batchCommand,
  submissionsCommand,
  showCommand,
  getCommand,
  cancelCommand,
  listCommand,
  shellCommand,
  ctlCommand,
  stressCommand,
  clientCommand,
  problemCommand,
  scoresCommand,
  rejudgeCommand,
];

/** Every command; a new one is a file and a line above. */
export function program(context: Context): Command {
  const root = new Command('turno')
    .description('A code judge that takes turns. Without a command it serves.')
    .version(packageVersion(), '-V, --version', 'say which version of turno this is')
    .showSuggestionAfterError()
    .enablePositionalOptions();
  root.addCommand(serveCommand(context), { isDefault: true });
  for (const command of COMMANDS) root.addCommand(command(context));
  const serve = root.commands[0];
  root.addHelpText('after', () => `\nSettings of the server (turno serve):\n${serve?.helpInformation() ?? ''}`);
  for (const command of [root, ...root.commands.flatMap((one) => [one, ...one.commands])]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(text),
    });
  }
  return root;
}

/** Read by the package's own name: compiled, this file lies at one depth for use and at another for tests. */
function packageVersion(): string {
  return (createRequire(import.meta.url)('turno/package.json') as { version: string }).version;
}

function serveCommand({ environment }: Context): Command {
  const command = new Command('serve').description('start the server; each setting is a flag and a variable');
  for (const name of SETTING_NAMES) {
    const { flags, description } = optionOf(name);
    if (SETTINGS[name].kind === 'list') command.option(flags, description, appended);
    else command.option(flags, description);
  }
  return command.allowExcessArguments().action(async (flags: Record<string, unknown>) => {
    // What is no command comes here, since serving is what is done without one.
    const [word] = command.args;
    if (word !== undefined) {
      const names = command.parent?.commands.map((one) => one.name()) ?? [];
      throw new TurnoError('TURNO_USAGE', { problem: `unknown command "${word}"${didYouMean(word, names)}` });
    }
    const settings = readSettings(flags, environment);
    // Loaded only now: the other commands start without the server's modules.
    const { serve } = await import('./serve.js');
    await serve(settings);
  });
}
