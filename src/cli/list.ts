/** `turno list`: the programs alive, who has a lane and who waits for one; with `--watch` again and again. */

import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { turnsOf } from './report.js';

/** Several slices: what changes faster nobody reads. */
const WATCH_PAUSE_MS = 500;
const CLEAR_SCREEN = '\x1b[H\x1b[J';

interface ListOptions {
  readonly server?: string;
  readonly watch?: true;
  readonly json?: true;
}

export function listCommand(context: Context): Command {
  return withServer(new Command('list'))
    .description('list the programs alive: who has a lane, who waits for one')
    .option('--watch', 'go on showing it, until Ctrl-C')
    .option('--json', 'print it as JSON')
    .action(async (options: ListOptions) => {
      const client = await authenticatedClient(context, options);
      const isScreen = (context.out as { isTTY?: boolean }).isTTY === true;
      do {
        const turns = await client.turns();
        const text = options.json ? JSON.stringify(turns) : turnsOf(turns);
        print(context.out, options.watch && isScreen ? `${CLEAR_SCREEN}${text}` : text);
        if (options.watch) await setTimeout(WATCH_PAUSE_MS);
      } while (options.watch);
    });
}
