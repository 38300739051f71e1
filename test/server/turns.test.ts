/** Real programs taking turns: cells, lanes, the scheduler in its thread. */

import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Test, t } from 'tap';
import type { Run, RunResult } from '../../src/pool/cell.js';
import { LimitKind } from '../../src/pool/cell-layout.js';
import { Cells } from '../../src/pool/cells.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { statOf } from '../../src/proc-stat.js';
import type { StuckCell } from '../../src/server/scheduler.js';
import { TurnsThread } from '../../src/server/turns-thread.js';
import { cellBinary } from '../../src/shm/native.js';
import { GIB } from '../../src/units.js';

function setUp(t: Test, lanes: number) {
  const path = join(t.testdir(), 'turns.turno');
  const table = ProcessTable.create(path, 64, lanes);
  const stuck: StuckCell[] = [];
  const turns = new TurnsThread(
    table,
    { isRealtime: false, mode: 'las', memoryBytes: 8 * GIB },
    (error) => t.fail(String(error)),
    (cell) => stuck.push(cell),
  );
  const cellGroup = `turno-test-turns-${process.pid}`;
  const setup = { cellBinary, turnsFd: openSync(path, 'r+'), cellGroup, mounts: [], backend: 'auto' };
  const cells = new Cells(setup, table, 32);
  t.teardown(async () => {
    await cells.end();
    await turns.stop();
  });
  const run = (...program: Parameters<typeof runOf>) => cells.run(runOf(...program));
  return { table, run, startLoop: (user: number, script = LOOP) => startLoop(cells, user, script), stuck };
}

function runOf(user: number, script: string, cpuNs: number, wallNs = LIMITS.wallNs): Run {
  return {
    posting: { user, row: 0, priority: 0, memoryLimitBytes: 64 << 20, title: script },
    path: '/bin/sh',
    argv: ['sh', '-c', script],
    env: [],
    flags: 0,
    stdin: Buffer.alloc(0),
    inFiles: [],
    outFiles: [],
    outBytes: 0,
    limits: { ...LIMITS, cpuNs, wallNs },
  };
}

/** No loop comes to this limit before the time of this file is up, however slow the machine. */
const ENDLESS_NS = 3_600e9;

interface Loop {
  readonly hasEnded: () => boolean;
  readonly end: () => Promise<RunResult>;
}

/** Starts a program that goes on until `end`; resolves when it waits for its first turn, or has it. */
function startLoop(cells: Cells, user: number, script: string): Promise<Loop> {
  return new Promise((resolve, reject) => {
    let hasEnded = false;
    const using = cells.use(async (cell) => {
      const running = cell.run(runOf(user, script, ENDLESS_NS, ENDLESS_NS));
      const end = () => {
        cell.cancel();
        return running;
      };
      resolve({ hasEnded: () => hasEnded, end });
      await running;
      hasEnded = true;
    });
    using.catch(reject);
  });
}

const entries = (table: ProcessTable) => [...table.slots()].map((slot) => table.entry(slot));

/**
 * How many run at the same moment. The slots are read one after the other, so a lane that changes hands in between looks like
 * two: only who has the same turn in two such rounds ran at the moment between them.
 */
function runningAtOnce(table: ProcessTable): number {
  const round = () =>
    entries(table).flatMap(({ state, slot, run, turns }) => (state === 'running' ? [`${slot} ${run} ${turns}`] : []));
  const before = new Set(round());
  return round().filter((one) => before.has(one)).length;
}

const LIMITS: Run['limits'] = {
  cpuNs: 1e9,
  wallNs: 20e9,
  memoryBytes: 64 << 20,
  processes: 16,
  outputBytes: 1 << 16,
  fileBytes: 1 << 20,
  boxBytes: 1 << 20,
  openFiles: 64,
  stackBytes: 0,
};

const LOOP = 'while :; do :; done';

