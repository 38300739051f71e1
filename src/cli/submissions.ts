/** `turno submissions`: one's own, newest first. */

import { Command } from 'commander';
import { MAX_PAGE } from '../io/schema.js';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { integerOption } from './integer-option.js';
import { listOf } from './report.js';

interface ListOptions {
  readonly server?: string;
  readonly limit: string;
  readonly after?: string;
  readonly json?: true;
}

export function submissionsCommand(context: Context): Command {
  return withServer(new Command('submissions'))
    .description('list your submissions, newest first')
    .option('--limit <n>', `how many (1 to ${MAX_PAGE})`, '20')
    .option('--after <id>', 'go on after this one')
    .option('--json', 'print the page as JSON')
    .action(async (options: ListOptions) => {
      const limit = integerOption('--limit', options.limit, 1, MAX_PAGE);
      const client = await authenticatedClient(context, options);
      const page = await client.list({ limit, ...(options.after === undefined ? {} : { after: options.after }) });
      print(context.out, options.json ? JSON.stringify(page, undefined, 2) : listOf(page));
      if (page.next !== null && !options.json) print(context.err, `more: turno submissions --after ${page.next}`);
    });
}
