/** Saving together: one thread, many jobs; each has its own answer. */

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { Store } from '../../src/io/store.js';
import type { SubmissionRequest } from '../../src/io/transport.js';
import type { PackedJob } from '../../src/pool/messages.js';
import { SavedMarks } from '../../src/pool/saved-marks.js';
import { Savers } from '../../src/pool/savers.js';
import { openTable } from '../../src/shm/table.js';

const NAME = 'main.py';

const LIMITS = { cpuTimeMs: 1, wallTimeMs: 1, memoryMiB: 4, processes: 1, outputKiB: 1, fileSizeKiB: 1 };

function request(text: string): SubmissionRequest {
  const files = [{ path: NAME, content: Buffer.from(text) }];
  const nothing = { stdin: Buffer.alloc(0), args: [], tests: [], checker: { kind: 'exact' as const } };
  return { language: 'python', files, limits: LIMITS, ...nothing };
}

t.test('one that is too long for the journal is told as saved when its row is durable, too', async (t) => {
  const dataDirectory = t.testdir();
  const table = openTable({ path: join(dataDirectory, 'table.turno'), create: true, maxRows: 1_000 });
  const store = new Store(dataDirectory, true);
  const setup = { table: table.buffer, dataDirectory, isDurable: true, savedMarks: new SavedMarks().words };
  const savers = new Savers(setup, 1);
  const user = table.addUser({ name: 'ada', tokenHash: new Uint8Array(32) });
  const id = Buffer.alloc(16, 1);
  const accepted = table.accept({ id, user, language: 'python', sentAtMs: 0 });
  const packed = store.pack(request('#'.repeat(table.journal.mostBytes + 1)));
  await savers.save({ ...accepted, id: id.toString('hex'), user, priority: 0, packed }, true);
  t.ok(table.journal.written >= table.position, `${table.journal.written} of ${table.position} bytes are durable`);
  await savers.stop();
  table.close();
});

t.test('of many saved at once, one that cannot be saved is refused and the others are durable', async (t) => {
  const dataDirectory = t.testdir();
  const table = openTable({ path: join(dataDirectory, 'table.turno'), create: true, maxRows: 1_000 });
  const store = new Store(dataDirectory, true);
  const marks = new SavedMarks();
  const savers = new Savers({ table: table.buffer, dataDirectory, isDurable: true, savedMarks: marks.words }, 1);
  const user = table.addUser({ name: 'ada', tokenHash: new Uint8Array(32) });
  const jobs: PackedJob[] = Array.from({ length: 100 }, (_, i) => {
    const id = Buffer.alloc(16, i + 1);
    const name = id.toString('hex');
    const submission = { id, user, language: 'python', sentAtMs: 0, source: store.sourcePath(name, request('').files) };
    const accepted = table.tryAccept(submission);
    if (accepted === undefined) throw new Error('nobody else is at the table');
    return { ...accepted, id: name, user, priority: 0, packed: store.pack(request(`print(${i})`)) };
  });
  const blocked = jobs[41] as PackedJob;
  mkdirSync(join(dataDirectory, store.sourcePath(blocked.id, request('').files)), { recursive: true });
  const ends = await Promise.allSettled(jobs.map((job) => savers.save(job, true)));
  const refused = ends.flatMap((end, i) => (end.status === 'rejected' ? [[i, end.reason.code]] : []));
  t.same(refused, [[41, 'TURNO_SYSTEM']]);
  t.equal(table.journal.written, table.journal.tail, 'what was told as saved is in the journal');
  for (const [i, job] of jobs.entries()) {
    if (job === blocked) continue;
    t.ok(marks.has(job.row), 'its runner may end it');
    t.equal(readFileSync(join(dataDirectory, store.sourcePath(job.id, request('').files)), 'utf8'), `print(${i})`);
  }
  t.notOk(marks.has(blocked.row), 'what is not saved is not ended by its runner');
  await savers.stop();
  table.close();
});
