/** The table of errors, the page about it, and the messages made from it. */

import { readFileSync } from 'node:fs';
import { t } from 'tap';
import { ERRORS, type ErrorCode, TurnoError } from '../src/errors.js';

const PAGE = new URL('../../docs/errors.md', import.meta.url);

t.test('docs/errors.md has every code with its status, in the same order, and no other', async (t) => {
  const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| `(\w+)` \| (\d+) \| .+ \| .+ \|$/gm);
  const onPage = Array.from(rows, ([, code, status]) => [code, Number(status)]);
  t.strictSame(
    onPage,
    Object.entries(ERRORS).map(([code, { status }]) => [code, status]),
  );
});

t.test('a message has its details in their places, and keeps what caused it', async (t) => {
  const cause = new Error('why');
  const error = new TurnoError('TURNO_NOT_FOUND', { what: 'submission', id: 'x{what}' }, { cause });
  t.equal(error.message, 'submission x{what} not found.');
  t.match(error, { code: 'TURNO_NOT_FOUND', status: 404, cause });
});

t.test('a detail that is missing is told as such, not as "undefined"', async (t) => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) t.notMatch(new TurnoError(code).message, /undefined|\{/);
});
