/** `turno check`: what this machine can do for the sandbox, tried for real by the cell itself. */

import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { flagOf, variableOf } from '../config.js';
import { cellBinary } from '../shm/native.js';
import { type Context, print } from './context.js';

export function checkCommand(context: Context): Command {
  return new Command('check')
    .description('try what this machine has for the sandbox; exit status 0 PASS, 1 CAUTION, 2 FAIL')
    .option(flagOf('unsafeNoSandbox'), 'as for a server that is started so: say what is lost')
    .action(({ unsafeNoSandbox }: { unsafeNoSandbox?: true }) => {
      const isUnsafe = unsafeNoSandbox ?? context.environment[variableOf('unsafeNoSandbox')] === 'true';
      const args = isUnsafe ? ['--check', 'unsafe'] : ['--check'];
      const { status, stdout, error } = spawnSync(cellBinary, args, { encoding: 'utf8' });
      if (error) throw error;
      for (const line of stdout.trim().split('\n')) print(context.out, sentence(line));
      context.status = status ?? 2;
    });
}

interface Fact {
  readonly fact: string;
  readonly status: string;
  readonly found: string;
  /** What is lost without it, and the command that mends it; empty when nothing is missing. */
  readonly costs: string;
  readonly remedy: string;
}

function sentence(line: string): string {
  const { fact, status, found, costs, remedy } = JSON.parse(line) as Fact;
  const rest = [costs && `costs: ${costs}`, remedy && `remedy: ${remedy}`].filter((part) => part !== '');
  return [`${status.padEnd(7)} ${fact}: ${found}`, ...rest].join('; ');
}
