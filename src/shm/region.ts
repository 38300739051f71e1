/**
 * The mapped file: made, checked, mapped, grown. Nothing here knows what a row is.
 *
 * The object is a view of the file and keeps nothing but its descriptor and JavaScript views; each thread has its own over
 * the same SharedArrayBuffer. Views reach at most 4 GiB, so the file is seen through windows of 1 GiB.
 */

import { randomInt } from 'node:crypto';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, rmSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import { faultPoint } from './fault-points.js';
import {
  type Area,
  CHUNK_BYTES,
  CHUNK_WORDS,
  type Geometry,
  geometry,
  HEADER,
  LAYOUT_VERSION,
  MAGIC,
  TABLE_SIGNATURE,
} from './layout.js';
import { native } from './native.js';
import type { WordLock } from './word-lock.js';

export const H = HEADER.fields;
const WINDOW_CHUNKS = 1_024;

/** A chunk as seen by this thread: the window it lies in, and where in that window it begins. */
export interface ChunkView {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly firstWord: number;
}

export class Region {
  readonly buffer: SharedArrayBuffer;
  readonly geometry: Geometry;
  readonly agentHint = H.AGENT_HINT;
  readonly lookEveryMs = 100;
  /** The header has the boot id, and the primary condemns all agents of its table at its start. */
  readonly bootMark = 0;
  /** The first window: header, locks, agents, directory and ring lie in it. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** The first window as 64-bit words. */
  readonly longs: BigInt64Array;
  readonly #windows: { words: Int32Array; bytes: Uint8Array }[] = [];
  readonly #chunks = new Map<number, ChunkView>();
  /** Directory words whose chunk this thread has given back: once is enough. */
  readonly released = new Set<number>();
  #fd: number | undefined;

  constructor(buffer: SharedArrayBuffer, fd?: number) {
    this.buffer = buffer;
    const first = this.#window(0);
    this.words = first.words;
    this.bytes = first.bytes;
    this.longs = new BigInt64Array(buffer, 0, first.bytes.length / 8);
    this.geometry = geometry(this.load(H.MAX_ROWS), this.load(H.MAX_USERS), this.load(H.RING_BYTES));
    this.#fd = fd;
  }

  /** A 32-bit field of the header, unsigned. */
  load(field: { readonly offset: number }): number {
    return Atomics.load(this.words, field.offset / 4) >>> 0;
  }

  store(field: { readonly offset: number }, value: number): void {
    Atomics.store(this.words, field.offset / 4, value);
  }

  /**
   * A 64-bit field of the header, of those that only grow while others look: a high half that is the same before and after
   * belongs to the low one between. (As BigInt it would be simpler, and cost ten times as much on the path of every change.)
   */
  loadLong(field: { readonly offset: number }): number {
    const at = field.offset / 4;
    for (;;) {
      const high = Atomics.load(this.words, at + 1);
      const low = Atomics.load(this.words, at);
      if (Atomics.load(this.words, at + 1) === high) return (high >>> 0) * 2 ** 32 + (low >>> 0);
    }
  }

  /** One store: nobody sees one half without the other. The caller holds the lock under which the field is changed. */
  storeLong(field: { readonly offset: number }, value: number): void {
    const high = Math.floor(value / 2 ** 32) | 0;
    if (Atomics.load(this.words, field.offset / 4 + 1) === high) Atomics.store(this.words, field.offset / 4, value | 0);
    else Atomics.store(this.longs, field.offset / 8, BigInt(value));
  }

  /** Absolute path of the file. */
  get path(): string {
    const text = this.bytes.slice(H.PATH.offset, H.PATH.offset + H.PATH.bytes);
    return Buffer.from(text.subarray(0, text.indexOf(0))).toString();
  }

  /** This thread's descriptor of the file; opened when first wanted, most threads never need one. */
  get fd(): number {
    this.#fd ??= openSync(this.path, constants.O_RDWR | constants.O_NOFOLLOW);
    return this.#fd;
  }

  /**
   * Whoever has the table open holds its file, shared: so the primary knows that it is alone, whatever became of others.
   * @throws TURNO_DATA_LOCKED
   */
  lock(kind: 'shared' | 'exclusive'): void {
    if (native.lockFile(this.fd, kind)) return;
    throw new TurnoError('TURNO_DATA_LOCKED', { path: this.path, pid: 'of another process' });
  }

