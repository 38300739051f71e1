/** A process that opens a table, alone, and archives what is too much of it, until it dies at a fault point. */

import { dirname } from 'node:path';
import { Store } from '../../src/io/store.js';
import { Retention } from '../../src/server/retention.js';
import { armFaultPoints } from '../../src/shm/fault-points.js';
import { openTable } from '../../src/shm/table.js';
import { SMALL } from '../shm/fresh-table.js';

const { path, keepRows, at, nth } = JSON.parse(process.argv[2] ?? '') as {
  path: string;
  keepRows: number;
  at: string;
  nth: number;
};
const dataDirectory = dirname(path);
const store = new Store(dataDirectory, false);
const onArchived = (id: Uint8Array) => store.removeSubmission(Buffer.from(id).toString('hex'));
const table = openTable({ path, create: true, ...SMALL, onArchived });
const retention = new Retention(table, store, { dataDirectory, keepDays: 0, keepRows });
retention.recover();
let times = 0;
armFaultPoints((point) => {
  if (point === at && ++times === nth) process.kill(process.pid, 'SIGKILL');
});
retention.look();
