/** A file that is damaged at a start: set aside and built anew when journal and ring have everything, else refused and left. */

import fs, {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import t from 'tap';
import { TurnoError } from '../../src/errors.js';
import { problemsOf } from '../../src/shm/check.js';
import { AGENT, AGENTS, Durability } from '../../src/shm/layout.js';
import { restoreTable } from '../../src/shm/open.js';
import { H } from '../../src/shm/region.js';
import { SEGMENT_DATA } from '../../src/shm/segments.js';
import { openTable } from '../../src/shm/table.js';
import { act } from './actor.js';
import { hashOf, resultFor, submit } from './actor-jobs.js';
import { freshTable, SMALL } from './fresh-table.js';
import { losePower, sameRows } from './power.js';

t.test('a damaged table is set aside, and built anew when the journal has all that was acknowledged', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 50; n++) table.finish(submit(table, user).row, resultFor(n, n));
  table.commit();
  const { path } = table;
  table.closeClean();
  const damages: Record<string, (file: string) => void> = {
    'cut off': (file) => truncateSync(file, statSync(file).size - 1_048_576),
    'counters do not fit the clean mark': (file) => writeWord(file, H.ROWS.offset, 7),
    geometry: (file) => writeWord(file, H.MAX_ROWS.offset, 7),
  };
  for (const [what, damage] of Object.entries(damages)) {
    damage(path);
    const damaged = readFileSync(path);
    const messages: string[] = [];
    const after = openTable({ path, create: true, ...SMALL, onRepair: (message) => messages.push(message) });
    t.equal(after.counts().done, 50, what);
    t.same([...problemsOf(after)], []);
    after.closeClean();
    const aside = /the old file is (.*)$/.exec(messages[0] ?? '')?.[1] ?? '';
    t.ok(readFileSync(aside).equals(damaged), 'as it was');
    rmSync(aside);
  }
});

t.test('a damaged table is refused and left in place when the journal lacks what was acknowledged', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 50; n++) submit(table, user);
  table.commit();
  const { path, journal } = table;
  const last = journal.segments.path(1);
  table.closeClean();
  truncateSync(path, statSync(path).size - 1_048_576);
  writeWord(last, SEGMENT_DATA + journal.tail - 100, 1); // within the last record: the journal ends before it
  writeWord(path, table.region.geometry.ring + journal.tail - 100, 1); // and so does what the ring has of it
  const names = readdirSync(dirname(path));
  const refused = () => openTable({ path, create: true, ...SMALL });
  t.equal(codeOf(refused), 'TURNO_TABLE_DAMAGED');
  t.same(readdirSync(dirname(path)), names, 'nothing was made, moved or left behind');
});

t.test('what was acknowledged and is only in the ring comes back, whatever the header says of it', async (t) => {
  for (const [what, damage] of Object.entries<(path: string) => void>({
    'cut off': (path) => truncateSync(path, statSync(path).size - 1_048_576),
    'another durability': (path) => writeWord(path, H.DURABILITY.offset, Durability.power),
    'nothing written': (path) => writeWord(path, H.RING_WRITTEN.offset, 0),
    'nothing appended': (path) => writeWord(path, H.RING_TAIL.offset, 0),
  })) {
    const { path, crash, user } = crashTable(t);
    // More than the ring holds: part of it is in the journal, and the ring goes round its end.
    for (let n = 0; n < 1_500; n++) crash.finish(submit(crash, user).row, resultFor(n, n));
    t.ok(crash.journal.written > 0 && crash.journal.written < crash.journal.tail, 'some of it is in the ring only');
    crash.close();
    copyFileSync(path, join(t.testdirName, 'whole.turno'));
    const whole = openTable({ path: join(t.testdirName, 'whole.turno'), create: true, ...SMALL, durability: 'none' });
    damage(path);
    writeWord(path, H.COMMITTED.offset, 0); // so that it is damaged in any case
    const messages: string[] = [];
    const onRepair = (message: string) => messages.push(message);
    const after = openTable({ path, create: true, ...SMALL, durability: 'power', onRepair });
    t.teardown(() => after.close());
    t.match(messages, [/is damaged/], what);
    t.equal(after.counts().done, 1_500);
    sameRows(t, after, whole);
    whole.close();
    submit(after, user);
    after.commit();
    sameRows(t, losePower(t, after), after);
    after.close();
    rmSync(dirname(path), { recursive: true });
  }
});

