/** What becomes of requests that fail, for ways in that carry messages: what the client is told, and what the log. */

import { pino } from 'pino';
import { t } from 'tap';
import { TurnoError } from '../../src/errors.js';
import { Answers } from '../../src/io/answers.js';
import type { Operations } from '../../src/io/operations.js';

const nobody = () => {
  throw new TurnoError('TURNO_TOKEN_MISSING');
};

async function failing(error: Error) {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const run = async () => {
    throw error;
  };
  const operations = { names: ['ping'], has: () => true, run } as unknown as Operations;
  const { value } = await new Answers(operations, log).to({ op: 'ping' }, nobody);
  return { value, log: lines.join('') };
}

t.test('a disk that is full is logged in one line each time, not with a stack', async (t) => {
  const { value, log } = await failing(new TurnoError('TURNO_DISK_FULL', { path: 'x', wanted: 1 }));
  t.match(value, { error: { code: 'TURNO_DISK_FULL' } });
  t.match(log, /"level":40.*no space left/);
  t.notMatch(log, /"stack"/);
});

t.test('what nobody expected is logged with its stack, under the number the client is told', async (t) => {
  const { value, log } = await failing(new TypeError('a secret of the server'));
  t.match(value, { error: { code: 'TURNO_INTERNAL', message: /request \d+-m1/ } });
  t.notMatch(JSON.stringify(value), /secret/);
  t.match(log, /"level":50.*secret.*"stack"/);
});
