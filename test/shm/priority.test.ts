/** The priority of a user: kept, journalled, and apart from the chain of the user's submissions. */

import t from 'tap';
import { problemsOf } from '../../src/shm/check.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';
import { losePower } from './power.js';

t.test('a change of priority is there after power was lost, and the submissions of the user too', async (t) => {
  const table = freshTable(t);
  const ada = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  const eve = table.addUser({ name: 'Eve', tokenHash: hashOf('eve'), priority: 7 });
  submit(table, ada);
  table.changeUser(ada, { priority: 3 });
  submit(table, ada);
  table.changeUser(ada, { priority: 4 });
  table.commit();
  for (const found of [table, losePower(t, table)]) {
    t.match(found.userByName('Ada'), { index: ada, priority: 4 });
    t.match(found.userByToken(hashOf('eve')), { index: eve, priority: 7 });
    t.equal(found.ofUser(ada, { limit: 9 }).length, 2);
    t.same([...problemsOf(found)], []);
  }
  checkpoint(table);
  table.changeUser(ada, { priority: 0 });
  table.commit();
  t.match(losePower(t, table).userByName('Ada'), { priority: 0 }, 'a change behind the snapshot');
  t.throws(() => table.changeUser(99, { priority: 1 }), RangeError);
});
