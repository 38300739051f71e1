/**
 * Which submissions a saver of this front is through with, for its runners: one word each, in memory the threads share.
 *
 * A runner that sees the mark writes result and end of a row as one change; otherwise the front puts the end behind it when
 * the saver has answered. The words are used again and again: a mark that was overwritten costs only that longer way.
 */

import type { RowIndex } from '../units.js';

const MARKS = 65_536;

export class SavedMarks {
  readonly words: Int32Array;

  constructor(words: Int32Array = new Int32Array(new SharedArrayBuffer(MARKS * 4))) {
    this.words = words;
  }

  /** The request is on disk, and its journal record, if it has one, in the ring. */
  set(row: RowIndex): void {
    Atomics.store(this.words, row % MARKS, row + 1);
  }

  has(row: RowIndex): boolean {
    return Atomics.load(this.words, row % MARKS) === row + 1;
  }
}
