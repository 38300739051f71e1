/** CSV: what is written is read again, and what others write is understood. */

import { t } from 'tap';
import { csvOf, recordsOfCsv } from '../../src/cli/csv.js';

t.test('what is written comes back, whatever is in it', async (t) => {
  const rows = [
    ['a,b', 'say "no"'],
    ['two\nlines', ''],
    ['', 'ünïcode'],
    ['1', '2.5'],
  ];
  t.strictSame(recordsOfCsv(csvOf(['x', 'y'], rows), 'it'), [['x', 'y'], ...rows]);
});

t.test('what others write is read: byte order mark, CRLF, blank lines, no final newline', async (t) => {
  t.strictSame(recordsOfCsv('\ufeffname , group\r\n\r\nada,1\r\n"b ""c""",\nlast', 'it'), [
    ['name', 'group'],
    ['ada', '1'],
    ['b "c"', ''],
    ['last'],
  ]);
  t.strictSame(recordsOfCsv('', 'it'), []);
});

t.test('a quote out of place is told with its line', async (t) => {
  t.throws(() => recordsOfCsv('a,b\nc,"d', 'it'), { code: 'TURNO_USAGE', message: /it: line 2/ });
  t.throws(() => recordsOfCsv('a"b,c', 'it'), { message: /line 1/ });
});

t.test('a name that a spreadsheet would take for a formula is no formula', async (t) => {
  t.equal(csvOf(['name'], [['=1+1'], [-1]]), "name\r\n'=1+1\r\n-1\r\n");
});
