/** A token goes through a command line, a header and a spreadsheet as it is. */

import { t } from 'tap';
import { csvOf } from '../src/cli/csv.js';
import { newToken } from '../src/token.js';

t.test('a token stands in a CSV as it is, whatever it begins with', async (t) => {
  const tokens = Array.from({ length: 1000 }, newToken);
  t.equal(
    csvOf(
      ['token'],
      tokens.map((token) => [token]),
    ),
    ['token', ...tokens, ''].join('\r\n'),
  );
  t.equal(new Set(tokens).size, tokens.length, 'no two are equal');
});
