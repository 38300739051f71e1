/**
 * `turno register --roster students.csv`: a user for each line of a CSV file, and their tokens as CSV.
 *
 * The name of a user is the column `name`, `user`, `username` or `login`, else the first one. Who is registered already is told and passed over,
 * so that a roster can be used again when somebody has joined.
 */

import { TurnoError } from '../errors.js';
import { type Client, Refusal } from '../io/client.js';
import { csvOf, recordsOfCsv } from './csv.js';
import { bytesOfFile } from './submission-files.js';

const NAME_COLUMNS = ['name', 'user', 'username', 'login'];

export interface Registered {
  readonly count: number;
  /** Names that were there already. */
  readonly known: readonly string[];
}

/**
 * @param onLine a line of the CSV name,token, its head first; each as soon as it is known: nobody is told a token twice
 * @throws TURNO_USAGE for a file without names, Refusal for a name the server does not take: those before it are registered
 */
export async function registerRoster(
  client: Client,
  path: string,
  invite: string | undefined,
  onLine: (line: string) => void,
): Promise<Registered> {
  const names = namesIn(path);
  const known: string[] = [];
  onLine(csvOf(['name', 'token'], []));
  for (const name of names) {
    try {
      onLine(csvOf([name, (await client.register(name, invite)).token], []));
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'TURNO_USER_EXISTS') throw error;
      known.push(name);
    }
  }
  return { count: names.length - known.length, known };
}

function namesIn(path: string): string[] {
  const [head = [], ...records] = recordsOfCsv(bytesOfFile(path).toString('utf8'), path);
  const [only = ''] = head;
  if (head.length === 1 && /[;\t]/.test(only)) {
    throw new TurnoError('TURNO_USAGE', { problem: `${path}: expected commas between columns, found "${only}".` });
  }
  const column = head.findIndex((title) => NAME_COLUMNS.includes(title.toLowerCase()));
  const rows = column < 0 ? [head, ...records] : records;
  const names = rows.map((record) => record[Math.max(0, column)] ?? '').filter((name) => name !== '');
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new TurnoError('TURNO_USAGE', { problem: `${path}: "${twice}" is there twice.` });
  if (names.length === 0) throw new TurnoError('TURNO_USAGE', { problem: `${path}: expected a name in each line.` });
  return names;
}
