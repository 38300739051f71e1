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
import type { Context, Environment } from './context.js';
import { print } from './context.js';

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
    const commands = await program(context, args[0]);
    await commands.parseAsync([...args], { from: 'user' });
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

/** Each in a module of its own, loaded when it is asked for: a command, and the server, start without those of the others. */
const COMMANDS: Readonly<Record<string, () => Promise<(context: Context) => Command>>> = {
  check: async () => (await import('./check.js')).checkCommand,
  run: async () => (await import('./run.js')).runCommand,
  image: async () => (await import('./image.js')).imageCommand,
  table: async () => (await import('./table.js')).tableCommand,
  snapshot: async () => (await import('./snapshot.js')).snapshotCommand,
  user: async () => (await import('./user.js')).userCommand,
  register: async () => (await import('./register.js')).registerCommand,
  submit: async () => (await import('./submit.js')).submitCommand,
  languages: async () => (await import('./languages.js')).languagesCommand,
  batch: async () => (await import('./batch.js')).batchCommand,
  submissions: async () => (await import('./submissions.js')).submissionsCommand,
  show: async () => (await import('./show.js')).showCommand,
  get: async () => (await import('./get.js')).getCommand,
  cancel: async () => (await import('./cancel.js')).cancelCommand,
  list: async () => (await import('./list.js')).listCommand,
  shell: async () => (await import('./shell.js')).shellCommand,
  ctl: async () => (await import('./ctl.js')).ctlCommand,
  stress: async () => (await import('./stress.js')).stressCommand,
  client: async () => (await import('./client.js')).clientCommand,
  problem: async () => (await import('./problem.js')).problemCommand,
  scores: async () => (await import('./scores.js')).scoresCommand,
  rejudge: async () => (await import('./rejudge.js')).rejudgeCommand,
};

const VARIABLES = `Variables of commands that talk to a server:
  TURNO_SERVER  its address      TURNO_TOKEN  of a user, instead of the one that \`turno register\` keeps
  TURNO_DATA    the data directory, of commands that work on one

Exit status: 0 done (of submit and run: AC), 1 another verdict, or it was not done in full, 2 refused, or nobody answered.`;

/** The command that `word` names, or every command when it names none: a new one is a file and a line above. */
async function program(context: Context, word = 'serve'): Promise<Command> {
  const root = new Command('turno')
    .description('A code judge that takes turns. Without a command it serves.')
    .version(packageVersion(), '-V, --version', 'say which version of turno this is')
    .showSuggestionAfterError()
    .enablePositionalOptions();
  root.addCommand(serveCommand(context), { isDefault: true });
  const names = word === 'serve' ? [] : Object.hasOwn(COMMANDS, word) ? [word] : Object.keys(COMMANDS);
  for (const command of await Promise.all(names.map((name) => COMMANDS[name]?.()))) {
    if (command) root.addCommand(command(context));
  }
  const serve = root.commands[0];
  root.addHelpText('after', `\n${VARIABLES}`);
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
