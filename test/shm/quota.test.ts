/** The quota of a user: kept beside the priority, journalled, and still there after the table was made anew. */

import t from 'tap';
import { problemsOf } from '../../src/shm/check.js';
import { dumpTable } from '../../src/shm/dump.js';
import { compactTable, restoreTable } from '../../src/shm/open.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { openTable } from '../../src/shm/table.js';
import { hashOf, submit } from './actor-jobs.js';
import { freshTable } from './fresh-table.js';
import { losePower } from './power.js';

t.test('a change of quota is there after power was lost, and nothing else of the user has changed', async (t) => {
  const table = freshTable(t);
  const ada = table.addUser({ name: 'Ada', tokenHash: hashOf('ada'), priority: 2 });
  const eve = table.addUser({ name: 'Eve', tokenHash: hashOf('eve'), quota: 100_000_000 });
  const bob = table.addUser({ name: 'Bob', tokenHash: hashOf('bob') });
  submit(table, ada);
  table.changeUser(ada, { quota: 5 });
  table.changeUser(eve, { priority: 3 });
  submit(table, ada);
  table.commit();
  for (const found of [table, losePower(t, table)]) {
    t.same(found.userByToken(hashOf('ada')), { index: ada, name: 'Ada', priority: 2, quota: 5 });
    t.same(found.userByName('Eve'), { index: eve, name: 'Eve', priority: 3, quota: 100_000_000 });
    t.same(found.userByName('Bob'), { index: bob, name: 'Bob', priority: 0, quota: 0 });
    t.equal(found.ofUser(ada, { limit: 9 }).length, 2);
    t.same([...problemsOf(found)], []);
  }
  checkpoint(table);
  table.changeUser(ada, { quota: 0 });
  table.commit();
  t.match(losePower(t, table).userByName('Ada'), { priority: 2, quota: 0 }, 'a change behind the snapshot');
  t.throws(() => table.changeUser(99, { quota: 1 }), RangeError);
});

t.test(
  'a quota is in a dump, and stays when the table is compacted or built again from snapshot and journal',
  async (t) => {
    const table = freshTable(t);
    const { path } = table;
    const ada = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
    submit(table, ada);
    checkpoint(table);
    table.changeUser(ada, { quota: 7 });
    table.closeClean();
    const dumped = () => {
      const opened = openTable({ path, create: false });
      const lines = [...dumpTable(opened)];
      opened.close();
      return lines;
    };
    const before = dumped();
    t.match(JSON.parse(before[0] ?? ''), { user: { name: 'Ada', quota: 7 } });
    restoreTable({ path, onSource: () => undefined });
    t.same(dumped(), before);
    compactTable(path);
    t.same(dumped(), before);
  },
);
