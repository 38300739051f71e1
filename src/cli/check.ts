/**
 * `turno check`: what this machine can do for the sandbox, tried for real by the cell itself. Each line is a fact; what mends
 * one stands below it, alone on its line: it can be copied into a shell.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { findLanguages } from '../languages/registry.js';
import { flagOf, variableOf } from '../read-settings.js';
import { cellBinary } from '../shm/native.js';
import { type Context, print } from './context.js';

export function checkCommand(context: Context): Command {
  return new Command('check')
    .description(
      'try what this machine has for the sandbox, and say what mends it; exit status 0 PASS, 1 CAUTION, 2 FAIL',
    )
    .option(flagOf('unsafeNoSandbox'), 'as for a server that is started so: say what is lost')
    .action(async ({ unsafeNoSandbox }: { unsafeNoSandbox?: true }) => {
      const isUnsafe = unsafeNoSandbox ?? context.environment[variableOf('unsafeNoSandbox')] === 'true';
      const args = isUnsafe ? ['--check', 'unsafe'] : ['--check'];
      const { status, stdout, error } = spawnSync(cellBinary, args, { encoding: 'utf8' });
      if (error) throw error;
      for (const line of stdout.trim().split('\n')) print(context.out, sentence(line));
      // What is not there is no defect: a server offers what it finds.
      const { offered, absent } = await findLanguages(context.environment.PATH ?? '');
      for (const { id, tool } of offered) print(context.out, `PASS    language ${id}: ${tool.version}, ${tool.path}`);
      for (const { id, reason } of absent) {
        const command = installOf(id);
        const words = `PASS    language ${id}: not offered, ${reason}`;
        print(context.out, command === undefined ? words : `${words}:\n${command}`);
      }
      context.status = status ?? 2;
    });
}

/** What Debian calls the tools of a language. */
const PACKAGES: Readonly<Record<string, string>> = {
  c: 'gcc libc6-dev',
  cpp: 'g++',
  cpp17: 'g++',
  cpp23: 'g++',
  python: 'python3',
  javascript: 'nodejs',
  java: 'default-jdk-headless',
  go: 'golang-go',
  rust: 'rustc gcc libc6-dev',
  bash: 'bash',
};

/** A line for a shell that gets the tools of a language; undefined where none is known. */
function installOf(language: string): string | undefined {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  if (language === 'typescript') return `${sudo}npm install --global typescript`;
  const packages = PACKAGES[language];
  if (packages === undefined || !existsSync('/usr/bin/apt-get')) return undefined;
  return `${sudo}apt-get install -y ${packages}`;
}

interface Fact {
  readonly fact: string;
  readonly status: string;
  readonly found: string;
  /** What is lost without it, and what to do; empty when nothing is missing. */
  readonly costs: string;
  readonly remedy: string;
  /** That as a line for a shell; empty where nothing that can be typed helps. */
  readonly command: string;
}

function sentence(line: string): string {
  const { fact, status, found, costs, remedy, command } = JSON.parse(line) as Fact;
  const rest = [costs && `costs: ${costs}`, remedy && `remedy: ${remedy}`].filter((part) => part !== '');
  const words = [`${status.padEnd(7)} ${fact}: ${found}`, ...rest].join('; ');
  return command === '' ? words : `${words}:\n${command}`;
}
