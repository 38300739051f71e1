/**
 * A disk that forgets: records every write, sync, rename and removal below a directory, and builds from the record any state
 * that a power cut may leave behind.
 *
 * Legal, and produced at random: of a file, each sector of 512 bytes at any version since the last sync of that file; of the
 * names of each directory, any of the states since the last sync of that directory, in the order they were changed. A sync that failed makes
 * nothing durable, and no later sync of that file does for what was written before it.
 *
 * Calls are recorded by standing in for the functions of node:fs and of the addon. Files changed through a mapping
 * (snapshots) count with what they hold when they are synced.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { native } from '../../src/shm/native.js';

const SECTOR = 512;

type Op =
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'sync'; readonly file: number; readonly whole: Buffer | undefined }
  | { readonly kind: 'failed-sync'; readonly file: number }
  | { readonly kind: 'names'; readonly names: ReadonlyMap<string, number> }
  | { readonly kind: 'sync-names'; readonly directory: string };

export class ForgetfulDisk {
  readonly #root: string;
  readonly #ops: Op[] = [];
  readonly #fds = new Map<number, number>();
  /** Open directories, by their path below the root. */
  readonly #directories = new Map<number, string>();
  #names = new Map<string, number>();
  readonly #wholes = new Map<number, Buffer>();
  #files = 0;
  readonly #isMapped: (path: string) => boolean;
  readonly #undo: (() => void)[] = [];
  /** Set by a test: the next sync of a segment fails. */
  failNextSync = false;

  /** @param isMapped files changed through a mapping */
  constructor(root: string, isMapped: (path: string) => boolean) {
    this.#root = root;
    this.#isMapped = isMapped;
    this.#record();
  }

  /** How much has happened: a cut is one of these moments. */
  get length(): number {
    return this.#ops.length;
  }

  end(): void {
    for (const undo of this.#undo.reverse()) undo();
    syncBuiltinESMExports();
  }

  /** Writes a state that a power cut after `cut` operations may have left into `directory`. */
  restore(cut: number, directory: string, random: (below: number) => number): void {
    const ops = this.#ops.slice(0, cut);
    for (const [path, file] of namesLeft(ops, random)) {
      const target = join(directory, path);
      fs.mkdirSync(dirname(target), { recursive: true });
      const own = ops.filter((op) => 'file' in op && op.file === file);
      fs.writeFileSync(target, content(own, random));
    }
  }

  /** When the file that has this name now was last synced before the cut; -1 = never. */
  lastSync(name: string, cut: number): number {
    const file = this.#names.get(name);
    return this.#ops.slice(0, cut).findLastIndex((op) => op.kind === 'sync' && op.file === file);
  }

  #relative(path: string): string | undefined {
    if (path === this.#root) return '';
    return path.startsWith(`${this.#root}/`) ? path.slice(this.#root.length + 1) : undefined;
  }

  #changeNames(change: (names: Map<string, number>) => void): void {
    this.#names = new Map(this.#names);
    change(this.#names);
    this.#ops.push({ kind: 'names', names: this.#names });
  }

  #record(): void {
    this.#standIn('openSync', (real) => (path: string, flags: number, mode?: number) => {
      const fd = real(path, flags, mode);
      const name = this.#relative(path);
      if (name !== undefined) this.#opened(fd, name);
      else {
        this.#fds.delete(fd);
        this.#directories.delete(fd);
      }
      return fd;
    });
    this.#standIn('writeSync', (real) => (fd: number, data: Buffer, from: number, length: number, offset: number) => {
      const written = real(fd, data, from, length, offset);
      this.#wrote(fd, Buffer.from(data.subarray(from, from + length)), offset);
      return written;
    });
    this.#standIn('fsyncSync', (real) => (fd: number) => {
      real(fd);
      const file = this.#fds.get(fd);
      const opened = this.#directories.get(fd);
      if (opened !== undefined) this.#ops.push({ kind: 'sync-names', directory: opened });
      else if (file !== undefined) this.#synced(file);
    });
    this.#standIn('renameSync', (real) => (from: string, to: string) => {
      real(from, to);
      const [oldName, newName] = [this.#relative(from), this.#relative(to)];
      if (oldName === undefined || newName === undefined) return;
      this.#changeNames((names) => {
        names.set(newName, names.get(oldName) ?? -2);
        names.delete(oldName);
      });
    });
    this.#standIn('rmSync', (real) => (path: string, options?: fs.RmOptions) => {
      real(path, options);
      const name = this.#relative(path);
      if (name !== undefined && this.#names.has(name)) this.#changeNames((names) => names.delete(name));
    });
    const { writeDurably, syncFileSystem } = native;
    const stand = (name: 'writeDurably' | 'syncFileSystem', value: unknown) =>
      Object.defineProperty(native, name, { value, configurable: true });
    stand(
      'writeDurably',
      (fd: number, first: Uint8Array, second: Uint8Array | undefined, at: number, sync: boolean) => {
        const file = this.#fds.get(fd);
        writeDurably(fd, first, second, at, sync);
        if (first.length > 0) this.#wrote(fd, Buffer.concat([first, second ?? new Uint8Array()]), at);
        if (!sync || file === undefined) return;
        if (!this.failNextSync) {
          this.#ops.push({ kind: 'sync', file, whole: undefined });
          return;
        }
        this.failNextSync = false;
        this.#ops.push({ kind: 'failed-sync', file });
        throw Object.assign(new Error('fdatasync: EIO'), { code: 'EIO' });
      },
    );
    stand('syncFileSystem', (fd: number) => {
      syncFileSystem(fd);
      for (const file of new Set(this.#names.values())) this.#synced(file);
      for (const directory of directoriesOf(this.#names)) this.#ops.push({ kind: 'sync-names', directory });
    });
    this.#undo.push(() => {
      stand('writeDurably', writeDurably);
      stand('syncFileSystem', syncFileSystem);
    });
    syncBuiltinESMExports();
  }

  // biome-ignore lint/suspicious/noExplicitAny: overloads of node:fs, each called in one way only
  #standIn(name: 'openSync' | 'writeSync' | 'fsyncSync' | 'renameSync' | 'rmSync', make: (real: any) => unknown): void {
    const real = fs[name];
    Object.assign(fs, { [name]: make(real) });
    this.#undo.push(() => Object.assign(fs, { [name]: real }));
  }

  #opened(fd: number, name: string): void {
    this.#directories.delete(fd);
    if (fs.fstatSync(fd).isDirectory()) {
      this.#directories.set(fd, name);
      this.#fds.delete(fd);
      return;
    }
    const known = this.#names.get(name);
    const file = known ?? this.#files++;
    this.#fds.set(fd, file);
    if (known === undefined) this.#changeNames((names) => names.set(name, file));
  }

  #wrote(fd: number, data: Buffer, offset: number): void {
    const file = this.#fds.get(fd);
    if (file !== undefined) this.#ops.push({ kind: 'write', file, offset, data });
  }

  #synced(file: number): void {
    const name = [...this.#names].find(([, other]) => other === file)?.[0];
    const isMapped = name !== undefined && this.#isMapped(basename(name));
    this.#ops.push({ kind: 'sync', file, whole: isMapped ? this.#wholeOf(file, join(this.#root, name)) : undefined });
  }

  /** The content of a file; the same buffer as the last time when it is the same. */
  #wholeOf(file: number, path: string): Buffer {
    const now = fs.readFileSync(path);
    const last = this.#wholes.get(file);
    if (last?.equals(now)) return last;
    this.#wholes.set(file, now);
    return now;
  }
}

