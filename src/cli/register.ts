/** `turno register NAME`: a user on the server, and its token in the owner's configuration. */

import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { connect } from '../io/connect.js';
import { type Context, credentialsOf, print, serverOf, withServer } from './context.js';
import { registerRoster } from './roster.js';

interface RegisterOptions {
  readonly server?: string;
  readonly invite?: string;
  readonly replace?: true;
  readonly roster?: string;
}

export function registerCommand(context: Context): Command {
  return withServer(new Command('register'))
    .description('register a user and keep the token')
    .argument('[name]', 'name of the user, unique on the server')
    .option('--roster <csv>', 'a user for each line of a file; prints name,token as CSV and keeps none')
    .option('--invite <token>', 'the invitation, where the server wants one')
    .option('--replace', 'forget the token that is kept for this server: it cannot be shown again')
    .action(async (name: string | undefined, options: RegisterOptions) => {
      if ((name === undefined) === (options.roster === undefined)) {
        throw new TurnoError('TURNO_USAGE', { problem: 'Say who: a name, or --roster FILE.' });
      }
      if (name === undefined) return rosterOf(context, options);
      const server = serverOf(context, options);
      const credentials = credentialsOf(context);
      const kept = credentials.of(server);
      if (kept !== undefined && options.replace === undefined) {
        const problem = `The token of "${kept.name}" for ${server} is kept in ${credentials.path}. --replace forgets it.`;
        throw new TurnoError('TURNO_USAGE', { problem });
      }
      const user = await (await connect(server)).register(name, options.invite);
      credentials.keep(server, user);
      print(context.out, `registered ${user.name} at ${server}; the token is kept in ${credentials.path}`);
    });
}

async function rosterOf(context: Context, options: RegisterOptions): Promise<void> {
  const client = await connect(serverOf(context, options));
  const { count, known } = await registerRoster(client, options.roster ?? '', options.invite, (line) => {
    print(context.out, line);
  });
  const passedOver = known.length === 0 ? '' : `; registered already: ${known.join(', ')}`;
  print(context.err, `registered ${count}${passedOver}`);
}
