/** Killed at every named point of retention, again and again: every submission is in the table or in one archive file. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Retention } from '../../src/server/retention.js';
import { problemsOf } from '../../src/shm/check.js';
import { ARCHIVE_POINTS } from '../../src/shm/fault-points.js';
import { openTable } from '../../src/shm/table.js';
import { fillKept, problemsOfKept } from '../server/kept.js';
import { freshTable, SMALL } from '../shm/fresh-table.js';
import { distrust } from '../shm/power.js';

const ARCHIVER = fileURLToPath(new URL('./archiver.js', import.meta.url));

/** A server's care thread, as far as retention goes, in a process that dies at a point. */
async function archiveUntilKilled(path: string, keepRows: number, at: string, nth: number): Promise<string | null> {
  const child = fork(ARCHIVER, [JSON.stringify({ path, keepRows, at, nth })]);
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return signal;
}

for (const at of ARCHIVE_POINTS) {
  for (const isPowerLost of [false, true]) {
    const what = isPowerLost ? 'power lost' : 'killed';
    t.test(`${what} at ${at}: nothing is lost, nothing is in two files, and the next goes on`, async (t) => {
      const table = freshTable(t);
      const kept = fillKept(table, 120);
      const { path } = table;
      table.close();
      const rounds = [
        { keepRows: 90, nth: 1 },
        { keepRows: 60, nth: at.includes('between') ? 7 : 1 },
      ];
      for (const { keepRows, nth } of isPowerLost ? rounds.slice(1) : rounds) {
        t.equal(await archiveUntilKilled(path, keepRows, at, nth), 'SIGKILL');
      }
      if (isPowerLost) distrust(path);
      const after = openTable({
        path,
        create: true,
        ...SMALL,
        onArchived: (id) => kept.store.removeSubmission(hex(id)),
      });
      t.teardown(() => after.close());
      const retention = new Retention(after, kept.store, { dataDirectory: kept.data, keepDays: 0, keepRows: 50 });
      retention.recover();
      retention.look();
      t.same(problemsOfKept({ ...kept, table: after }), []);
      t.same([...problemsOf(after)], []);
      t.match(after.counts(), { rows: 120, archived: 70 });
      t.same(after.heldLocks(), []);
    });
  }
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
