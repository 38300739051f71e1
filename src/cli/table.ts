/**
 * `turno table check|dump|compact|restore`: looks at, or mends, the table of a data directory on which no server runs.
 */

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { Store } from '../io/store.js';
import { DataDirectory } from '../server/data-directory.js';
import { problemsOf } from '../shm/check.js';
import { dumpTable } from '../shm/dump.js';
import { compactTable, restoreTable } from '../shm/open.js';
import { openTable, type Table } from '../shm/table.js';
import { type Context, dataDirectoryOf, print } from './context.js';

export function tableCommand(context: Context): Command {
  const command = new Command('table').description(
    'check, dump, compact or restore the table of a directory nobody serves',
  );
  const add = (name: string, description: string, action: (data: string) => void | Promise<void>) =>
    command
      .command(name)
      .description(description)
      .argument('[data]', 'the data directory', dataDirectoryOf(context))
      .action(async (data: string) => action(data));
  add('check', 'say what is wrong and where; exit status 1 if anything is', (data) => check(context, data));
  add('dump', 'print every row as a line of JSON', (data) => dump(context, data));
  add('compact', 'give back the room of rows and answers that are no longer used', (data) => compact(context, data));
  add('restore', 'build the table again from the last snapshot and the journal', (data) => restore(context, data));
  return command;
}

function check(context: Context, data: string): void {
  withTable(data, (table) => {
    let count = 0;
    for (const { what, offset } of problemsOf(table)) {
      count++;
      print(context.out, `at byte ${offset}: ${what}`);
    }
    const { rows, users } = table.counts();
    print(context.out, `${count === 0 ? 'sound' : `${count} problems`}: ${rows} rows, ${users} users`);
    if (count > 0) context.status = 1;
  });
}

function dump(context: Context, data: string): void {
  withTable(data, (table) => {
    for (const line of dumpTable(table)) print(context.out, line);
  });
}

async function compact(context: Context, data: string): Promise<void> {
  await alone(data, () => {
    const { before, after } = compactTable(pathIn(data));
    print(context.out, `${before} bytes before, ${after} after`);
  });
}

async function restore(context: Context, data: string): Promise<void> {
  await alone(data, () => {
    const store = new Store(data, true);
    const aside = restoreTable({
      path: join(data, 'table.turno'),
      onSource: (id, packed) => store.restoreRequest(Buffer.from(id).toString('hex'), packed),
      onArchived: (id) => store.removeSubmission(Buffer.from(id).toString('hex')),
      onRepair: (message) => print(context.out, message),
    });
    print(context.out, `restored${aside === undefined ? '' : `; the old file is ${aside}`}`);
  });
}

/** With the lock a server would take: no server runs on the directory, and none starts meanwhile. */
async function alone(data: string, body: () => void): Promise<void> {
  if (!existsSync(data)) throw new TurnoError('TURNO_NOT_FOUND', { what: 'data directory', id: data });
  const directory = await DataDirectory.lock(data, (error) => {
    throw error; // somebody removed the lock: better to stop in the middle, the old file is there
  });
  try {
    body();
  } finally {
    await directory.unlock();
  }
}

function withTable(data: string, body: (table: Table) => void): void {
  const table = openTable({ path: pathIn(data), create: false });
  try {
    body(table);
  } finally {
    table.close();
  }
}

/** @throws TURNO_NOT_FOUND: a directory that was mistyped must not be made */
export function pathIn(data: string): string {
  const path = join(data, 'table.turno');
  // Other than existsSync() it says when somebody else's directory may not be looked into.
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new TurnoError('TURNO_NOT_FOUND', { what: 'table', id: path });
  return path;
}