/** Which names are there afterwards: of each directory one of its states since it was last synced. */
function namesLeft(ops: readonly Op[], random: (below: number) => number): Map<string, number> {
  const left = new Map<string, number>();
  for (const directory of directoriesOf(ops.findLast((op) => op.kind === 'names')?.names ?? new Map(), ops)) {
    const lastSync = ops.findLastIndex((op) => op.kind === 'sync-names' && op.directory === directory);
    const synced = ops.slice(0, Math.max(0, lastSync)).findLast((op) => op.kind === 'names');
    const states = [synced?.names ?? new Map<string, number>()];
    for (const [index, op] of ops.entries()) if (op.kind === 'names' && index > lastSync) states.push(op.names);
    for (const [path, file] of states[random(states.length)] ?? []) {
      if (directoryOf(path) === directory) left.set(path, file);
    }
  }
  return left;
}

function directoriesOf(names: ReadonlyMap<string, number>, ops: readonly Op[] = []): Set<string> {
  const synced = ops.flatMap((op) => (op.kind === 'sync-names' ? [op.directory] : []));
  return new Set([...[...names.keys()].map(directoryOf), ...synced]);
}

function directoryOf(path: string): string {
  const directory = dirname(path);
  return directory === '.' ? '' : directory;
}

/** One of the states of a file, sector by sector; `ops` are those about it. */
function content(ops: readonly Op[], random: (below: number) => number): Buffer {
  const end = Math.max(0, ...ops.map((op) => (op.kind === 'write' ? op.offset + op.data.length : 0)));
  let data = Buffer.alloc(end);
  /** How likely a sector of an unsynced write arrived: all, none and something in between all happen. */
  const odds = random(5);
  const isSafe = safety(ops);
  for (const [index, op] of ops.entries()) {
    if (op.kind === 'sync' && op.whole !== undefined) data = Buffer.from(op.whole);
    if (op.kind !== 'write') continue;
    for (let at = 0; at < op.data.length; ) {
      const step = Math.min(op.data.length - at, SECTOR - ((op.offset + at) % SECTOR));
      if (isSafe[index] || random(4) < odds) op.data.copy(data, op.offset + at, at, at + step);
      at += step;
    }
  }
  return data;
}

/** For each operation on a file whether the first sync after it succeeded. */
function safety(ops: readonly Op[]): boolean[] {
  let isSafe = false;
  return ops
    .toReversed()
    .map(({ kind }) => {
      if (kind === 'sync') isSafe = true;
      if (kind === 'failed-sync') isSafe = false;
      return isSafe;
    })
    .reverse();
}
