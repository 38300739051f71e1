/** `turno languages`: what the server can judge, and why not the rest. */

import { Command } from 'commander';
import { connect } from '../io/connect.js';
import type { LanguageReply } from '../io/reply-schema.js';
import { type Context, print, serverOf, withServer } from './context.js';

export function languagesCommand(context: Context): Command {
  return withServer(new Command('languages'))
    .description('list the languages of the server, with their versions, and why others are not there')
    .option('--json', 'print it as JSON')
    .action(async (options: { server?: string; json?: true }) => {
      const client = await connect(serverOf(context, options));
      const reply = await client.languagesAndAbsent();
      await client.close();
      print(context.out, options.json ? JSON.stringify(reply) : tableOf(reply));
    });
}

function tableOf({ languages, absent }: LanguageReply): string {
  const offered = languages.map(({ id, extension, version, name }) => [id, extension, version, name]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...offered.map((row) => row[column]?.length ?? 0)));
  const lines = offered.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [...lines, ...absent.map(({ id, reason }) => `${id}: not offered: ${reason}`)].join('\n');
}
