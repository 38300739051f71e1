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
      const screen = context.out as Partial<Screen>;
      do {
        const turns = await client.turns();
        const text = options.json ? JSON.stringify(turns) : turnsOf(turns);
        print(context.out, options.watch && screen.isTTY ? `${CLEAR_SCREEN}${asMuchAsFits(text, screen)}` : text);
        if (options.watch) await setTimeout(WATCH_PAUSE_MS);
      } while (options.watch);
    });
}

interface Screen {
  readonly isTTY: boolean;
  readonly rows: number;
  readonly columns: number;
}

/** What is more than the screen has room for would push out what is on top: who has the lanes. */
export function asMuchAsFits(text: string, { rows, columns }: Partial<Screen>): string {
  // A terminal that has not been told its size says 0.
  const lines = text.split('\n').map((line) => line.slice(0, columns || 80));
  const most = Math.max(2, (rows || 24) - 1); // the cursor stands in the last one
  if (lines.length <= most) return lines.join('\n');
  return [...lines.slice(0, most - 1), `... and ${lines.length - most + 1} more`].join('\n');
}
