/**
 * The results of a submission's tests as they come: `progress/ab/ID`, one JSON object a line, appended by the runner.
 *
 *     {"tests":100}                            the first line: so many may come
 *     {"name":"1","group":null,"verdict":"AC",...}
 *
 * Why a file: any front may be asked, whichever runs the submission, and the page cache is memory that all of them share. It
 * is never synced: it tells what is going on, not what is so, and where it cannot be written nothing is told. Each attempt (after a front has died, say) starts a file anew,
 * and its runner takes it away when the answer is in the row. A reader believes only whole lines.
 */

import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ProgressTest } from './reply-schema.js';

export type ProgressLine = { readonly tests: number } | ProgressTest;

function pathOf(dataDirectory: string, id: string): string {
  return join(dataDirectory, 'progress', id.slice(0, 2), id);
}

/** In the runner. */
export class ProgressWriter {
  readonly #path: string;
  /** Undefined: nothing is told any more. */
  #fd: number | undefined;

  constructor(dataDirectory: string, id: string, tests: number) {
    this.#path = pathOf(dataDirectory, id);
    this.#orNothing(() => {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      // A new file under the name, not the old one cut: a reader tells the attempts apart by the inode.
      const temporary = `${this.#path}.${process.pid}.tmp`;
      this.#fd = openSync(temporary, 'w', 0o600);
      this.#add({ tests });
      renameSync(temporary, this.#path);
    });
  }

  tell(test: ProgressTest): void {
    this.#orNothing(() => this.#add(test));
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#orNothing(() => rmSync(this.#path, { force: true }));
  }

  #add(line: ProgressLine): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    // Behind half a line nothing more may stand.
    if (this.#fd !== undefined && writeSync(this.#fd, bytes) < bytes.length) throw new Error('the disk is full');
  }

  /** A full disk, or one that has become read-only, ends no submission that was accepted. */
  #orNothing(write: () => void): void {
    try {
      write();
    } catch {
      // What cannot be written is not told; the answer itself goes another way.
      if (this.#fd !== undefined) closeSync(this.#fd);
      this.#fd = undefined;
    }
  }
}

/** Where a reader is: an attempt (the inode of its file) and a byte of it. */
export interface ProgressCursor {
  readonly attempt: number;
  readonly offset: number;
}

export const PROGRESS_START: ProgressCursor = { attempt: 0, offset: 0 };

/**
 * What has come behind a cursor. A cursor of another attempt counts as the start: what was told of that is void.
 * @returns undefined when there is no file: not begun yet, or done
 */
export function readProgress(
  dataDirectory: string,
  id: string,
  { attempt, offset }: ProgressCursor,
): { lines: ProgressLine[]; cursor: ProgressCursor } | undefined {
  const fd = openIfThere(pathOf(dataDirectory, id));
  if (fd === undefined) return undefined;
  try {
    const { ino, size } = fstatSync(fd);
    const from = ino === attempt ? offset : 0;
    const bytes = Buffer.alloc(Math.max(0, size - from));
    const count = readSync(fd, bytes, 0, bytes.length, from);
    const end = bytes.subarray(0, count).lastIndexOf(10) + 1;
    const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
    return { lines: lines.map((line) => JSON.parse(line)), cursor: { attempt: ino, offset: from + end } };
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
