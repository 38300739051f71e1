/**
 * Files of the data directory: what was submitted, what was compiled, answers too long for the table.
 *
 *     sources/ab/<id>-<name>           the submitted file, as sent
 *     sources/ab/<id>/<path>...        ... when there are several, or it is in a directory
 *     sources/ab/<id>.request          everything else of the request (msgpack): it can be run again from these two
 *     executables/ab/<key>             a compiled program; the key is a hash of all that went into it
 *     executables/ab/<key>.compile     what the compiler said of it (msgpack)
 *     responses/ab/<id>                an answer too long for the table
 *     progress/ab/<id>                 results of tests while it runs (progress-file.ts)
 *
 * What is submitted with the same bytes has one file, and a name for each submission (same-files.ts).
 *
 * Every file appears under its name only when it is whole (temporary name, then rename), but for sources: the request, which is
 * written after them, says that they are there. No directory here is ever visible to a program: cells get open descriptors,
 * so no path a program made is followed.
 */

import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Packr } from 'msgpackr';
import { makeDirectories } from './make-directories.js';
import { type ProgressCursor, ProgressWriter, readProgress } from './progress-file.js';
import { SameFiles } from './same-files.js';
import type { SubmissionRequest } from './transport.js';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const packr = new Packr({ useRecords: false });

/** What a compiler said; kept beside the executable so that a cached one answers the same. */
export interface CompileOutcome {
  readonly exitCode: number | null;
  readonly output: string;
}

export class Store {
  readonly #root: string;
  readonly #isDurable: boolean;
  readonly #sameFiles = new SameFiles();
  #temporaries = 0;

  /**
   * @param isDurable whether executables and long answers are synced before they get their names. Requests are not: the
   *   journal has them (pack), and writes them again after a power cut (restoreRequest).
   */
  constructor(dataDirectory: string, isDurable: boolean) {
    this.#root = dataDirectory;
    this.#isDurable = isDurable;
  }

  // ---- submissions --------------------------------------------------------------------------------------------------

  /** Path of the main file (the first), relative to the data directory. */
  sourcePath(id: string, files: SubmissionRequest['files']): string {
    const paths = files.map(({ path }) => path);
    return this.#sourcePath(id, paths[0] ?? '', paths);
  }