  /** The mapping stays until nobody uses it; so would its share of the file's lock, which hangs on the mapped file. */
  close(): void {
    if (this.#fd === undefined) return;
    native.lockFile(this.#fd, 'none');
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  // ---- chunks -------------------------------------------------------------------------------------------------------

  /** The chunk of an area, or undefined while it does not exist. */
  chunk(area: Area, index: number): ChunkView | undefined {
    if (index >= area.chunks) return undefined;
    const known = this.#chunks.get(area.directory + index);
    if (known !== undefined) return known;
    const number = Atomics.load(this.words, area.directory + index);
    if (number === 0) return undefined;
    // A wild number would be SIGBUS, or somebody else's chunk: this word decides where stores go.
    if (number < this.geometry.fixedChunks || number >= this.load(H.COMMITTED)) {
      throw this.damaged(`directory of ${area.name} names chunk ${number}`, (area.directory + index) * 4);
    }
    const { words, bytes } = this.#window(Math.floor(number / WINDOW_CHUNKS));
    const view = { words, bytes, firstWord: (number % WINDOW_CHUNKS) * CHUNK_WORDS };
    this.#chunks.set(area.directory + index, view);
    return view;
  }

  /**
   * The chunk of an area; made when it does not exist.
   * @throws TURNO_TABLE_FULL when the area has no room for it, TURNO_DISK_FULL when the disk has none; nothing has changed.
   */
  ensureChunk(area: Area, index: number, lock: WordLock): ChunkView {
    return this.chunk(area, index) ?? this.#grow(area, index, lock);
  }

  #grow(area: Area, index: number, lock: WordLock): ChunkView {
    if (index >= area.chunks) throw new TurnoError('TURNO_TABLE_FULL', { path: this.path, rows: this.load(H.ROWS) });
    lock.acquire();
    try {
      if (this.chunk(area, index) === undefined) {
        const number = this.load(H.COMMITTED);
        this.#allocate(number);
        faultPoint('grow.after-allocate');
        this.store(H.GROWING_CHUNK, number);
        this.store(H.GROWING_WORD, area.directory + index);
        // Readers believe a directory word only below COMMITTED, so that goes first.
        this.store(H.COMMITTED, number + 1);
        faultPoint('grow.after-commit');
        Atomics.store(this.words, area.directory + index, number);
        this.store(H.GROWING_WORD, 0);
      }
    } finally {
      lock.release();
    }
    const view = this.chunk(area, index);
    if (view === undefined) throw new Error(`chunk ${index} of ${area.name} vanished`);
    return view;
  }

  /** For whoever takes the grow lock over from the dead. */
  finishGrowing(): void {
    const word = this.load(H.GROWING_WORD);
    if (word === 0) return;
    const number = this.load(H.GROWING_CHUNK);
    // Before COMMITTED was raised nothing had happened: the next one allocates the same blocks again.
    if (this.load(H.COMMITTED) === number + 1) Atomics.store(this.words, word, number);
    this.store(H.GROWING_WORD, 0);
  }

  #allocate(number: number): void {
    try {
      native.allocate(this.fd, number * CHUNK_BYTES, CHUNK_BYTES);
    } catch (error) {
      const refusal = TurnoError.ofDisk(error, this.path, CHUNK_BYTES);
      if (refusal === undefined) throw error;
      // A refused fallocate leaves the file partly grown: cut back, or the next start finds it longer than it says.
      if (refusal.code === 'TURNO_DISK_FULL') ftruncateSync(this.fd, number * CHUNK_BYTES);
      throw refusal;
    }
  }

  #window(index: number): { words: Int32Array; bytes: Uint8Array } {
    const known = this.#windows[index];
    if (known !== undefined) return known;
    const start = index * WINDOW_CHUNKS * CHUNK_BYTES;
    const length = Math.min(WINDOW_CHUNKS * CHUNK_BYTES, this.buffer.byteLength - start);
    const made = {
      words: new Int32Array(this.buffer, start, length / 4),
      bytes: new Uint8Array(this.buffer, start, length),
    };
    this.#windows[index] = made;
    return made;
  }

  // ---- the clean mark -----------------------------------------------------------------------------------------------