t.test('whoever dies while the new file gets the name of the old one leaves the old one there', async (t) => {
  const { path, crash, user } = crashTable(t);
  submit(crash, user);
  crash.close();
  truncateSync(path, statSync(path).size - 1_048_576);
  const { renameSync } = fs;
  const stand = (value: typeof renameSync) => {
    Object.assign(fs, { renameSync: value });
    syncBuiltinESMExports();
  };
  t.teardown(() => stand(renameSync));
  stand((from, to) => {
    if (to === path) throw new Error('dead');
    renameSync(from, to);
  });
  const start = () => openTable({ path, create: true, ...SMALL, durability: 'crash' });
  t.throws(start, /dead/);
  stand(renameSync);
  const after = start();
  t.teardown(() => after.close());
  t.equal(after.counts().rows, 1);
});

t.test('a restore takes what only the ring of the old file has, too', async (t) => {
  const { path, crash, user } = crashTable(t);
  for (let n = 0; n < 50; n++) crash.finish(submit(crash, user).row, resultFor(n, n));
  crash.close();
  t.ok(restoreTable({ path, ...SMALL }));
  const restored = openTable({ path, create: true, ...SMALL });
  t.teardown(() => restored.close());
  sameRows(t, restored, crash);
  sameRows(t, losePower(t, restored), crash);
});

t.test('what a dead process had begun is damaged: the table is built anew, with all that was logged', async (t) => {
  const table = freshTable(t);
  const user = table.addUser({ name: 'Ada', tokenHash: hashOf('ada') });
  for (let n = 0; n < 50; n++) table.finish(submit(table, user).row, resultFor(n, n));
  const { row } = submit(table, user);
  await act(t, 'process', table, { kind: 'signal', signal: 'SIGKILL', row, at: 'table.inside-body' });
  table.commit(table.journal.tail);
  const { INTENT, INTENT_IMAGE } = AGENT.fields;
  const agents = Array.from({ length: AGENTS }, (_, slot) => table.region.geometry.agents + slot * AGENT.size);
  const dead = agents.find((at) => table.region.words[(at + INTENT.offset) / 4] !== 0) ?? 0;
  table.close();
  writeWord(table.path, dead + INTENT_IMAGE.offset + 40, 12_345);
  const messages: string[] = [];
  const after = openTable({ path: table.path, create: true, onRepair: (message) => messages.push(message) });
  t.teardown(() => after.close());
  t.match(messages, [/intent/]);
  t.match(after.counts(), { done: 50, running: 1 });
  t.same([...problemsOf(after)], []);
});

t.test('with durability `crash` a damaged table is refused when the ring is damaged, too', async (t) => {
  const { path, crash, user } = crashTable(t);
  submit(crash, user);
  crash.close();
  truncateSync(path, statSync(path).size - 1_048_576);
  writeWord(path, crash.region.geometry.ring + crash.journal.tail - 100, 12_345);
  t.equal(
    codeOf(() => openTable({ path, create: true, ...SMALL, durability: 'crash' })),
    'TURNO_TABLE_DAMAGED',
  );
});

/** Open, with durability `crash`: what is acknowledged may be in the ring of its file only. */
function crashTable(t: Parameters<typeof freshTable>[0]) {
  const table = freshTable(t);
  const { path } = table;
  table.closeClean();
  const crash = openTable({ path, create: true, ...SMALL, durability: 'crash' });
  return { path, crash, user: crash.addUser({ name: 'Ada', tokenHash: hashOf('ada') }) };
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'nothing was thrown';
  } catch (error) {
    return error instanceof TurnoError ? error.code : String(error);
  }
}

function writeWord(path: string, offset: number, value: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Int32Array.of(value), 0, 4, offset);
  closeSync(fd);
}
