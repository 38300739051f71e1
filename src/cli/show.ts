/** `turno show ID`: all that is known of a submission. */

import { Command } from 'commander';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { reportOf } from './report.js';

export function showCommand(context: Context): Command {
  return withServer(new Command('show'))
    .description('show a submission: verdict, times, output, tests')
    .argument('<id>', 'id of the submission')
    .option('--json', 'print the whole reply as JSON')
    .action(async (id: string, options: { server?: string; json?: true }) => {
      const reply = await (await authenticatedClient(context, options)).show(id);
      print(context.out, options.json ? JSON.stringify(reply, undefined, 2) : reportOf(reply));
    });
}
