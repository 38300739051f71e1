/** A run that shares the lane of another does as that does, and goes on when it has ended. */

import { join } from 'node:path';
import { t } from 'tap';
import { SLOT, TURNS_HEADER, Wanted } from '../../src/pool/cell-layout.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { Followers } from '../../src/server/followers.js';
import type { SlotIndex } from '../../src/units.js';

const posting = { user: 1, row: 7, priority: 3, memoryLimitBytes: 1, title: 'x' };

function pair(t: { testdir(): string }) {
  const table = ProcessTable.create(join(t.testdir(), 'turns.turno'), 8, 1);
  const claimed = () => table.claim(process.pid) ?? (-1 as SlotIndex);
  const [leader, follower, other] = [claimed(), claimed(), claimed()];
  const told: Wanted[] = [];
  const followers = new Followers(table, (slot, run, wanted) => {
    told.push(wanted);
    table.setWanted(slot, run, wanted);
  });
  const look = () => {
    followers.isOne(follower, table.run(follower));
    followers.look();
    return table.wanted(follower);
  };
  return { table, leader, follower, other, followers, told, look };
}

t.test('it wants no lane of its own, and is begun with the run whose lane it shares', async (t) => {
  const { table, leader, follower, followers } = pair(t);
  table.post(follower, { ...posting, leader }, 1n);
  t.equal(table.waiters, 0, 'it does not wait for a lane');
  t.equal(table.wanted(follower), Wanted.wait);
  t.equal(table.entry(follower).priority, 3, 'its priority is what it was');
  t.ok(followers.isOne(follower, table.run(follower)));
  table.post(leader, { ...posting, follower }, 2n);
  t.ok(table.hasLane(leader), 'the lane was idle');
  t.equal(table.wanted(follower), Wanted.run, 'at once');
  t.notOk(followers.isOne(leader, table.run(leader)));
});

t.test('it is stopped and let go with its leader, and let go for good when that has ended', async (t) => {
  const { table, leader, follower, other, look, told } = pair(t);
  table.post(other, { ...posting, row: 8 }, 1n); // has the lane
  table.post(follower, { ...posting, leader }, 2n);
  t.equal(look(), Wanted.wait, 'its leader is not there yet');
  table.post(leader, { ...posting, follower }, 3n);
  t.equal(look(), Wanted.wait, 'its leader waits for the lane');
  table.setWanted(leader, table.run(leader), Wanted.run);
  t.equal(look(), Wanted.run);
  table.setWanted(leader, table.run(leader), Wanted.wait);
  t.equal(look(), Wanted.wait);
  table.release(leader);
  t.equal(look(), Wanted.run, 'to say what it thinks of it');
  t.strictSame(told, [Wanted.run, Wanted.wait, Wanted.run], 'told only when it changes');
});

t.test('another submission in the slot of its leader is none of its own', async (t) => {
  const { table, leader, follower, look } = pair(t);
  table.post(follower, { ...posting, leader }, 1n);
  table.post(leader, { ...posting, row: 8 }, 2n);
  t.equal(look(), Wanted.wait, 'a leader of its own row is still to come');
});

t.test('a run that is to be killed is killed', async (t) => {
  const { table, leader, follower, look } = pair(t);
  table.post(follower, { ...posting, leader }, 1n);
  table.post(leader, { ...posting, follower }, 2n);
  table.setWanted(follower, table.run(follower), Wanted.kill);
  t.equal(look(), Wanted.kill);
});

t.test('its memory is its leader’s: all it may have until it was seen stopped, then what it had', async (t) => {
  const { table, leader, follower, other, followers } = pair(t);
  table.post(follower, { ...posting, leader, memoryLimitBytes: 1_000 }, 1n);
  table.post(leader, { ...posting, follower }, 2n);
  followers.isOne(follower, table.run(follower));
  t.equal(followers.memoryBytes(leader), 1_000);
  t.equal(followers.memoryBytes(other), 0);
  // As its cell writes it at a stop.
  const at = TURNS_HEADER.size + follower * SLOT.size + SLOT.fields.MEMORY_BYTES.offset;
  new DataView(table.buffer).setBigUint64(at, 70n, true);
  t.equal(followers.memoryBytes(leader), 70);
});
