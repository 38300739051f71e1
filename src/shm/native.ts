/**
 * The native addon (native/addon/), typed, and where the native parts lie.
 *
 * It is loaded at the first call, not at import: `turno --help` must work where it was not built. Before anything of it is
 * called its Node ABI is compared with ours, from the name of the symbol Node looks for: a binary of another ABI would fail
 * with words that help nobody.
 *
 * Every function throws an Error with `code` (such as ENOSPC), `errno` and `syscall` when the kernel refuses. Those that
 * wait block their thread: not for an event loop that serves.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TurnoError } from '../errors.js';

export interface Native {
  /** Maps the first `length` bytes of a file, shared; more than the file has may be mapped, but not touched (SIGBUS). */
  map(fd: number, length: number): SharedArrayBuffer;
  /** Gives blocks to a range of a file, so that a store there cannot fail. Throws ENOSPC, leaving it partly grown. */
  allocate(fd: number, offset: number, length: number): void;
  /** Takes the blocks of a range away again; it reads as zeros. */
  release(fd: number, offset: number, length: number): void;
  /**
   * Waits, as Atomics.wait, but across processes too. Blocks at most `timeoutMs`.
   * @param bits a wake with other bits alone is not meant for this waiter; all bits unless told
   */
  futexWait(
    words: Int32Array,
    index: number,
    expected: number,
    timeoutMs: number,
    bits?: number,
  ): 'woken' | 'changed' | 'timed-out';
  /** Wakes at most `count` of those who wait with one of the bits; how many it were. */
  futexWake(words: Int32Array, index: number, count: number, bits?: number): number;
  /** From now on SIGALRM adds 1 to the word and wakes all who wait on it; for the whole process, replacing the last bell. */
  bellOnAlarm(words: Int32Array, index: number): void;
  /** SIGALRM once, after `us` microseconds; 0 disarms. */
  setAlarm(us: number): void;
  /** The kernel's number of the calling thread. */
  threadId(): number;
  /**
   * kill(2); false when there is no such process. For cells: their programs can fill the queue of signals, which counts for
   * a user and bounds what sigqueue(3) may add, of real-time signals too.
   */
  sendSignal(pid: number, signalNumber: number): boolean;
  /** sigqueue(3); false when there is no such process. Throws EAGAIN when the queue is full. */
  queueSignal(pid: number, signalNumber: number, value: number): boolean;
  /**
   * From now on a queued signal of this number with a value below `bits.length * 32` sets that bit, and this event loop
   * calls `onRing`, once for many. The bell does not keep the loop alive. One a process: throws EBUSY when there is another.
   */
  openBell(signalNumber: number, bits: Int32Array, onRing: () => void): void;
  /** The signal is ignored from now on. Another bell can be opened once the event loop has gone round. */
  closeBell(): void;
  /** Rings without a value in range, since the process began. */
  strayRings(): number;
  /** A pidfd, close-on-exec: it means this process and no later one with its pid. -1 when there is none. */
  openProcess(pid: number): number;
  /** sigqueue(3) by pidfd; false when the process has ended. Throws EAGAIN when the queue is full, EPERM for another uid. */
  ringProcess(pidFd: number, signalNumber: number, value: number): boolean;
  /** Signal this process gets when the thread that made it dies. */
  setDeathSignal(signalNumber: number): void;
  /**
   * The calling thread goes before all that is not real-time: SCHED_RR, sched(7), at its lowest priority. Processes and
   * threads it makes do not. Throws EPERM without CAP_SYS_NICE or RLIMIT_RTPRIO, or in a cpu group without real-time.
   */
  setRealtime(): void;
  /** flock(2) without waiting; false when another holds it. */
  lockFile(fd: number, kind: 'shared' | 'exclusive' | 'none'): boolean;
  /** A file in memory, close-on-exec, with its offset at 0. */
  memfd(name: string, content?: Uint8Array): number;
  /** mkfifo(3), then chmod: the mask has no say. */
  makeFifo(path: string, mode: number): void;
  /** The uid of whoever has connected to a Unix socket, as the kernel kept it then. */
  peerUid(fd: number): number;
  /** A stream pair, close-on-exec: the first end does not block, the second does. */
  socketPair(): [ours: number, theirs: number];
  /** A pipe, close-on-exec: our end, which does not block, for reading or writing, and the other. */
  pipe(weRead: boolean): [ours: number, theirs: number];
  /** Sends all bytes; at most 250 descriptors go with the first. Waits when the socket is full. */
  sendWithFds(fd: number, bytes: Uint8Array, fds: readonly number[]): void;
  /** openat2(2): no symbolic links, nothing outside the directory. */
  openBeneath(dirFd: number, path: string, flags: number, mode: number): number;
  /** Writes `first` and `second` one behind the other at `offset`, then fdatasync if `sync`. Waits for the disk. */
  writeDurably(fd: number, first: Uint8Array, second: Uint8Array | undefined, offset: number, sync: boolean): void;
  // The hot paths of records.ts and journal.ts, which say what they do.
  /** What CHECKSUM of an image must be (native/addon/sum.h); the same without the CPU's instruction, for tests. */
  recordChecksum(image: Int32Array, kind: number, index: number, inSoftware?: boolean): number;
  /** What a thread says of a table once, instead of at each call. `words` is a view of the region's start. */
  readonly TableView: new (
    words: Int32Array,
    rowsDirectory: number,
    usersDirectory: number,
    idsDirectory: number,
    fixedChunks: number,
  ) => TableView;
  /** Writes a record of the journal into the ring. */
  putRecord(
    words: Int32Array,
    ring: number,
    mask: number,
    position: number,
    salt: number,
    kind: number,
    index: number,
    image: Int32Array,
    imageWords: number,
    rest: Int32Array,
    restFrom: number,
    restBytes: number,
  ): void;
  /** syncfs(2). Waits for the disk. */
  syncFileSystem(fd: number): void;
}

