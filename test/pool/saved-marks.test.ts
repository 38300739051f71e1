/** Marks of what is saved: in memory that threads share, a word for many rows, and never a mark of another's. */

import { t } from 'tap';
import { SavedMarks } from '../../src/pool/saved-marks.js';
import { rowIndex } from '../../src/units.js';

const WORDS = 65_536;

t.test('a mark is seen by whoever has the words, and by its own row only', async (t) => {
  const marks = new SavedMarks();
  const elsewhere = new SavedMarks(marks.words);
  t.ok(marks.words.buffer instanceof SharedArrayBuffer);
  for (const row of [0, 1, WORDS - 1, WORDS + 7]) {
    t.notOk(elsewhere.has(rowIndex(row)), 'nothing is marked at first');
    marks.set(rowIndex(row));
    t.ok(elsewhere.has(rowIndex(row)));
    for (const other of [row + 1, row + WORDS, row + 2 * WORDS]) t.notOk(elsewhere.has(rowIndex(other)));
  }
});

t.test('a row that has the word of another takes its mark away, and is never taken for it', async (t) => {
  const marks = new SavedMarks();
  marks.set(rowIndex(3));
  marks.set(rowIndex(3 + WORDS));
  t.notOk(marks.has(rowIndex(3)), 'that one is ended the longer way');
  t.ok(marks.has(rowIndex(3 + WORDS)));
});
