/** Slots, lanes and the bell, from threads' and processes' point of view. */

import { join } from 'node:path';
import { type Test, t } from 'tap';
import { SlotState, Wanted } from '../../src/pool/cell-layout.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { rowIndex, type SlotIndex } from '../../src/units.js';

const POSTING = { user: 7, row: 9, priority: 0, memoryLimitBytes: 1 << 20, title: 'c main.c' };

function make(t: Test, slots: number, lanes: number) {
  const path = join(t.testdir(), 'turns.turno');
  return { path, table: ProcessTable.create(path, slots, lanes) };
}

function claimed(table: ProcessTable): SlotIndex {
  const slot = table.claim(process.pid);
  if (slot === undefined) throw new Error('no slot');
  return slot;
}

t.test('a slot belongs to one cell at a time', (t) => {
  const { table } = make(t, 2, 1);
  const [first, second] = [claimed(table), claimed(table)];
  t.not(first, second);
  t.equal(table.claim(1), undefined, 'none is left');
  table.release(first);
  t.equal(table.claim(1), first);
  t.end();
});

t.test('a look visits the slots whose state or run has changed since the last one, and no others', (t) => {
  const { table } = make(t, 4, 1);
  const seen = new Uint32Array(4);
  const visited = () => {
    const slots: SlotIndex[] = [];
    table.eachChanged(seen, (slot) => slots.push(slot));
    return slots;
  };
  const [first, second] = [claimed(table), claimed(table)];
  t.same(visited(), [], 'a slot without a cell has no state yet');
  table.setCell(first, 101);
  table.setCell(second, 102);
  t.same(visited(), [first, second]);
  t.same(visited(), []);
  table.post(second, POSTING, 1n);
  t.same(visited(), [second]);
  table.post(second, POSTING, 2n);
  t.same(visited(), [second], 'the same state of the next run');
  table.release(first);
  t.same(visited(), [first]);
  t.end();
});

t.test('an idle lane is taken on the spot, and a second run waits and rings', (t) => {
  const { table } = make(t, 4, 1);
  const [first, second] = [claimed(table), claimed(table)];
  const bell = table.bell;
  const run = table.post(first, POSTING, 5n);
  t.equal(table.laneHolder(0), first);
  t.equal(table.wanted(first), Wanted.run);
  t.equal(table.bell, bell, 'nobody needs to know');
  t.match(table.entry(first), { state: 'waiting', run, user: 7, row: 9, title: 'c main.c', laneSinceNs: 5 });
  table.post(second, POSTING, 6n);
  t.equal(table.wanted(second), Wanted.wait);
  t.equal(table.waiters, 1);
  t.not(table.bell, bell);
  table.freeLane(first, table.run(first));
  t.equal(table.laneHolder(0), undefined);
  t.notOk(table.takeLane(0, second, 1, 7n) && table.takeLane(0, first, 1, 7n), 'a lane has one holder');
  t.end();
});

t.test('a lane given to a run that has ended meanwhile is free again, whatever its slot does now', (t) => {
  const { table } = make(t, 4, 2);
  const slot = claimed(table);
  const ended = table.post(slot, POSTING, 1n);
  table.setCell(slot, 101); // as the cell leaves it
  table.freeLane(slot, table.run(slot));
  t.notOk(table.giveLane(1, slot, ended, 2n), 'the cell is idle');
  t.equal(table.laneHolder(1), undefined);
  const next = table.post(slot, POSTING, 3n);
  t.notOk(table.giveLane(1, slot, ended, 4n), 'the cell is at the next run');
  t.same([table.laneHolder(0), table.laneHolder(1)], [slot, undefined], 'which keeps its lane');
  t.notOk(table.giveLane(1, slot, next, 5n), 'and gets no second one');
  table.release(slot);
  t.notOk(table.giveLane(0, slot, next, 6n), 'the slot is free');
  t.same([table.laneHolder(0), table.laneHolder(1)], [undefined, undefined]);
  t.end();
});

t.test('what is said about a run that is over leaves the next run of its slot alone', (t) => {
  const { table } = make(t, 4, 2);
  const slot = claimed(table);
  const ended = table.post(slot, POSTING, 1n);
  table.freeLane(slot, ended);
  table.setCell(slot, 101);
  const next = table.post(slot, POSTING, 2n);
  table.setWanted(slot, ended, Wanted.wait);
  t.equal(table.wanted(slot), Wanted.run, 'else its cell would wait for ever');
  table.freeLane(slot, ended);
  t.equal(table.laneHolder(0), slot, 'it keeps its lane');
  t.ok(table.hasLane(slot));
  table.freeLane(slot, next);
  t.equal(table.laneHolder(0), undefined);
  t.end();
});

t.test('while somebody waits an idle lane is not taken past him', (t) => {
  const { table } = make(t, 4, 2);
  const slot = claimed(table);
  table.waiters = 1;
  table.post(slot, POSTING, 0n);
  t.equal(table.laneHolder(0), undefined);
  t.equal(table.waiters, 2);
  t.end();
});

t.test('a second view, mapped again from the file, sees the same', (t) => {
  const { path, table } = make(t, 4, 2);
  const slot = claimed(table);
  table.post(slot, { ...POSTING, title: 'long '.repeat(40) }, 0n);
  const other = ProcessTable.open(path, 4);
  t.same(other.entry(slot), table.entry(slot));
  t.equal(other.state(slot), SlotState.waiting);
  t.equal(other.entry(slot).title.length, 63, 'a long title is cut');
  t.end();
});

t.test('run numbers of a slot differ from one run to the next', (t) => {
  const { table } = make(t, 1, 1);
  const slot = claimed(table);
  const first = table.post(slot, POSTING, 0n);
  table.freeLane(slot, table.run(slot));
  t.not(table.post(slot, POSTING, 0n), first);
  t.end();
});

t.test(
  'a killed row stays killed, whatever the scheduler was about to say; the next run of the slot is another',
  (t) => {
    const { table } = make(t, 4, 1);
    const [first, second, other] = [claimed(table), claimed(table), claimed(table)];
    table.setCell(first, 101);
    table.setCell(second, 102);
    const run = table.post(first, POSTING, 1n);
    table.post(second, POSTING, 2n);
    table.post(other, { ...POSTING, row: 10 }, 3n);
    t.same(table.killRow(rowIndex(9)), [101, 102], 'both its runs, the one that has a lane and the one that waits');
    t.equal(table.wanted(other), Wanted.wait);
    for (const wanted of [Wanted.run, Wanted.wait]) {
      table.setWanted(first, run, wanted);
      t.equal(table.wanted(first), Wanted.kill);
    }
    table.setCell(first, 101); // the cell has ended that run
    t.same(table.killRow(rowIndex(9)), [102], 'what has ended is not killed again');
    table.freeLane(first, table.run(first));
    table.waiters = 0;
    table.post(first, { ...POSTING, row: 11 }, 4n);
    t.equal(table.wanted(first), Wanted.run);
    t.end();
  },
);

t.test('a list of what is alive leaves out cells without a program', (t) => {
  const { table } = make(t, 4, 1);
  const [first, second] = [claimed(table), claimed(table)];
  table.setCell(first, 101);
  table.setCell(second, 102);
  table.post(second, POSTING, 1n);
  t.match([...table.alive()], [{ pid: 102, row: 9, lane: 0 }]);
  t.match([...table.standings()], [{ row: 9, hasLane: true, turns: 1 }]);
  t.end();
});
