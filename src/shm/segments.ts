/**
 * Segments: the files of the journal, `journal/segment-00000001` and so on, beside the table.
 *
 * A segment has its head in the first 64 bytes (SEGMENT in layout.ts) and records from byte 4,096. It is valid if and only
 * if its magic and checksum fit; an invalid one is not part of the journal. Its blocks are written (with zeros) and synced
 * before it gets its name: a record is then one write into blocks the file system knows, and fdatasync has no metadata to
 * write.
 *
 * A segment that is no longer needed becomes a spare, and a spare the next segment: a journal that is shortened from time to
 * time writes no zeros. What is left of its old records in a recycled segment has other positions than where it stands now,
 * those of another table another salt, so that none of them is valid behind the last new one (journal.ts). A power cut may
 * leave the new head under the old name: a segment whose NUMBER is not that of its name is not part of the journal.
 *
 * Segment n is believed from its START up to the START of segment n + 1, and no further: what a failed sync left behind that
 * point is written again into n + 1.
 */

import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { SEGMENT, SEGMENT_MAGIC } from './layout.js';
import { syncDirectory } from './sync-directory.js';

const S = SEGMENT.fields;
export const SEGMENT_DATA = 4_096;
const ZEROS = Buffer.alloc(1_048_576);
/** As many as the journal fills from one snapshot to the next (256 MiB in segments of 16), for which they take the room. */
const MOST_SPARES = 16;
const { O_RDWR, O_RDONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

export interface Segment {
  readonly number: number;
  readonly salt: number;
  /** Journal position of the first record. */
  readonly start: number;
  /** Room for records. */
  readonly bytes: number;
}

export class Segments {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  path(number: number): string {
    return join(this.directory, nameOf(number));
  }

  /** All valid segments, in order. Nothing is changed. */
  list(): Segment[] {
    return this.#names('segment-')
      .map((name) => ({ name, segment: this.#read(join(this.directory, name)) }))
      .flatMap(({ name, segment }) => (segment && name === nameOf(segment.number) ? [segment] : []))
      .sort((a, b) => a.number - b.number);
  }

  /** Opens a segment for writing; undefined when there is none of this number. The caller closes it. */
  open(number: number): { fd: number; segment: Segment } | undefined {
    const segment = this.#read(this.path(number));
    if (segment === undefined || segment.number !== number) return undefined;
    return { fd: openSync(this.path(number), O_RDWR | O_NOFOLLOW), segment };
  }

  /**
   * Makes a segment, or finds the one that a leader who died had just made for the same position.
   * Blocks: about 20 ms for 16 MiB when there is no spare to take.
   */
  make(segment: Segment): { fd: number; segment: Segment } {
    const found = this.open(segment.number);
    if (found !== undefined) {
      if (found.segment.start === segment.start && found.segment.salt === segment.salt) return this.#named(found);
      closeSync(found.fd);
    }
    const temporary = this.#takeSpare(segment.bytes) ?? this.#writeZeros(segment.bytes);
    const fd = openSync(temporary, O_RDWR | O_NOFOLLOW);
    try {
      writeSync(fd, encode(segment), 0, SEGMENT.size, 0);
      fsyncSync(fd);
      renameSync(temporary, this.path(segment.number));
    } catch (error) {
      closeSync(fd);
      rmSync(temporary, { force: true }); // retries on a bad disk must not pile up
      throw error;
    }
    return this.#named({ fd, segment });
  }

  /** The name lasts: also when its maker died before he had come to sync it. */
  #named<T extends { readonly fd: number; readonly segment: Segment }>(made: T): T {
    try {
      syncDirectory(this.directory);
      return made;
    } catch (error) {
      closeSync(made.fd);
      this.remove(made.segment.number); // or the next one would find it, and a second sync would say that all is well
      throw error;
    }
  }

  remove(number: number): void {
    rmSync(this.path(number), { force: true });
  }

  /** Writes a spare ahead of time, unless there is one. For a thread that may block. */
  prepareSpare(bytes: number): void {
    if (this.#names('spare-').length > 0) return;
    renameSync(this.#writeZeros(bytes), this.#spare());
  }

  /** Drops the segments that hold nothing from `position` on: they become spares, as far as those are wanted. */
  dropBefore(position: number): void {
    const all = this.list();
    let spares = this.#names('spare-').length;
    for (const [index, { number }] of all.entries()) {
      const next = all[index + 1];
      if (next === undefined || next.start > position) break;
      if (spares++ < MOST_SPARES) renameSync(this.path(number), this.#spare());
      else rmSync(this.path(number));
    }
    syncDirectory(this.directory);
  }

  /** Gives the room of all spares but one back to the file system. */
  releaseSpares(): void {
    for (const name of this.#names('spare-').slice(1)) rmSync(join(this.directory, name), { force: true });
  }

  #names(prefix: string): string[] {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    return readdirSync(this.directory).filter((name) => name.startsWith(prefix));
  }

  /** @returns the path under which nobody else can take it. */
  #takeSpare(bytes: number): string | undefined {
    for (const name of this.#names('spare-')) {
      const temporary = this.#temporary();
      try {
        renameSync(join(this.directory, name), temporary);
      } catch {
        continue; // another leader took it
      }
      const fd = openSync(temporary, O_RDWR | O_NOFOLLOW);
      const lastByte = Buffer.alloc(1);
      const isLongEnough = readSync(fd, lastByte, 0, 1, SEGMENT_DATA + bytes - 1) === 1;
      closeSync(fd);
      if (isLongEnough) return temporary;
      rmSync(temporary);
    }
    return undefined;
  }

  #writeZeros(bytes: number): string {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const temporary = this.#temporary();
    const fd = openSync(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const end = SEGMENT_DATA + bytes;
      for (let at = 0; at < end; ) at += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, end - at), at);
      fsyncSync(fd);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
    return temporary;
  }

  #spare(): string {
    return join(this.directory, `spare-${process.pid}-${process.hrtime.bigint()}`);
  }

  #temporary(): string {
    return join(this.directory, `making-${process.pid}-${process.hrtime.bigint()}`);
  }

  /** What was being made when its maker died. For the primary, alone. */
  removeHalfMade(): void {
    for (const name of this.#names('making-')) rmSync(join(this.directory, name));
  }

  #read(path: string): Segment | undefined {
    const head = Buffer.alloc(SEGMENT.size);
    let fd: number;
    try {
      fd = openSync(path, O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      readSync(fd, head, 0, head.length, 0);
    } finally {
      closeSync(fd);
    }
    return decode(head);
  }
}

function nameOf(number: number): string {
  return `segment-${String(number).padStart(8, '0')}`;
}

function encode({ salt, number, start, bytes }: Segment): Buffer {
  const head = Buffer.alloc(SEGMENT.size);
  head.writeUInt32LE(SEGMENT_MAGIC[0], S.MAGIC.offset);
  head.writeUInt32LE(SEGMENT_MAGIC[1], S.MAGIC.offset + 4);
  head.writeUInt32LE(salt, S.SALT.offset);
  head.writeUInt32LE(number, S.NUMBER.offset);
  head.writeBigUInt64LE(BigInt(start), S.START.offset);
  head.writeUInt32LE(bytes, S.BYTES.offset);
  head.writeUInt32LE(headChecksum(head), S.CHECKSUM.offset);
  return head;
}

function decode(head: Buffer): Segment | undefined {
  const isOurs =
    head.readUInt32LE(S.MAGIC.offset) === SEGMENT_MAGIC[0] &&
    head.readUInt32LE(S.MAGIC.offset + 4) === SEGMENT_MAGIC[1];
  if (!isOurs || head.readUInt32LE(S.CHECKSUM.offset) !== headChecksum(head)) return undefined;
  return {
    number: head.readUInt32LE(S.NUMBER.offset),
    salt: head.readUInt32LE(S.SALT.offset),
    start: Number(head.readBigUInt64LE(S.START.offset)),
    bytes: head.readUInt32LE(S.BYTES.offset),
  };
}

function headChecksum(head: Buffer): number {
  let hash = 0x6a6f7572;
  for (let at = 0; at < S.CHECKSUM.offset; at += 4) {
    hash = Math.imul(hash ^ head.readInt32LE(at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
