/**
 * The journal: every change as a record, in the order of changes, on disk before it is acknowledged.
 *
 * Positions count bytes from the table's beginning and never repeat. A record lies first in the ring, in the region, at its
 * position modulo the ring's length, and then in a segment at its position less the segment's START:
 *
 *     ... written and synced ...|......... in the ring only .........|
 *                          RING_WRITTEN                          RING_TAIL
 *
 * Format of a record (JOURNAL_RECORD in layout.ts), little-endian 32-bit words:
 *     head      CHECKSUM KIND POSITION INDEX WORDS IMAGE_WORDS BYTES
 *     payload   IMAGE_WORDS words of image, then BYTES bytes (a response, or a source), zero-filled to a whole word
 * It is valid if and only if (1) POSITION is where it stands, (2) WORDS is IMAGE_WORDS plus the words that BYTES need, and
 * (3) CHECKSUM is that (checksum.ts) of the rest of the head, the image and the bytes, one
 * after the other, beginning with the table's salt. A reader stops at the first invalid record: in
 * the last segment that is the end of the journal, before the end of another it is damage. Older records in recycled
 * blocks have other positions, those of another table another salt.
 *
 * append() runs under the lock of what is changed, so records of one row are in the order of its versions. The tail is
 * raised after the record is whole: half a record of a dead agent is not there.
 *
 * commit() is group commit without a thread of its own: whoever finds nobody leading leads, for all who wait. One write from
 * RING_WRITTEN to the tail, one fdatasync, RING_WRITTEN, then the futex of those who wait. The leader's death loses
 * nothing: the next one writes the same bytes to the same places.
 *
 * After a failed write or sync nothing behind RING_WRITTEN in that segment is believed: the kernel may have dropped the
 * pages, and a second sync would say that all is well. The batch goes to a new segment; if that fails too, new work is
 * refused (JOURNAL_STATE) until a later try succeeds. Reading goes on, and so does what was accepted.
 */

import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { TurnoError } from '../errors.js';
import { checkDisk } from './disk.js';
import { faultPoint } from './fault-points.js';
import { Durability, JOURNAL_RECORD, type LogKind } from './layout.js';
import { loadNative, native } from './native.js';
import { codeOf, H, type Region } from './region.js';
import { SEGMENT_DATA, type Segment, Segments } from './segments.js';
import type { WordLock } from './word-lock.js';

export const RECORD_WORDS = JOURNAL_RECORD.size / 4;
const DURABLE = H.DURABLE_WORD.offset / 4;
/** A waiter looks this often whether the leader is dead. */
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;
const RETRY_MS = 1_000;
/** JOURNAL_STATE: the next batch goes to a new segment, but nothing says that it will not take it. */
const DOUBTFUL = 1;
/** Segments are this many rings long, so a batch always fits into a new one. */
const RINGS_PER_SEGMENT = 4;

/** Words in a view, for copying without a copy. */
export interface WordRange {
  readonly words: Int32Array;
  readonly from: number;
  /** Exact length in bytes. */
  readonly bytes: number;
}

const NOTHING: WordRange = { words: new Int32Array(), from: 0, bytes: 0 };

export class Journal {
  readonly #native = loadNative();
  readonly #region: Region;
  readonly #appendLock: WordLock;
  readonly #leaderLock: WordLock;
  readonly #mask: number;
  readonly #ring: number;
  readonly segments: Segments;
  #open: { fd: number; segment: Segment } | undefined;
  /** Position behind the last record this thread has appended. */
  #last = 0;
  #nextTryAtMs = 0;

  constructor(region: Region, appendLock: WordLock, leaderLock: WordLock) {
    this.#region = region;
    this.#appendLock = appendLock;
    this.#leaderLock = leaderLock;
    this.#mask = region.geometry.ringBytes / 4 - 1;
    this.#ring = region.geometry.ring / 4;
    this.segments = new Segments(journalDirectory(region.path));
  }

  /** Position behind the last record of this thread. */
  get last(): number {
    return this.#last;
  }

  /** What this thread commits next is all that was appended up to now, by whomever. */
  catchUp(): void {
    this.#last = this.tail;
  }

  get tail(): number {
    return this.#region.loadLong(H.RING_TAIL);
  }

  get written(): number {
    return this.#region.loadLong(H.RING_WRITTEN);
  }

  /** The most bytes a record may carry besides an image. */
  get mostBytes(): number {
    return this.#region.geometry.ringBytes / 4;
  }

  /** Whether a record can be appended without waiting for the disk, as things are. */
  get hasRoom(): boolean {
    return this.tail - this.written < this.#region.geometry.ringBytes / 2;
  }

