/** What archived rows leave behind. */

import t from 'tap';
import { hashOf, resultFor, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';
import { losePower, sameRows } from './power.js';

/** From here on each new row takes two of the past along into the next level of the index (hash-index.ts). */
const BEFORE_NEXT_LEVEL = 2 ** 13;
const LEVEL = 16;

t.test('forgotten rows are not taken along when the index grows: their room has no keys any more', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < BEFORE_NEXT_LEVEL; n++) {
    const { row } = submit(table, user);
    table.finish(row, resultFor(row, n));
    table.archive(row);
  }
  table.forget();
  for (let n = 0; n < BEFORE_NEXT_LEVEL / 2; n++) submit(table, user);
  const { ids } = table.region.geometry;
  const chunk = table.region.chunk(ids, 0);
  const first = (chunk?.firstWord ?? 0) + 2 ** LEVEL;
  t.equal(
    chunk?.words.subarray(first, first + 2 ** LEVEL).findIndex((entry) => entry !== 0),
    -1,
  );
  table.commit();
  sameRows(t, losePower(t, table), table);
});
