/** Where an outcome lies. */

import { join } from 'node:path';
import t from 'tap';
import { Store } from '../../src/io/store.js';
import { decodeResponse, type Outcome, outcomeWithoutRun } from '../../src/judging/outcome.js';
import { finishWithOutcome, recordOutcome } from '../../src/pool/record.js';
import { CHUNK_BYTES, GRANULE_BYTES } from '../../src/shm/layout.js';
import { H } from '../../src/shm/region.js';
import { openTable } from '../../src/shm/table.js';

t.test('an answer for which the table has no room goes into a file: what was accepted is finished', async (t) => {
  const data = t.testdir();
  const table = openTable({ path: join(data, 'table.turno'), create: true, maxRows: 100 });
  t.teardown(() => table.close());
  const store = new Store(data, true);
  const user = table.addUser({ name: 'ada', tokenHash: new Uint8Array(32) });
  const { extents } = table.region.geometry;
  table.region.store(H.EXTENTS, extents.chunks * (CHUNK_BYTES / GRANULE_BYTES));
  for (const [n, write] of [recordOutcome, finishWithOutcome].entries()) {
    const id = Buffer.alloc(16, n + 1);
    const { row } = table.accept({ id, user, language: 'c', sentAtMs: 0 });
    const outcome: Outcome = { ...outcomeWithoutRun('SE', ''), stdout: Buffer.alloc(10_000, `${n}`) };
    t.ok(write(table, store, row, id.toString('hex'), outcome));
    const response = table.response(row);
    t.ok(response !== undefined && 'file' in response);
    const path = response !== undefined && 'file' in response ? response.file : '';
    t.same(Buffer.from(decodeResponse(store.readResponse(path)).stdout), outcome.stdout);
  }
});