t.test('a newcomer runs while infinite loops hold all lanes', async (t) => {
  const { table, run, startLoop } = setUp(t, 1);
  const loops = await Promise.all([1, 2, 3, 4].map(() => startLoop(1)));
  while (entries(table).every(({ turns }) => turns < 1)) await new Promise(setImmediate);
  const hello = await run(2, 'echo hello', 1e9);
  t.equal(Buffer.from(hello.stdout).toString(), 'hello\n');
  t.same(
    loops.map(({ hasEnded }) => hasEnded()),
    Array(4).fill(false),
    'no loop had ended before',
  );
  for (const { report } of await Promise.all(loops.map(({ end }) => end()))) t.equal(report.limit, LimitKind.cancelled);
  t.ok(table.bell > 0);
  while (table.waiters > 0) await delay(1); // until the scheduler has looked
  t.equal(table.laneHolder(0), undefined, 'the lane is free again');
});

t.test('many loops on two lanes: all end by their own CPU time, as many at a time as lanes', async (t) => {
  const { table, run } = setUp(t, 2);
  let most = 0;
  let isDone = false;
  const watch = (async () => {
    while (!isDone) {
      most = Math.max(most, runningAtOnce(table));
      await delay(1);
    }
  })();
  const reports = await Promise.all(Array.from({ length: 12 }, (_, n) => run(n % 3, LOOP, 100e6)));
  isDone = true;
  await watch;
  t.ok(most <= 2, `never more than lanes: ${most}`);
  for (const { report } of reports) {
    t.equal(report.limit, LimitKind.cpu);
    t.ok(report.cpuNs >= 100e6 && report.cpuNs < 300e6, `CPU time is its own: ${report.cpuNs / 1e6} ms`);
  }
  // A single one may be ended late: the machine takes a core away from the cell that is to end it.
  const middleMs = (reports.map(({ report }) => report.cpuNs).sort((a, b) => a - b)[6] ?? Number.NaN) / 1e6;
  t.ok(middleMs < 120, `most end within 20 ms of their limit: ${middleMs} ms`);
  t.ok(
    reports.some(({ report }) => report.waitedNs > 0),
    'who waited knows for how long',
  );
});

t.test('lanes come and go while programs run: as many run as there are lanes, and all go on', async (t) => {
  const { table, startLoop } = setUp(t, 3);
  const loops = await Promise.all(Array.from({ length: 6 }, (_, n) => startLoop(n % 2)));
  for (const lanes of [1, 4, 2]) {
    table.setLaneCount(lanes);
    // Those beyond are stopped, one by one; then never more, until the next change.
    while (runningAtOnce(table) !== lanes || entries(table).some(({ lane }) => (lane ?? 0) >= lanes)) await delay(1);
    for (let look = 0; look < 20; look++, await delay(5)) t.ok(runningAtOnce(table) <= lanes, `at most ${lanes}`);
  }
  const turnsBefore = entries(table).map(({ turns }) => turns);
  while (entries(table).some(({ turns }, n) => turns <= (turnsBefore[n] ?? 0))) await delay(5);
  t.pass('each had another turn');
  for (const { report } of await Promise.all(loops.map(({ end }) => end()))) t.equal(report.limit, LimitKind.cancelled);
});

const TRIES = 8;

t.test('a sleep goes on while its program is stopped, and is charged; the wait after it is not', async (t) => {
  const { run, startLoop } = setUp(t, 1);
  // sleep, a child that sh waits for, gives the kernel a place for what is left; select begins anew; usleep gives none, so that
  // what it slept in the stay before the stop is missing.
  const sleeps = [
    ['sleep S', 120],
    ["perl -e 'select(undef, undef, undef, S)'", 120],
    ["perl -MTime::HiRes=usleep -e 'usleep(S * 1e6)'", 50],
  ] as const;
  for (const [sleep, leastMs] of sleeps) {
    // On a machine busy with other work a program may get no core even to stop, and then nothing is known: once more.
    for (let tries = 1; ; tries++) {
      const loops = await Promise.all([1, 2, 3].map(() => startLoop(1)));
      const [long, short] = await Promise.all([
        run(2, sleep.replace('S', '3600'), 1e9, 200e6),
        run(2, sleep.replace('S', '0.15'), 1e9, 2e9),
      ]);
      await Promise.all(loops.map(({ end }) => end()));
      t.equal(long.report.limit, LimitKind.wall, `${sleep}: for an hour is too long`);
      t.equal(short.report.limit, LimitKind.none, `${sleep}: for 150 ms is not`);
      const [wallMs, waitedMs] = [short.report.wallNs / 1e6, short.report.waitedNs / 1e6];
      const isExact = wallMs > leastMs && wallMs < 220;
      // A try tells most when the program waited for long; which it does is up to when it woke.
      if (!(isExact && waitedMs > 100) && tries < TRIES) continue;
      t.ok(isExact, `${sleep}: 150 ms took ${wallMs} ms, and waited for ${waitedMs} ms`);
      break;
    }
  }
});

