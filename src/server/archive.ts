/**
 * Archive files: what retention takes out of the table, for keeping elsewhere or for ever.
 *
 *     archive/00000001-rows-1-5000.ndjson.gz      number of the file, first and last arrival in it
 *
 * Gzip (several members one behind the other), and in it one JSON object a line, as `turno table dump` prints them: first the
 * users of these rows, then the rows. A row has two fields more: `request`, everything that was submitted (bytes in base64), null
 * when it is not there any more; and a response that was a file is here itself. A file appears under its name when it is
 * whole and synced, and is never changed afterwards.
 */

import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { makeDirectories } from '../io/make-directories.js';
import type { Store } from '../io/store.js';
import { type DumpedRow, dumpedRow, dumpedUser } from '../shm/dump.js';
import { faultPoint } from '../shm/fault-points.js';
import { syncDirectory } from '../shm/sync-directory.js';
import type { Row, Table } from '../shm/table.js';

/** Text of one gzip member, about. */
const MEMBER_CHARS = 1_048_576;
const NAME = /^(\d{8,})-rows-\d+-\d+\.ndjson\.gz$/;

/** What is read back of a row. */
export type ArchivedRow = Pick<DumpedRow, 'id' | 'arrival' | 'row'>;

export class Archive {
  readonly directory: string;
  readonly #table: Table;
  readonly #store: Store;

  constructor(dataDirectory: string, table: Table, store: Store) {
    this.directory = join(dataDirectory, 'archive');
    this.#table = table;
    this.#store = store;
  }

  /** Names of the files, oldest first. */
  files(): string[] {
    makeDirectories(this.directory);
    return readdirSync(this.directory)
      .filter((name) => NAME.test(name))
      .sort((a, b) => numberOf(a) - numberOf(b));
  }

  /** Files that were being written when their server died. */
  removeHalfWritten(): void {
    makeDirectories(this.directory);
    for (const name of readdirSync(this.directory)) {
      if (name.endsWith('.tmp')) rmSync(join(this.directory, name));
    }
  }

  /**
   * Writes rows, not empty, in order of arrival.
   * @returns the path, when the file lasts
   */
  write(rows: readonly Row[]): string {
    const number = String(numberOf(this.files().at(-1) ?? '0') + 1).padStart(8, '0');
    const path = join(this.directory, `${number}-rows-${rows[0]?.arrival}-${rows.at(-1)?.arrival}.ndjson.gz`);
    const fd = openSync(`${path}.tmp`, 'wx', 0o600);
    try {
      let text = '';
      for (const line of this.#lines(rows)) {
        text += `${line}\n`;
        if (text.length < MEMBER_CHARS) continue;
        writeWhole(fd, gzipSync(text));
        text = '';
      }
      writeWhole(fd, gzipSync(text));
      fsyncSync(fd);
    } catch (error) {
      rmSync(`${path}.tmp`, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
    faultPoint('archive.before-rename');
    renameSync(`${path}.tmp`, path);
    syncDirectory(this.directory);
    faultPoint('archive.after-rename');
    return path;
  }

  *#lines(rows: readonly Row[]): Generator<string> {
    for (const user of new Set(rows.map(({ user }) => user))) yield JSON.stringify(dumpedUser(this.#table, user));
    for (const row of rows) yield JSON.stringify({ row: this.#whole(row) });
  }

  #whole(row: Row): object {
    const dumped = dumpedRow(this.#table, row);
    const { response } = dumped;
    const content = response !== null && typeof response === 'object' ? this.#fileOf(response.file) : response;
    return { ...dumped, response: content, request: inText(this.#store.loadRequest(dumped.id) ?? null) };
  }

  #fileOf(path: string): string | { file: string } {
    try {
      return this.#store.readResponse(path).toString('base64');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return { file: path }; // somebody took it away: there is nothing to keep but its name
    }
  }

  /** The rows of a file. */
  read(name: string): ArchivedRow[] {
    const lines = gunzipSync(readFileSync(join(this.directory, name)))
      .toString()
      .split('\n');
    return lines.flatMap((line) => {
      const { row } = line === '' ? {} : (JSON.parse(line) as { row?: ArchivedRow });
      return row === undefined ? [] : [row];
    });
  }
}

function numberOf(name: string): number {
  return Number.parseInt(name, 10);
}

function writeWhole(fd: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
}

/** Bytes anywhere in a value become base64: Buffer's own toJSON() is a list of numbers. */
function inText(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(inText);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inText(inner)]));
}