  /** A directory of its own costs as much as the file: only who needs one gets one. */
  #sourcePath(id: string, path: string, paths: readonly string[]): string {
    const isAlone = paths.length === 1 && !path.includes('/');
    return join('sources', id.slice(0, 2), isAlone ? `${id}-${path}` : join(id, path));
  }

  /** Writes the request to disk; afterwards it can be run again without the client. Blocks: for saver threads. */
  saveRequest(id: string, request: SubmissionRequest): void {
    const { files, ...rest } = request;
    const names = files.map(({ path }) => path);
    for (const { path, content } of files) {
      const target = join(this.#root, this.#sourcePath(id, path, names));
      const write = () => inDirectory(target, () => writeAnew(target, content));
      this.#sameFiles.save(target, content, write);
    }
    const path = this.#requestPath(id);
    const packed = packr.pack({ ...rest, files: names });
    this.#sameFiles.save(join(this.#root, path), packed, () => this.#writeWhole(path, packed, false));
  }

  /** The whole request in one piece, for the pools and the journal. */
  pack(request: SubmissionRequest): Uint8Array {
    return new Uint8Array(packr.pack(request)); // out of the packer's own memory, which a message would carry along
  }

  /** What pack() made; the contents of files are views of it. */
  unpack(packed: Uint8Array): SubmissionRequest {
    return packr.unpack(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength));
  }

  /** Writes the files of a request again from what the journal had. */
  restoreRequest(id: string, packed: Uint8Array): void {
    this.saveRequest(id, this.unpack(packed));
  }

  /** Makes the files of a request durable themselves: for one too large for the journal. */
  syncRequest(id: string, { files }: SubmissionRequest): void {
    const names = files.map(({ path }) => path);
    const paths = [...names.map((name) => this.#sourcePath(id, name, names)), this.#requestPath(id)];
    for (const path of [...paths, ...new Set(paths.flatMap(directoriesAbove))]) this.#sync(path);
  }

  /** The request as it was saved, or undefined when the server died before it was: then it was never accepted. */
  loadRequest(id: string): SubmissionRequest | undefined {
    const packed = readIfThere(join(this.#root, this.#requestPath(id)));
    if (packed === undefined) return undefined;
    const { files, ...rest } = packr.unpack(packed);
    const load = (path: string) => ({
      path,
      content: readFileSync(join(this.#root, this.#sourcePath(id, path, files))),
    });
    return { ...rest, files: files.map(load) };
  }

  /** Everything of a submission but its executable, which others may share. */
  removeSubmission(id: string): void {
    const part = id.slice(0, 2);
    const packed = readIfThere(join(this.#root, this.#requestPath(id)));
    if (packed !== undefined) {
      const names: string[] = packr.unpack(packed).files;
      for (const name of names) this.discard(this.#sourcePath(id, name, names));
    }
    rmSync(join(this.#root, 'sources', part, id), { recursive: true, force: true });
    this.discard(this.#responsePath(id));
    this.discard(this.#requestPath(id)); // last: it tells where the sources are
  }

  #requestPath(id: string): string {
    return join('sources', id.slice(0, 2), `${id}.request`);
  }

  // ---- executables --------------------------------------------------------------------------------------------------

  /** Key of an executable: equal exactly when compiler, flags, file names and contents are equal. */
  executableKey(compiler: readonly string[], files: SubmissionRequest['files']): string {
    const hash = createHash('sha256');
    // Lengths go in too, or ["ab", "c"] and ["a", "bc"] would be one key.
    const add = (bytes: Uint8Array) => hash.update(`${bytes.length}:`).update(bytes);
    for (const part of compiler) add(Buffer.from(part));
    for (const { path, content } of files) {
      add(Buffer.from(path));
      add(content);
    }
    return hash.digest('hex').slice(0, 40);
  }

  executablePath(key: string): string {
    return join('executables', key.slice(0, 2), key);
  }

  /** Opens a compiled program, or undefined when this source was not compiled yet. The caller closes it. */
  openExecutable(key: string): { fd: number; compile: CompileOutcome } | undefined {
    const path = join(this.#root, this.executablePath(key));
    const packed = readIfThere(`${path}.compile`);
    if (packed === undefined) return undefined;
    try {
      return { fd: openSync(path, O_RDONLY | O_NOFOLLOW), compile: packr.unpack(packed) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // removed in between (retention)
      throw error;
    }
  }

  /** An open file for a compiler's product, under a temporary name. */
  newExecutable(key: string): { fd: number; temporary: string } {
    const temporary = this.#temporary(this.executablePath(key));
    const target = join(this.#root, temporary);
    const open = () => openSync(target, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o500);
    return { fd: inDirectory(target, open), temporary };
  }

  /** Gives a product its name. What the compiler said is written last: its presence is the sign that both are whole. */
  publishExecutable(key: string, temporary: string, compile: CompileOutcome): void {
    const path = this.executablePath(key);
    if (this.#isDurable) this.#sync(temporary);
    renameSync(join(this.#root, temporary), join(this.#root, path));
    this.#writeWhole(`${path}.compile`, packr.pack(compile), this.#isDurable);
  }

  discard(temporary: string): void {
    rmSync(join(this.#root, temporary), { force: true });
  }

  async readExecutable(relativePath: string): Promise<Buffer> {
    return readFile(join(this.#root, relativePath));
  }

  /** Paths of all executables. */
  *executables(): Generator<string> {
    for (const part of namesIn(join(this.#root, 'executables'))) {
      for (const name of namesIn(join(this.#root, 'executables', part))) {
        if (/^[0-9a-f]{40}$/.test(name)) yield join('executables', part, name);
      }
    }
  }

  removeExecutable(relativePath: string): void {
    this.discard(`${relativePath}.compile`); // first: without it nobody finds the program any more
    this.discard(relativePath);
  }

  // ---- long answers -------------------------------------------------------------------------------------------------

  /** @returns the path, relative to the data directory. */
  saveResponse(id: string, response: Uint8Array): string {
    const path = this.#responsePath(id);
    this.#writeWhole(path, response, this.#isDurable);
    return path;
  }

  #responsePath(id: string): string {
    return join('responses', id.slice(0, 2), id);
  }

  readResponse(relativePath: string): Buffer {
    return readFileSync(join(this.#root, relativePath));
  }

  // ---- progress -----------------------------------------------------------------------------------------------------

  tellProgress(id: string, tests: number): ProgressWriter {
    return new ProgressWriter(this.#root, id, tests);
  }

  progress(id: string, cursor: ProgressCursor) {
    return readProgress(this.#root, id, cursor);
  }

  // ---- files --------------------------------------------------------------------------------------------------------

  #writeWhole(path: string, content: Uint8Array, isSynced: boolean): void {
    const temporary = this.#temporary(path);
    try {
      const target = join(this.#root, temporary);
      inDirectory(target, () => writeFileSync(target, content, { mode: 0o600, flag: 'wx', flush: isSynced }));
      renameSync(target, join(this.#root, path));
    } catch (error) {
      this.discard(temporary); // half a file on a full disk helps nobody
      throw error;
    }
    // All of them: whoever made one may not have come to sync its name yet.
    if (isSynced) for (const directory of directoriesAbove(path)) this.#sync(directory);
  }

  #sync(path: string): void {
    const fd = openSync(join(this.#root, path), O_RDONLY | O_NOFOLLOW);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A name beside the final one that no other thread or process uses. */
  #temporary(path: string): string {
    return `${path}.${process.pid}-${this.#temporaries++}-${Math.random().toString(36).slice(2)}.tmp`;
  }
}

/** Of a relative path, from the one it lies in up to `.`. */
function directoriesAbove(path: string): string[] {
  const directory = dirname(path);
  return directory === '.' ? [directory] : [directory, ...directoriesAbove(directory)];
}

/**
 * Writes a file that nobody has yet. A name that is there already (before a power cut) may be one of several of its file: it is
 * given to a new one, and the others keep theirs, whatever becomes of us in between.
 */
function writeAnew(path: string, content: Uint8Array): void {
  const options = { mode: 0o600, flag: 'wx' } as const;
  try {
    writeFileSync(path, content, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    unlinkSync(path);
    writeFileSync(path, content, options);
  }
}

/** Makes a file, and its directory when that turns out not to be there: mostly it is. */
function inDirectory<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeDirectories(dirname(path));
    return make();
  }
}

/** Names in a directory; none when it is not there. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