/** Pids of all below a process. */
function descendants(pid: number): number[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(list) ? readFileSync(list, 'latin1').split(' ').filter(Boolean).map(Number) : [];
  return children.flatMap((child) => [child, ...descendants(child)]);
}

const cpuNsOf = (pid: number) => Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]);
const SESSION = 3;
const POLICY = 38;
const SCHED_IDLE = '5';

t.test('programs run below everything else, in a session of their own too', async (t) => {
  const lanes = availableParallelism();
  const { table, startLoop } = setUp(t, lanes);
  // Sessions share a core as equals by autogroup, whatever their priority, where no cpu group is in between.
  const inSession = `setsid sh -c "${LOOP}" & wait`;
  const loops = await Promise.all(Array.from({ length: lanes }, () => startLoop(1, inSession)));
  const found = () =>
    entries(table)
      .filter(({ state }) => state === 'running')
      .flatMap(({ pid }) =>
        descendants(pid).filter((one) => ![undefined, statOf(pid)?.[SESSION]].includes(statOf(one)?.[SESSION])),
      );
  let pids: number[] = [];
  while (pids.length < lanes) {
    await delay(5);
    pids = found();
  }
  for (const pid of pids) t.equal(statOf(pid)?.[POLICY], SCHED_IDLE);
  const others = Array.from({ length: lanes }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  t.teardown(() => others.map((other) => other.kill('SIGKILL')));
  const usedMs = () => pids.reduce((sum, pid) => sum + cpuNsOf(pid), 0) / 1e6;
  const burned = () => others.reduce((sum, { pid }) => sum + cpuNsOf(pid ?? 0), 0) / 1e6;
  let share = 1;
  // Until the kernel has spread them over the cores, one of these may be idle but for our programs: then once more.
  for (let tries = 0; tries < TRIES && share >= 0.2; tries++) {
    const [before, since] = [usedMs(), burned()];
    while (burned() - since < 400) await delay(5);
    share = (usedMs() - before) / (burned() - since);
  }
  t.ok(share < 0.2, `they got ${(100 * share).toFixed(1)} % of what processes of normal priority got`);
  for (const other of others) other.kill('SIGKILL');
  for (const { report } of await Promise.all(loops.map(({ end }) => end()))) t.equal(report.limit, LimitKind.cancelled);
});

t.test('a cell that does not confirm a stop is killed, its lane goes on, its run is run again', async (t) => {
  const { table, run, stuck } = setUp(t, 1);
  const loop = run(1, LOOP, 300e6);
  const find = () => entries(table).find(({ state }) => state === 'running');
  for (;;) {
    const pid = find()?.pid;
    if (pid) process.kill(pid, 'SIGSTOP'); // PID 1 of the cell, from outside: now nobody obeys there
    if (pid) break;
    await delay(1);
  }
  const before = find();
  const hello = await run(2, 'echo hello', 1e9);
  t.equal(Buffer.from(hello.stdout).toString(), 'hello\n', 'another has the lane');
  t.match(stuck, [{ slot: before?.slot, pid: before?.pid, run: before?.run }]);
  t.equal((await loop).report.limit, LimitKind.cpu, 'in another cell it ends as it should');
  t.equal(table.laneHolder(0), undefined);
});
