/** A table of its own for a test, small, closed with the test; in data/, so that copies can lie beside it. */

import { join } from 'node:path';
import type { Test } from 'tap';
import type { RegionOptions } from '../../src/shm/region.js';
import { openTable, type Table } from '../../src/shm/table.js';

export const SMALL: RegionOptions = { maxRows: 100_000, maxUsers: 10_000, ringBytes: 262_144 };

export function freshTable(t: Test, options: RegionOptions = {}): Table {
  const table = openTable({
    path: join(t.testdir({ data: {} }), 'data/table.turno'),
    create: true,
    ...SMALL,
    ...options,
  });
  t.teardown(() => table.close());
  return table;
}
