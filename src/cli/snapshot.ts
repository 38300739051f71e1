/** `turno snapshot [data]`: asks the server of a data directory, by SIGUSR2, for a snapshot of its table, and prints its path. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { outcomePath, type SnapshotOutcome } from '../server/caretaker.js';
import { livingOwner } from '../server/data-directory.js';
import { snapshotDirectory } from '../shm/rebuilding.js';
import { type Context, dataDirectoryOf, print } from './context.js';

const LOOK_MS = 20;

export function snapshotCommand(context: Context): Command {
  return new Command('snapshot')
    .description('have the running server write a snapshot of its table, and print its path')
    .argument('[data]', 'the data directory it serves', dataDirectoryOf(context))
    .action(async (data: string) => snapshot(context, resolve(data)));
}

async function snapshot(context: Context, data: string): Promise<void> {
  const directory = snapshotDirectory(join(data, 'table.turno'));
  const before = outcomeIn(directory)?.number;
  process.kill(serverOf(data), 'SIGUSR2');
  for (;;) {
    // Asked before the outcome is read: a server that has ended in between has said its last word.
    serverOf(data);
    const outcome = outcomeIn(directory);
    if (outcome !== undefined && outcome.number !== before) {
      if (outcome.path === undefined) {
        context.status = 1;
        print(context.err, `turno: no snapshot: ${outcome.problem}`);
      } else print(context.out, outcome.path);
      return;
    }
    await delay(LOOK_MS);
  }
}

/** @throws TURNO_NOT_FOUND when no server runs there */
function serverOf(data: string): number {
  const pid = livingOwner(data)?.pid;
  if (pid === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'server of', id: data });
  return pid;
}

function outcomeIn(directory: string): SnapshotOutcome | undefined {
  try {
    return JSON.parse(readFileSync(outcomePath(directory), 'utf8')) as SnapshotOutcome;
  } catch (error) {
    // No JSON: on a full disk it is written over in place, and we look in the middle of it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
