/** `turno problem add|list|show|remove|verify`: problems of the server, and packages before they are. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import type { ProblemReply } from '../io/reply-schema.js';
import { zipOf } from '../problems/package-files.js';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { packageAt } from './problem-package.js';
import { problemOf, problemsOf, verificationOf } from './problem-report.js';
import { verify } from './problem-verify.js';

interface Options {
  readonly server?: string;
  readonly id?: string;
  readonly json?: true;
}

export function problemCommand(context: Context): Command {
  return new Command('problem')
    .description('problems: packages of tests, checker and reference submissions')
    .addCommand(addCommand(context))
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(verifyCommand(context));
}

function addCommand(context: Context): Command {
  return withServer(new Command('add'))
    .description('add a problem to the server, or a new revision of it (TURNO_TOKEN: the one in operator.token)')
    .argument('<package>', 'a folder or a zip archive')
    .option('--id <id>', 'default: the name of folder or archive')
    .action(async (path: string, options: Options) => {
      const { id, files } = packageAt(path);
      const client = await authenticatedClient(context, options);
      const reply = await client.addProblem(zipOf(files), { id: options.id ?? id });
      print(context.out, `added ${reply.id}: ${reply.title}, ${reply.tests} tests`);
      if (!reply.hasTimeLimit) {
        const limit = `${reply.limits.cpuTimeMs} ms of CPU`;
        print(context.err, `no time limit given: ${limit}. turno problem verify ${path} finds one.`);
      }
    });
}

function listCommand(context: Context): Command {
  return withServer(new Command('list'))
    .description('list the problems of the server')
    .option('--json', 'print them as JSON')
    .action(async (options: Options) => {
      const problems = await (await authenticatedClient(context, options)).problems();
      print(context.out, options.json ? JSON.stringify(problems, undefined, 2) : problemsOf(problems));
    });
}

function showCommand(context: Context): Command {
  return withServer(new Command('show'))
    .description('show a problem: its text, limits and samples')
    .argument('<id>', 'id of the problem')
    .option('--json', 'print it as JSON, without the text')
    .action(async (id: string, options: Options) => {
      const client = await authenticatedClient(context, options);
      const problem = await client.problem(id);
      const samples = await client.samples(id);
      if (options.json) return print(context.out, JSON.stringify({ ...problem, samples }, undefined, 2));
      print(context.out, problemOf(problem, samples, await textOf(problem)));

      async function textOf({ statement }: ProblemReply): Promise<string> {
        if (statement === null) return '';
        if (/\.pdf$/i.test(statement)) return `(the text is ${statement}: GET /v1/problems/${id}/statement)\n`;
        return (await client.statement(id)).content.toString();
      }
    });
}

function removeCommand(context: Context): Command {
  return withServer(new Command('remove'))
    .description('remove a problem with its tests; answers for it stay')
    .argument('<id>', 'id of the problem')
    .action(async (id: string, options: Options) => {
      await (await authenticatedClient(context, options)).removeProblem(id);
      print(context.out, `removed ${id}`);
    });
}

function verifyCommand(context: Context): Command {
  return withServer(new Command('verify'))
    .description('judge every reference submission of a package, and say where verdict and folder disagree (status 1)')
    .argument('<package>', 'a folder or a zip archive; nothing of it stays on the server')
    .option('--json', 'print the result as JSON')
    .action(async (path: string, options: Options) => {
      const local = packageAt(path);
      const result = await verify(context, await authenticatedClient(context, options), local);
      if (result.timeLimit?.isNew && result.timeLimit.isSure && local.isFolder) {
        writeFileSync(join(path, '.timelimit'), `${result.timeLimit.seconds}\n`);
      }
      print(context.out, options.json ? JSON.stringify(result, undefined, 2) : verificationOf(result, local));
      if (!result.isGood) context.status = 1;
    });
}
