/** A table with submissions and their files, as a server leaves them, for tests of retention. */

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Store } from '../../src/io/store.js';
import type { SubmissionRequest } from '../../src/io/transport.js';
import { Archive } from '../../src/server/archive.js';
import type { Row, Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import { hashOf, resultFor, submit } from '../shm/actor-jobs.js';

export interface Kept {
  readonly table: Table;
  readonly store: Store;
  readonly data: string;
  /** What was true before anything was archived, by arrival. */
  readonly truth: ReadonlyMap<number, { readonly id: string; readonly response: string }>;
}

/** `rows` submissions of two users: every ninth is not done, every fifth has a response in a file. */
export function fillKept(table: Table, rows: number): Kept {
  const data = dirname(table.path);
  const store = new Store(data, false);
  const users = ['Ada', 'Bob'].map((name) => table.addUser({ name, tokenHash: hashOf(name) }));
  const truth = new Map<number, { id: string; response: string }>();
  for (let n = 0; n < rows; n++) {
    const { row, arrival } = submit(table, users[n % 2] ?? 0);
    const id = idOf(table.read(row));
    store.saveRequest(id, requestOf(n));
    let response = '';
    if (n % 9 !== 8) {
      const content = Buffer.alloc(100 + ((n * 97) % 3_000), `${n};`);
      const isFile = n % 5 === 4;
      table.finish(row, {
        ...resultFor(row, n),
        response: isFile ? { file: store.saveResponse(id, content) } : content,
      });
      response = content.toString('base64');
    }
    truth.set(arrival, { id, response });
  }
  table.commit();
  return { table, store, data, truth };
}

function requestOf(n: number): SubmissionRequest {
  const files = [{ path: 'main.c', content: Buffer.from(`int main(void) { return ${n}; }`) }];
  if (n % 4 === 0) files.push({ path: 'lib/other.c', content: Buffer.from('int other;') });
  return { language: 'c', files, stdin: Buffer.from(`${n}`), args: [] } as unknown as SubmissionRequest;
}

/**
 * What is wrong with a table and its archive together: every submission must be in exactly one of them, whole, with its files
 * only where it is.
 */
export function problemsOfKept({ table, store, data, truth }: Kept): string[] {
  const archive = new Archive(data, table, store);
  const wrong: string[] = [];
  const seen = new Map<number, string>();
  for (const name of archive.files()) {
    for (const row of archive.read(name)) {
      if (seen.has(row.arrival)) wrong.push(`arrival ${row.arrival} is in ${seen.get(row.arrival)} and ${name}`);
      seen.set(row.arrival, name);
      const { response, request } = row as unknown as { response: string; request: { files: unknown[] } | null };
      if (response !== truth.get(row.arrival)?.response) wrong.push(`arrival ${row.arrival}: another response`);
      if ((request?.files.length ?? 0) === 0) wrong.push(`arrival ${row.arrival}: no sources`);
    }
  }
  for (const [arrival, { id, response }] of truth) {
    const row = table.rowOf(Buffer.from(id, 'hex'));
    if (seen.has(arrival) === (row !== undefined)) wrong.push(`arrival ${arrival}: ${row}, and ${seen.get(arrival)}`);
    if (row !== undefined && responseOf(table, store, row) !== response) wrong.push(`arrival ${arrival} has changed`);
    const part = join(data, 'sources', id.slice(0, 2));
    const files = existsSync(part) ? readdirSync(part).filter((name) => name.startsWith(id)) : [];
    const isThere = files.includes(`${id}.request`) && files.length === 2;
    if (row === undefined ? files.length > 0 || existsSync(join(data, 'responses', id.slice(0, 2), id)) : !isThere)
      wrong.push(`arrival ${arrival}: files ${files}`);
  }
  return wrong;
}

function responseOf(table: Table, store: Store, row: number): string {
  const response = table.response(rowIndex(row));
  if (response === undefined) return '';
  const bytes = response instanceof Uint8Array ? response : store.readResponse(response.file);
  return Buffer.from(bytes).toString('base64');
}

function idOf(row: Row | undefined): string {
  return Buffer.from(row?.id ?? []).toString('hex');
}