  /** Counters and directory as they must be found again. */
  #cleanChecksum(): number {
    let hash = geometryChecksum(this.words);
    const add = (value: number) => {
      hash = Math.imul(hash ^ value, 0x9e3779b1);
      hash ^= hash >>> 15;
    };
    for (const field of [
      H.COMMITTED,
      H.EXTENTS,
      H.ROWS,
      H.USERS,
      H.BASE_RUNNING,
      H.BASE_DONE,
      H.FIRST_UNFINISHED,
      H.FIRST_ROW,
      H.ARCHIVED,
    ]) {
      add(this.load(field));
    }
    for (const field of [H.SEGMENT_NUMBER, H.JOURNAL_SALT, H.RING_TAIL, H.RING_WRITTEN, H.JOURNAL_START]) {
      add(this.load(field));
    }
    const { rows, extents } = this.geometry;
    for (let word = rows.directory; word < extents.directory + extents.chunks; word++) add(this.words[word] ?? 0);
    return hash >>> 0;
  }

  markClean(): void {
    this.store(H.CLEAN_CHECKSUM, this.#cleanChecksum());
    this.store(H.CLEAN, 1);
  }

  /** @throws TURNO_TABLE_DAMAGED when what the clean mark stands for has changed since. */
  verifyClean(): void {
    if (this.load(H.CLEAN_CHECKSUM) === this.#cleanChecksum()) return;
    throw this.damaged('counters or directory do not fit the clean mark', H.CLEAN_CHECKSUM.offset);
  }

  damaged(problem: string, offset: number): TurnoError {
    return new TurnoError('TURNO_TABLE_DAMAGED', { path: this.path, problem, offset });
  }
}

export interface RegionOptions {
  /** Rows the table can have. 16,777,216 unless told. */
  readonly maxRows?: number;
  /** Users the table can have. 1,048,576 unless told. */
  readonly maxUsers?: number;
  /** Bytes of the journal's ring, a power of two from 256 KiB. 4 MiB unless told. */
  readonly ringBytes?: number;
}

/** Makes a new, empty file and maps it. The caller has made sure that none is there. */
export function createRegion(path: string, options: RegionOptions): Region {
  const { maxRows = 2 ** 24, maxUsers = 2 ** 20, ringBytes = 2 ** 22 } = options;
  const shape = geometry(maxRows, maxUsers, ringBytes);
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    native.allocate(fd, 0, shape.fixedChunks * CHUNK_BYTES);
    const buffer = native.map(fd, shape.totalChunks * CHUNK_BYTES);
    const words = new Int32Array(buffer, 0, HEADER.size / 4);
    words[H.LAYOUT.offset / 4] = LAYOUT_VERSION;
    words[H.SIGNATURE.offset / 4] = TABLE_SIGNATURE | 0;
    words[H.MAX_ROWS.offset / 4] = maxRows;
    words[H.MAX_USERS.offset / 4] = maxUsers;
    words[H.RING_BYTES.offset / 4] = ringBytes;
    words[H.JOURNAL_SALT.offset / 4] = randomInt(1, 2 ** 31);
    words[H.GEOMETRY_CHECKSUM.offset / 4] = geometryChecksum(words);
    words[H.COMMITTED.offset / 4] = shape.fixedChunks;
    words[H.MAGIC.offset / 4 + 1] = MAGIC[1];
    Atomics.store(words, H.MAGIC.offset / 4, MAGIC[0]); // last: half a header is not a table
    return new Region(buffer, fd);
  } catch (error) {
    closeSync(fd);
    rmSync(path, { force: true }); // retries on a full disk must not pile up
    throw TurnoError.ofDisk(error, path, shape.fixedChunks * CHUNK_BYTES) ?? error;
  }
}

/**
 * Maps a file that is there.
 * @throws TURNO_TABLE_NOT_A_TABLE, TURNO_TABLE_LAYOUT, TURNO_TABLE_DAMAGED (shorter than it says, or a bad geometry); the
 * file is as it was.
 */
export function mapRegion(path: string): Region {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const shape = checkHeader(fd, path);
    return new Region(native.map(fd, shape.totalChunks * CHUNK_BYTES), fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function checkHeader(fd: number, path: string): Geometry {
  const page = Buffer.alloc(HEADER.size);
  const length = readSync(fd, page, 0, HEADER.size, 0);
  const at = (field: { readonly offset: number }) => page.readUInt32LE(field.offset);
  if (at(H.MAGIC) !== MAGIC[0] || page.readUInt32LE(H.MAGIC.offset + 4) !== MAGIC[1]) {
    const found = JSON.stringify(page.toString('latin1', 0, Math.min(8, length)));
    throw new TurnoError('TURNO_TABLE_NOT_A_TABLE', { path, found, expected: '"turnotbl"' });
  }
  if (at(H.LAYOUT) !== LAYOUT_VERSION || at(H.SIGNATURE) !== TABLE_SIGNATURE) {
    const found = `${at(H.LAYOUT)}-${at(H.SIGNATURE).toString(16)}`;
    const expected = `${LAYOUT_VERSION}-${TABLE_SIGNATURE.toString(16)}`;
    throw new TurnoError('TURNO_TABLE_LAYOUT', { path, found, expected });
  }
  const words = new Int32Array(page.buffer, page.byteOffset, HEADER.size / 4);
  if (at(H.GEOMETRY_CHECKSUM) !== geometryChecksum(words) >>> 0) {
    throw new TurnoError('TURNO_TABLE_DAMAGED', { path, problem: 'bad geometry', offset: H.MAX_ROWS.offset });
  }
  const shape = geometry(at(H.MAX_ROWS), at(H.MAX_USERS), at(H.RING_BYTES));
  const committed = at(H.COMMITTED);
  if (committed < shape.fixedChunks || committed > shape.totalChunks) {
    const problem = `${committed} chunks said to be in use`;
    throw new TurnoError('TURNO_TABLE_DAMAGED', { path, problem, offset: H.COMMITTED.offset });
  }
  const { size } = fstatSync(fd);
  if (size < committed * CHUNK_BYTES) {
    const problem = `truncated: ${committed * CHUNK_BYTES} bytes expected, file ends`;
    throw new TurnoError('TURNO_TABLE_DAMAGED', { path, problem, offset: size });
  }
  return shape;
}

/** What GEOMETRY_CHECKSUM must be. */
export function geometryChecksum(header: Int32Array): number {
  let hash = 0x7475726e;
  for (let word = H.MAX_ROWS.offset / 4; word <= H.BASE.offset / 4; word++) {
    hash = Math.imul(hash ^ (header[word] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}