/** The hot paths of a table's records, of which records.ts says what they do. An agent is the index of its first word. */
export interface TableView {
  /** Whether `image` holds a verified copy of the record now; false also when it needs a closer look. */
  readRecord(kind: number, index: number, image: Int32Array): boolean;
  /** The row with this id, -1 when there is none, -2 when it needs a closer look; with an image, its verified copy. */
  findRow(id: Uint8Array, image?: Int32Array): number;
  /** Gives the image its next version and its checksum, and puts it into the agent's intent slot. */
  stageChange(agent: number, kind: number, index: number, image: Int32Array, running: number, done: number): void;
  /** Copies the agent's intent into the record it names; `steps` are those of ChangeStep. */
  publishChange(agent: number, steps: number): void;
}

const NAMES = [
  'map',
  'allocate',
  'release',
  'futexWait',
  'futexWake',
  'bellOnAlarm',
  'setAlarm',
  'threadId',
  'sendSignal',
  'queueSignal',
  'openBell',
  'closeBell',
  'strayRings',
  'openProcess',
  'ringProcess',
  'setDeathSignal',
  'setRealtime',
  'lockFile',
  'memfd',
  'socketPair',
  'pipe',
  'makeFifo',
  'peerUid',
  'sendWithFds',
  'openBeneath',
  'writeDurably',
  'recordChecksum',
  'TableView',
  'putRecord',
  'syncFileSystem',
] as const satisfies readonly (keyof Native)[];

const root = packageRoot(dirname(fileURLToPath(import.meta.url)));

/** The turno-cell executable. */
export const cellBinary = join(root, 'build/Release/turno-cell');

/** The preloaded half of a template (native/template). */
export function templateHalf(kind: string): string {
  return join(root, `build/Release/template-${kind}.so`);
}

const addonPath = join(root, 'build/Release/turno.node');

/** The addon. Its functions replace themselves by the real ones at the first use of any. */
export const native = Object.defineProperties(
  {},
  Object.fromEntries(NAMES.map((name) => [name, { configurable: true, get: () => loadNative()[name] }])),
) as Native;

let loaded: Native | undefined;

/**
 * The addon itself, loaded now: for hot paths, which keep it in a field. (`native` changed its properties when it was loaded,
 * so that V8 looks them up by name each time.)
 */
export function loadNative(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  if (!existsSync(addonPath)) throw new TurnoError('TURNO_NATIVE_MISSING', { path: addonPath, root });
  const found = abiOf(addonPath);
  const expected = Number(process.versions.modules);
  if (found !== expected) {
    throw new TurnoError('TURNO_NATIVE_ABI', { path: addonPath, found, expected, version: process.version, root });
  }
  const addon = createRequire(import.meta.url)(addonPath) as Native;
  for (const name of NAMES) Object.defineProperty(native, name, { value: addon[name] });
  return addon;
}

/** The ABI a built addon was made for, or undefined when the file is no addon. */
export function abiOf(path: string): number | undefined {
  const symbol = /node_register_module_v(\d+)/.exec(readFileSync(path, 'latin1'));
  return symbol === null ? undefined : Number(symbol[1]);
}

/** Compiled code lies in dist/ or in .build/src/: the package is the first directory above with a binding.gyp. */
function packageRoot(from: string): string {
  if (existsSync(join(from, 'binding.gyp')) || dirname(from) === from) return from;
  return packageRoot(dirname(from));
}
