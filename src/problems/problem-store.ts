/**
 * Problems in the data directory:
 *
 *     problems/ID/current             name of the revision that counts
 *     problems/ID/REVISION/           one upload, never changed: problem.json (StoredProblem) and files/
 *     problems/ID/submissions         ids of all submissions for it, one a line; a rejudged one with the id it is beside
 *
 * An upload appears whole or not at all: its directory and then `current` get their names by rename. Submissions name the
 * revision they are judged by, so a new upload changes nothing for those on their way; old revisions stay until the problem
 * is removed. Everything blocks: for threads, and for small reads.
 */

import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ProblemPackage } from './package.js';
import type { PackageFiles } from './package-files.js';

export interface StoredProblem extends ProblemPackage {
  readonly id: string;
  readonly revision: string;
  /** Name of the user who added it. */
  readonly owner: string;
  readonly addedAtMs: number;
  /** For `verify`: not listed. */
  readonly isDraft: boolean;
}

export interface ProblemRef {
  readonly id: string;
  readonly revision: string;
}

export const PROBLEM_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** A draft nobody has removed: whoever made it was killed. */
const OLD_DRAFT_MS = 24 * 3_600_000;

export class ProblemStore {
  readonly #root: string;
  /** Revisions do not change. */
  readonly #known = new Map<string, StoredProblem>();

  constructor(dataDirectory: string) {
    this.#root = join(dataDirectory, 'problems');
  }

  add(files: PackageFiles, problem: Omit<StoredProblem, 'revision' | 'addedAtMs'>): void {
    const addedAtMs = Date.now();
    const revision = `r${addedAtMs.toString(36)}-${randomBytes(4).toString('hex')}`;
    const home = join(this.#root, problem.id);
    const temporary = join(home, `${revision}.tmp`);
    try {
      for (const [path, content] of files) {
        const target = join(temporary, 'files', path);
        mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
        writeFileSync(target, content, { mode: 0o600, flag: 'wx' });
      }
      const stored: StoredProblem = { ...problem, revision, addedAtMs };
      writeFileSync(join(temporary, 'problem.json'), JSON.stringify(stored), { mode: 0o600 });
      renameSync(temporary, join(home, revision));
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
    writeFileSync(join(home, `current.${revision}`), revision, { mode: 0o600 });
    renameSync(join(home, `current.${revision}`), join(home, 'current'));
    if (problem.isDraft) this.#removeOldDrafts(addedAtMs);
  }

  /** The revision that counts, or undefined. */
  find(id: string): StoredProblem | undefined {
    const revision = PROBLEM_ID.test(id) ? readIfThere(join(this.#root, id, 'current')) : undefined;
    return revision === undefined ? undefined : this.load({ id, revision });
  }

  load({ id, revision }: ProblemRef): StoredProblem | undefined {
    const key = `${id}/${revision}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const text = readIfThere(join(this.#root, key, 'problem.json'));
    if (text === undefined) return undefined;
    const stored = JSON.parse(text) as StoredProblem;
    this.#known.set(key, stored);
    return stored;
  }

  /** A file of the package. */
  read({ id, revision }: ProblemRef, path: string): Buffer {
    return readFileSync(join(this.#root, id, revision, 'files', path));
  }

  list(): StoredProblem[] {
    const found = this.#ids().map((id) => this.find(id));
    return found.filter((one): one is StoredProblem => one !== undefined && !one.isDraft);
  }

  remove(id: string): void {
    // Gone under its name at once, however long the rest takes; submissions on their way end as SE.
    const aside = join(this.#root, `.${id}.${randomBytes(4).toString('hex')}`);
    renameSync(join(this.#root, id), aside);
    rmSync(aside, { recursive: true, force: true });
    for (const key of this.#known.keys()) if (key.startsWith(`${id}/`)) this.#known.delete(key);
  }

  /** A line in one write: two processes do not mix theirs. */
  noteSubmission(id: string, submission: string, rejudgeOf: string | undefined): void {
    appendFileSync(join(this.#root, id, 'submissions'), `${submission} ${rejudgeOf ?? '-'}\n`, { mode: 0o600 });
  }

  /** In the order of their arrival; what a repair wrote twice is here once. */
  submissions(id: string): { readonly id: string; readonly rejudgeOf: string | undefined }[] {
    const text = readIfThere(join(this.#root, id, 'submissions')) ?? '';
    const lines = [...new Set(text.split('\n'))].map((line) => /^([0-9a-f]{32}) ([0-9a-f]{32}|-)$/.exec(line));
    return lines.flatMap((match) => {
      const [, submission = '', of] = match ?? [];
      return submission === '' ? [] : [{ id: submission, rejudgeOf: of === '-' ? undefined : of }];
    });
  }

  #ids(): string[] {
    try {
      return readdirSync(this.#root)
        .filter((name) => PROBLEM_ID.test(name))
        .sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #removeOldDrafts(nowMs: number): void {
    for (const id of this.#ids()) {
      const found = id.startsWith('draft-') ? this.find(id) : undefined;
      if (found?.isDraft && nowMs - found.addedAtMs > OLD_DRAFT_MS) this.remove(id);
    }
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
