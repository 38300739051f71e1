/** What a Tab offers: commands, pids of living children, programs on the PATH, and paths. */

import { readdirSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { isExecutable } from './child.js';

/** @returns what the last word of the line may be, and that word, as node:readline wants it */
export function complete(line: string, commands: readonly string[], pids: readonly string[]): [string[], string] {
  const words = line.split(/\s+/);
  const last = words.at(-1) ?? '';
  const [command] = words;
  if (words.length === 1) return [commands.filter((name) => name.startsWith(last)).map((name) => `${name} `), last];
  if (command === 'term' || command === 'sig') return [pids.filter((pid) => pid.startsWith(last)), last];
  if (command !== 'exec') return [[], last];
  // The program itself is looked for on the PATH unless it has a slash: so nothing else is offered for it.
  return [words.length === 2 && !last.includes('/') ? programsLike(last) : pathsLike(last), last];
}

function programsLike(start: string): string[] {
  if (start === '') return []; // some thousand
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((directory) => namesIn(directory, start).filter((name) => isExecutable(join(directory, name))));
  return [...new Set(found)].map((name) => `${name} `);
}

function namesIn(directory: string, start: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.startsWith(start));
  } catch {
    return []; // PATH may name what is not there
  }
}

function pathsLike(start: string): string[] {
  const isDirectory = start.endsWith('/');
  const directory = isDirectory ? start : `${dirname(start)}/`;
  const prefix = start.includes('/') ? directory : '';
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.name.startsWith(isDirectory ? '' : basename(start)))
      .map((entry) => `${prefix}${entry.name}${entry.isDirectory() ? '/' : ' '}`);
  } catch {
    return []; // no such directory: nothing to offer
  }
}
