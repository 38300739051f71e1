/** Progress is told through a file; where that cannot be written, nothing is told, and nothing fails. */

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { PROGRESS_START, ProgressWriter, readProgress } from '../../src/io/progress-file.js';
import type { ProgressTest } from '../../src/io/reply-schema.js';

const ID = 'ab'.repeat(16);
const RESULT = { name: '1', verdict: 'AC' } as ProgressTest;

t.test('what was written is read behind a cursor, and goes with its writer', async (t) => {
  const data = t.testdir();
  const writer = new ProgressWriter(data, ID, 2);
  const start = readProgress(data, ID, PROGRESS_START);
  t.strictSame(start?.lines, [{ tests: 2 }]);
  writer.tell(RESULT);
  t.strictSame(readProgress(data, ID, start?.cursor ?? PROGRESS_START)?.lines, [RESULT]);
  writer.close();
  t.equal(readProgress(data, ID, PROGRESS_START), undefined);
});

t.test('a directory that cannot be written, or a full disk, fails no submission', async (t) => {
  const file = t.testdir({ progress: 'no directory' });
  const none = new ProgressWriter(file, ID, 1);
  none.tell(RESULT);
  none.close();

  const full = t.testdir();
  const directory = join(full, 'progress/ab');
  mkdirSync(directory, { recursive: true });
  symlinkSync('/dev/full', join(directory, `${ID}.${process.pid}.tmp`));
  const writer = new ProgressWriter(full, ID, 1);
  writer.tell(RESULT);
  t.equal(readProgress(full, ID, PROGRESS_START), undefined, 'nothing is told');
  writer.close();
});
