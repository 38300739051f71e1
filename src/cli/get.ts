/** `turno get ID --source|--executable|--output`: a file of a submission, byte for byte, to stdout or into a file. */

import { Command, Option } from 'commander';
import { TurnoError } from '../errors.js';
import type { Client } from '../io/client.js';
import { authenticatedClient, type Context, withServer } from './context.js';
import { writeFile } from './write-file.js';

const WHAT = ['source', 'executable', 'output'] as const;

interface GetOptions {
  readonly server?: string;
  readonly source?: true;
  readonly executable?: true;
  readonly output?: true;
  readonly to?: string;
}

export function getCommand(context: Context): Command {
  const others = (name: string) => WHAT.filter((one) => one !== name);
  const option = (name: (typeof WHAT)[number], help: string) => new Option(`--${name}`, help).conflicts(others(name));
  return withServer(new Command('get'))
    .description('get a file of a submission')
    .argument('<id>', 'id of the submission')
    .addOption(option('source', 'what was submitted; several files come as a tar archive'))
    .addOption(option('executable', 'the compiled program'))
    .addOption(option('output', 'what it wrote to stdout'))
    .option('--to <file>', 'where to write it (default: stdout)')
    .action(async (id: string, options: GetOptions) => {
      const what = WHAT.find((one) => options[one] === true);
      if (what === undefined)
        throw new TurnoError('TURNO_USAGE', { problem: 'Say which: --source, --executable or --output.' });
      const content = await contentOf(await authenticatedClient(context, options), id, what);
      if (options.to === undefined) context.out.write(content);
      else writeFile(options.to, content);
    });
}

async function contentOf(client: Client, id: string, what: (typeof WHAT)[number]): Promise<Buffer> {
  if (what === 'source') return (await client.source(id)).content;
  if (what === 'executable') return (await client.executable(id)).content;
  const { stdout, stdoutBase64 } = await client.show(id);
  return stdoutBase64 === undefined ? Buffer.from(stdout) : Buffer.from(stdoutBase64, 'base64');
}
