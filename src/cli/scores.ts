/** `turno scores PROBLEM`: of each user the best submission, as a table or as CSV. */

import { Command } from 'commander';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { csvOf } from './csv.js';
import { plainTable } from './report.js';

const HEAD = ['user', 'verdict', 'score', 'tests passed', 'submissions', 'sent', 'submission'];

export function scoresCommand(context: Context): Command {
  return withServer(new Command('scores'))
    .description("of each user the best submission for a problem (the operator's, or the problem's owner's to see)")
    .argument('<problem>', 'id of the problem')
    .option('--csv', 'print it as CSV')
    .action(async (id: string, options: { server?: string; csv?: true }) => {
      const { scores } = await (await authenticatedClient(context, options)).scores(id);
      const rows = scores.map(({ user, verdict, score, testsPassed, submissions, sentAt, best }) => {
        return [user, verdict ?? '', score ?? '', testsPassed, submissions, sentAt, best];
      });
      print(context.out, options.csv ? csvOf(HEAD, rows) : plainTable(HEAD, rows));
    });
}
