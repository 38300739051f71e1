/** `turno register NAME`: a user on the server, and its token in the owner's configuration. */

import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { connect } from '../io/connect.js';
import { type Context, credentialsOf, print, serverOf, withServer } from './context.js';

export function registerCommand(context: Context): Command {
  return withServer(new Command('register'))
    .description('register a user and keep the token')
    .argument('<name>', 'name of the user, unique on the server')
    .option('--invite <token>', 'the invitation, where the server wants one')
    .option('--replace', 'forget the token that is kept for this server: it cannot be shown again')
    .action(async (name: string, options: { server?: string; invite?: string; replace?: true }) => {
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
