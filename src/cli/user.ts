/**
 * `turno user NAME`: what the operator says of a user, on the data directory: whoever may write there is the operator. A
 * server may be running on it: then this process joins in the table as one of its fronts would, and the server goes by
 * the new word from the next submission on.
 */

import { closeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { SETTINGS } from '../config.js';
import { TurnoError } from '../errors.js';
import { Store } from '../io/store.js';
import { MAX_PRIORITY } from '../pool/turns.js';
import { DataDirectory, holdDirectory } from '../server/data-directory.js';
import { openTable, type Table } from '../shm/table.js';
import type { UserTerms } from '../shm/users.js';
import { hashOf, newToken } from '../token.js';
import { type Context, dataDirectoryOf, print } from './context.js';
import { pathIn } from './table.js';

const MAX_QUOTA = SETTINGS.maxQueued.max;

interface UserFlags extends Partial<UserTerms> {
  readonly data: string;
  readonly add?: true;
}

export function userCommand(context: Context): Command {
  return new Command('user')
    .description(
      'show a user of a data directory, register one, or say how far behind others a user goes, and how much at once',
    )
    .argument('<name>', 'name of the user')
    .option('--data <directory>', 'the data directory; a server may be running on it', dataDirectoryOf(context))
    .option(
      '--priority <n>',
      `0 = live, up to ${MAX_PRIORITY}: runs only when nobody with a lower number wants the lane`,
      parsePriority,
    )
    .option(
      '--quota <n>',
      'submissions the user may have unfinished at once; 0 = what --max-queued of the server says',
      parseQuota,
    )
    .option('--add', 'register the user, whatever --registration says, and print the token')
    .action(async (name: string, { data, add, ...terms }: UserFlags) => {
      await withTable(data, (table) => {
        if (add) print(context.out, `token ${register(table, name, terms)}`);
        const user = table.userByName(name);
        if (user === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'user', id: name });
        if (!add && Object.keys(terms).length > 0) table.changeUser(user.index, terms);
        table.commit();
        const { priority, quota } = table.user(user.index) ?? user;
        print(context.out, `user ${name}, priority ${priority}, quota ${quota}`);
      });
    });
}

/** @returns the token, which nobody can find out later */
function register(table: Table, name: string, terms: Partial<UserTerms>): string {
  const token = newToken();
  table.addUser({ name, tokenHash: hashOf(token), ...terms });
  return token;
}

function parsePriority(text: string): number {
  const priority = /^\d$/.test(text) ? Number(text) : Number.NaN;
  if (!(priority <= MAX_PRIORITY)) throw new InvalidArgumentError(`Expected an integer from 0 to ${MAX_PRIORITY}.`);
  return priority;
}

function parseQuota(text: string): number {
  const quota = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(quota <= MAX_QUOTA)) throw new InvalidArgumentError(`Expected an integer from 0 to ${MAX_QUOTA}.`);
  return quota;
}

/** The table of a directory: beside its server when one is running, alone otherwise. */
async function withTable(data: string, body: (table: Table) => void): Promise<void> {
  const path = pathIn(data);
  const directory = await lockUnlessServed(data);
  if (directory === undefined) return beside(path, body);
  try {
    const store = new Store(data, true);
    const table = openTable({
      path,
      create: true,
      onSource: (id, packed) => store.restoreRequest(Buffer.from(id).toString('hex'), packed),
    });
    try {
      body(table);
    } finally {
      table.closeClean();
    }
  } finally {
    await directory.unlock();
  }
}

async function lockUnlessServed(data: string): Promise<DataDirectory | undefined> {
  try {
    return await DataDirectory.lock(data, (error) => {
      throw error; // somebody removed the lock: better to stop in the middle, the journal has what was done
    });
  } catch (error) {
    if (error instanceof TurnoError && error.code === 'TURNO_DATA_LOCKED') return undefined;
    throw error;
  }
}

/** Holds the directory as a front does: should the server end meanwhile, the next one waits until we are through. */
function beside(path: string, body: (table: Table) => void): void {
  const held = holdDirectory(dirname(path));
  try {
    const table = openTable({ path, create: false });
    try {
      body(table);
    } finally {
      table.close();
    }
  } finally {
    closeSync(held);
  }
}
