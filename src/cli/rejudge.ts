/** `turno rejudge ID` or `--problem ID`: judged once more behind live work; old and new answers are compared. */

import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import type { Client } from '../io/client.js';
import type { SubmissionReply } from '../io/reply-schema.js';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { plainTable } from './report.js';
import { untilDone } from './until-done.js';

interface Options {
  readonly server?: string;
  readonly problem?: string;
}

export function rejudgeCommand(context: Context): Command {
  return withServer(new Command('rejudge'))
    .description(
      'judge again, behind live work; old answers stay, differences are told (exit status 1 if there are any)',
    )
    .argument('[submission]', 'id of a submission')
    .option('--problem <id>', 'every submission for this problem')
    .action(async (id: string | undefined, options: Options) => {
      if ((id === undefined) === (options.problem === undefined)) {
        throw new TurnoError('TURNO_USAGE', { problem: 'Say which: the id of a submission, or --problem ID.' });
      }
      const client = await authenticatedClient(context, options);
      const pairs =
        options.problem === undefined
          ? [{ old: id ?? '', new: (await client.rejudge(id ?? '')).id }]
          : await client.rejudgeProblem(options.problem);
      const differences = await differencesIn(context, client, pairs);
      const summary = `${pairs.length} judged again, ${differences.length} different`;
      const table = plainTable(['user', 'submission', 'old', 'new', 'judged again as'], differences);
      print(context.out, differences.length === 0 ? summary : `${table}\n${summary}`);
      if (differences.length > 0) context.status = 1;
    });
}

async function differencesIn(context: Context, client: Client, pairs: readonly { old: string; new: string }[]) {
  const rows: string[][] = [];
  for (const pair of pairs) {
    const renewed = await untilDone(context, client, pair.new, false);
    const old = await client.show(pair.old);
    if (said(old) !== said(renewed)) rows.push([old.user, old.id, said(old), said(renewed), renewed.id]);
  }
  return rows;
}

function said({ verdict, score }: SubmissionReply): string {
  return `${verdict}${score === null ? '' : ` ${score}`}`;
}