  /**
   * Refuses when the disk does, or when too little of it is free: called before new work is taken.
   * @param mayWait tries about once a second whether the disk takes writes again. Blocks: not for an event loop
   * @throws TURNO_DISK_LOW, TURNO_DISK_FULL, TURNO_DISK_REFUSES
   */
  checkAccepting(mayWait: boolean): void {
    checkDisk(this.#region);
    if (this.#region.load(H.JOURNAL_STATE) <= DOUBTFUL) return;
    if (mayWait) {
      const now = performance.now();
      if (now >= this.#nextTryAtMs) {
        this.#nextTryAtMs = now + RETRY_MS;
        this.retry();
      }
    }
    const state = this.#region.load(H.JOURNAL_STATE);
    if (state > DOUBTFUL) throw refusal(errorOf(state - 1), this.segments.directory, this.tail - this.written);
  }

  /**
   * Appends a record and says where it ends: durable once commit() has come that far. Waits for the disk when the ring is
   * full.
   * @throws TURNO_DISK_FULL, TURNO_DISK_REFUSES, TURNO_SYSTEM when the ring is full and cannot be written; then nothing was appended.
   */
  append(kind: LogKind, index: number, image: Int32Array, imageWords: number, rest = NOTHING): number {
    if (this.#region.load(H.DURABILITY) === Durability.none) return 0;
    const bytes = (RECORD_WORDS + imageWords + Math.ceil(rest.bytes / 4)) * 4;
    this.#appendLock.acquire();
    try {
      const position = this.tail;
      // Leading needs no append lock, so this cannot wait for itself.
      while (position + bytes - this.written > this.#region.geometry.ringBytes) this.commit(position, true);
      const { words } = this.#region;
      const salt = this.#region.load(H.JOURNAL_SALT) | 0;
      const { words: restWords, from, bytes: restBytes } = rest;
      this.#native.putRecord(
        words,
        this.#ring,
        this.#mask,
        position,
        salt,
        kind,
        index,
        image,
        imageWords,
        restWords,
        from,
        restBytes,
      );
      faultPoint('journal.inside-record');
      this.#last = position + bytes;
      this.#region.storeLong(H.RING_TAIL, this.#last);
      faultPoint('journal.after-record');
      return this.#last;
    } finally {
      this.#appendLock.release();
    }
  }

  /**
   * Returns when everything before `position` is durable: synced with durability `power`; with `crash` at once, because the
   * mapped file outlives every process. Blocks: for savers and runners, not for an event loop.
   * @param mustWrite write to the segments even where durability does not ask for it, to make room in the ring
   * @throws TURNO_DISK_FULL, TURNO_DISK_REFUSES, TURNO_SYSTEM: not durable; it may become so by a later commit.
   */
  commit(position: number, mustWrite = false): void {
    const durability = this.#region.load(H.DURABILITY);
    if (durability === Durability.none || (durability === Durability.crash && !mustWrite)) return;
    for (let waitMs = FIRST_WAIT_MS; this.written < position; ) {
      // Before the look at who leads: a leader that ends after that raises the word, and we do not sleep.
      const seen = Atomics.load(this.#region.words, DURABLE);
      if (this.#leaderLock.tryAcquireAlive()) {
        this.#leadAndRelease();
        continue;
      }
      if (this.written >= position) return;
      if (native.futexWait(this.#region.words, DURABLE, seen, waitMs) !== 'timed-out') continue;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      if (this.#leaderLock.tryAcquire()) this.#leadAndRelease();
    }
  }

  /** Tries to write all that is in the ring; a failure shows in JOURNAL_STATE and in the next commit. */
  flush(): void {
    try {
      this.empty();
    } catch (error) {
      if (!(error instanceof TurnoError)) throw error;
    }
  }

  /** Writes all that is in the ring. @throws TURNO_DISK_FULL, TURNO_DISK_REFUSES, TURNO_SYSTEM */
  empty(): void {
    this.commit(this.tail, true);
    if (this.#region.load(H.JOURNAL_STATE) !== 0 && this.#leaderLock.tryAcquire()) this.#leadAndRelease();
  }

  /** Tries whether a disk that refused takes writes again. Blocks for the disk. */
  retry(): void {
    if (this.#region.load(H.JOURNAL_STATE) !== 0) this.flush();
  }

  #leadAndRelease(): void {
    try {
      this.#lead();
    } finally {
      this.#leaderLock.release();
      // Released first: who wakes and is not served yet finds nobody leading.
      Atomics.add(this.#region.words, DURABLE, 1);
      native.futexWake(this.#region.words, DURABLE, 2 ** 30);
    }
  }

  #lead(): void {
    const from = this.written;
    const to = this.tail;
    const isDoubtful = this.#region.load(H.JOURNAL_STATE) !== 0;
    if (from === to && !isDoubtful) return;
    try {
      this.#writeBatch(from, to, isDoubtful);
    } catch (first) {
      // Before anything else: should we die now, whoever comes next must not go on in a segment whose end another has been told
      // to be here, nor believe what the failed sync left.
      if (!isDoubtful) this.#region.store(H.JOURNAL_STATE, DOUBTFUL);
      try {
        this.#writeBatch(from, to, true);
      } catch {
        this.#region.store(H.JOURNAL_STATE, stateAfter(first));
        throw refusal(first, this.segments.directory, to - from);
      }
    }
    faultPoint('journal.after-sync');
    this.#region.storeLong(H.RING_WRITTEN, to);
    this.#region.store(H.JOURNAL_STATE, 0);
  }

  #writeBatch(from: number, to: number, isNewWanted: boolean): void {
    const { fd, segment } = this.#segmentFor(from, to, isNewWanted);
    const { bytes, geometry } = this.#region;
    const start = from % geometry.ringBytes;
    const firstLength = Math.min(to - from, geometry.ringBytes - start);
    const first = bytes.subarray(geometry.ring + start, geometry.ring + start + firstLength);
    const second = bytes.subarray(geometry.ring, geometry.ring + (to - from - firstLength));
    const offset = SEGMENT_DATA + from - segment.start;
    faultPoint('journal.before-write');
    native.writeDurably(fd, first, second, offset, false);
    faultPoint('journal.before-sync');
    if (this.#region.load(H.DURABILITY) === Durability.power)
      native.writeDurably(fd, new Uint8Array(), undefined, 0, true);
  }

  /** The segment the batch goes to: the current one while there is room, else the next. */
  #segmentFor(from: number, to: number, isNewWanted: boolean): { fd: number; segment: Segment } {
    const open = this.#current();
    const number = this.#region.load(H.SEGMENT_NUMBER);
    if (open !== undefined && !isNewWanted && to - open.segment.start <= open.segment.bytes) return open;
    this.#leave(isNewWanted);
    this.close();
    const bytes = RINGS_PER_SEGMENT * this.#region.geometry.ringBytes;
    const salt = this.#region.load(H.JOURNAL_SALT);
    const made = this.segments.make({ number: number + 1, start: from, salt, bytes });
    faultPoint('journal.after-segment');
    // The commit of the new segment: before this word a later leader makes it again, and finds it.
    this.#region.store(H.SEGMENT_NUMBER, made.segment.number);
    this.#open = made;
    // One in which nothing is believed is of no use: retries on a bad disk must not pile up. Never made again under its own
    // number: other threads may have the old file open, and would take it for the new one.
    if (open?.segment.start === from) this.segments.remove(number);
    return made;
  }

  /** The segment being written, opened by this thread. */
  #current(): { fd: number; segment: Segment } | undefined {
    const number = this.#region.load(H.SEGMENT_NUMBER);
    if (this.#open?.segment.number !== number) {
      this.close();
      this.#open = number === 0 ? undefined : this.segments.open(number);
    }
    return this.#open;
  }

  /**
   * With durability `crash`, of this server or of the last one, this is the only sync: holes are then in the last segment only, and
   * the rest can be read.
   * @param isDoubtful it may have failed already: then it is tried, and the next segment is wanted all the same
   */
  #leave(isDoubtful: boolean): void {
    try {
      this.sync();
    } catch (error) {
      if (!isDoubtful) throw error;
    }
  }

  /** Makes what was written to the last segment durable, where no commit has. Waits for the disk. */
  sync(): void {
    const open = this.#current();
    if (open !== undefined) native.writeDurably(open.fd, new Uint8Array(), undefined, 0, true);
  }

  /**
   * The first segment, so that a table without changes has a journal without records; the next one after a rebuild, or after a
   * batch that failed. If the disk does not take that one, the start goes on: what is there can be read, and new work is refused
   * until a later try succeeds. For the primary.
   * @throws when the disk does not take the first
   */
  begin(): void {
    this.segments.removeHalfMade();
    const isFirst = this.#region.load(H.SEGMENT_NUMBER) === 0;
    try {
      if (isFirst || this.#region.load(H.JOURNAL_STATE) !== 0) this.#segmentFor(this.written, this.written, true);
      this.#region.store(H.JOURNAL_STATE, 0);
    } catch (error) {
      if (isFirst) throw error;
      this.#region.store(H.JOURNAL_STATE, stateAfter(error));
    }
  }

  /** Writes the next segment ahead of time. Blocks for tens of ms: for a thread with nothing else to do. */
  prepareSpare(): void {
    this.segments.prepareSpare(RINGS_PER_SEGMENT * this.#region.geometry.ringBytes);
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }
}

export function journalDirectory(tablePath: string): string {
  return join(dirname(tablePath), 'journal');
}

function refusal(error: unknown, path: string, wanted: number): TurnoError {
  const found = TurnoError.ofDisk(error, path, wanted);
  if (found !== undefined) return found;
  const problem = error instanceof Error ? error.message : String(error);
  return new TurnoError('TURNO_SYSTEM', { call: 'write', on: path, problem }, { cause: error });
}

/** JOURNAL_STATE when a new segment could not be made or written. */
function stateAfter(error: unknown): number {
  const { errno } = constants;
  return 1 + (errno[codeOf(error) as keyof typeof errno] ?? errno.EIO);
}

/** The error behind JOURNAL_STATE, which any thread may have met. */
function errorOf(errno: number): NodeJS.ErrnoException {
  const code = errno === 0 ? 'unknown' : getSystemErrorName(-errno);
  return Object.assign(new Error(`write failed: ${code}`), { code, syscall: 'write' });
}
