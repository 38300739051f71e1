/** A cell as a runner sees it: runs, results, its end. */

import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import type { CellSetup, Run } from '../../src/pool/cell.js';
import { LimitKind } from '../../src/pool/cell-layout.js';
import { Cells } from '../../src/pool/cells.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { cellBinary } from '../../src/shm/native.js';

const LIMITS: Run['limits'] = {
  cpuNs: 2e9,
  wallNs: 6e9,
  memoryBytes: 256 << 20,
  processes: 64,
  outputBytes: 1 << 20,
  fileBytes: 16 << 20,
  boxBytes: 64 << 20,
  openFiles: 256,
  stackBytes: 0,
};

function setUp(t: Test, max: number, slots = 16): { cells: Cells; table: ProcessTable } {
  const path = join(t.testdir(), 'turns.turno');
  const table = ProcessTable.create(path, slots, 2);
  const setup: CellSetup = {
    cellBinary,
    turnsFd: openSync(path, 'r+'),
    cellGroup: `turno-test-${process.pid}`,
    mounts: [],
    backend: 'auto',
  };
  const cells = new Cells(setup, table, max);
  t.teardown(() => cells.end());
  return { cells, table };
}

function shell(command: string, more: Partial<Run> = {}): Run {
  return {
    posting: { user: 0, row: 0, priority: 0, memoryLimitBytes: 0, title: 'sh' },
    path: '/bin/sh',
    argv: ['sh', '-c', command],
    env: ['PATH=/usr/bin:/bin'],
    flags: 0,
    stdin: Buffer.alloc(0),
    inFiles: [],
    outFiles: [],
    outBytes: 0,
    limits: LIMITS,
    ...more,
  };
}

t.test('a cell runs one program after the other', async (t) => {
  const { cells, table } = setUp(t, 1);
  const run = (command: string, more?: Partial<Run>) => cells.use((cell) => cell.run(shell(command, more)));
  const echo = await run('cat; echo err >&2; exit 3', { stdin: Buffer.from('in') });
  t.equal(Buffer.from(echo.stdout).toString(), 'in');
  t.equal(Buffer.from(echo.stderr).toString(), 'err\n');
  t.match(echo.report, { exitCode: 3, signal: null, limit: LimitKind.none });
  t.match((await run('kill -11 $$')).report, { exitCode: null, signal: 11 });
  const files = await run('cat a/b.txt; ls -ld a/b.txt | cut -c1-10', {
    inFiles: [{ place: 'box', name: 'a/b.txt', content: Buffer.from('text\n') }],
  });
  t.equal(Buffer.from(files.stdout).toString(), 'text\n-rw-r--r--\n');
  t.equal([...table.slots()].length, 1, 'all in one cell');
  t.equal(table.laneHolder(0), undefined, 'the lane was given back');
});

t.test('two runs at once take two cells, and a third waits for one', async (t) => {
  const { cells } = setUp(t, 2);
  const started = await Promise.all(
    ['a', 'b', 'c'].map((word) => cells.use((cell) => cell.run(shell(`echo ${word}`)))),
  );
  t.same(
    started.map(({ stdout }) => Buffer.from(stdout).toString()),
    ['a\n', 'b\n', 'c\n'],
  );
});

t.test('a file comes out of the box when the program exits with 0', async (t) => {
  const { cells } = setUp(t, 1);
  const path = join(t.testdirName, 'product');
  const fd = openSync(path, 'w+');
  const result = await cells.use((cell) =>
    cell.run(shell('echo made > product', { outFiles: [{ name: 'product', fd }], outBytes: 100 })),
  );
  t.equal(result.report.outMissing, 0);
  t.equal(readFileSync(path, 'utf8'), 'made\n');
});

t.test(
  'when a cell is killed its run is an error, its slot is free again, and the next run has a new cell',
  async (t) => {
    const { cells, table } = setUp(t, 1);
    await t.rejects(
      cells.use(async (cell) => {
        const running = cell.run(shell('sleep 100'));
        running.catch(() => undefined);
        process.kill(table.cellPid(cell.slot), 'SIGKILL');
        return running;
      }),
      { code: 'TURNO_CELL' },
    );
    const next = await cells.use((cell) => cell.run(shell('echo again')));
    t.equal(Buffer.from(next.stdout).toString(), 'again\n');
    t.equal(table.laneHolder(0), undefined);
  },
);

t.test('a new cell in the slot of one that has ended goes on counting its runs', async (t) => {
  // Otherwise a scheduler that did not look in between would take its first run for that of the old cell.
  const { cells, table } = setUp(t, 1, 1);
  const runs: number[] = [];
  for (let n = 0; n < 3; n++) {
    await cells.use(async (cell) => {
      await cell.run(shell('exit'));
      runs.push(table.run(cell.slot));
      await cell.end();
    });
  }
  t.same(runs, [1, 2, 3]);
});

t.test('a cancelled run ends wherever it is', async (t) => {
  const { cells } = setUp(t, 1);
  const result = await cells.use((cell) => {
    const running = cell.run(shell('while :; do :; done'));
    cell.cancel();
    return running;
  });
  t.equal(result.report.limit, LimitKind.cancelled);
});
