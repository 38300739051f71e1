/** `turno cancel ID`: ends a submission at once, wherever it is. */

import { Command } from 'commander';
import { authenticatedClient, type Context, print, withServer } from './context.js';

export function cancelCommand(context: Context): Command {
  return withServer(new Command('cancel'))
    .description('end a submission at once, wherever it is')
    .argument('<id>', 'id of the submission')
    .action(async (id: string, options: { server?: string }) => {
      const { verdict } = await (await authenticatedClient(context, options)).cancel(id);
      print(context.out, `${verdict}  submission ${id}`);
    });
}
