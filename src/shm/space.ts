/**
 * A space: a small mapped file in which threads and processes share locks, semaphores, conditions, arrays and pipes, found by
 * name. Its agents are those of the table (agents.ts), so the death of an owner is noticed in the same way.
 *
 *     0          head      one page: magic, bytes, how far it is given out, the lock for giving out
 *     4,096      agents    512 x 1 KiB
 *     528,384    objects   one behind the other, never moved: KIND, BYTES (of the body), NAME_BYTES, name, body
 *
 * Little-endian; reserved bytes are zero. An object is there if and only if it begins below USED: that word is the commit of
 * giving out, and what a dead agent had begun behind it is overwritten by the next.
 */

import { closeSync, constants, fstatSync, ftruncateSync, linkSync, openSync, rmSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import { Agents } from './agents.js';
import { bootId } from './boot.js';
import { field, struct } from './fields.js';
import { AGENT, AGENTS } from './layout.js';
import { native } from './native.js';
import { WordLock } from './word-lock.js';

const SPACE = struct(
  'turno_space',
  'Head of a space.',
  {
    MAGIC: field('u32', '"turnospc"', 2),
    BYTES: field('u32', 'length of the space'),
    USED: field('u32', 'objects begin below this byte'),
    AGENT_HINT: field('u32', 'where to look first for a free slot'),
    LOCK: field('u32', 'held to give out room'),
  },
  4_096,
);
const OBJECT = struct('turno_object', 'Head of an object.', {
  KIND: field('u32', 'what it is'),
  BYTES: field('u32', 'of the body'),
  NAME_BYTES: field('u32', 'of the name that follows'),
  RESERVED: field('u32', 'zero'),
});
const S = SPACE.fields;
const O = OBJECT.fields;
const MAGIC = [0x6e727574, 0x6370736f] as const;
const FIRST_OBJECT = SPACE.size + AGENTS * AGENT.size;
const ALIGNMENT = 64;

/** What an object is; an array adds which of the ten kinds of numbers it holds. */
export const ObjectKind = { lock: 1, recursiveLock: 2, semaphore: 3, condition: 4, pipe: 5, array: 16 } as const;

export interface SpaceOptions {
  /** A waiter looks this often whether whom it waits for is dead, and loses patience after a fifth of it. 100 unless told. */
  readonly lookEveryMs?: number;
}

export class Space {
  readonly lookEveryMs: number;
  readonly bootMark = Buffer.from(bootId()).readInt32LE(0);
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** For Agents: where their table lies. */
  readonly geometry = { agents: SPACE.size };
  readonly agentHint = S.AGENT_HINT;
  readonly agents: Agents;
  readonly #lock: WordLock;

  private constructor(buffer: SharedArrayBuffer, { lookEveryMs = 100 }: SpaceOptions) {
    if (!(lookEveryMs >= 1)) throw new RangeError(`lookEveryMs: expected a number from 1, got ${lookEveryMs}`);
    this.lookEveryMs = lookEveryMs;
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.agents = new Agents(this);
    this.#lock = new WordLock(this, S.LOCK.offset / 4, this.agents, () => undefined);
    this.agents.claim();
  }

  /**
   * Makes a space in a new file. @param options.bytes room for objects, 1 MiB unless told
   * @throws EEXIST when the file is there, ENOSPC
   */
  static create(path: string, { bytes = 1_048_576, ...options }: SpaceOptions & { bytes?: number } = {}): Space {
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    // It gets its name when it is whole; a link, which refuses a name that is there, where a rename would take it away.
    const temporary = `${path}.${process.pid}-${process.hrtime.bigint()}.tmp`;
    const fd = openSync(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const space = Space.#begin(fd, bytes, options);
      linkSync(temporary, path);
      return space;
    } finally {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
  }

  /**
   * Makes a space without a name, in memory: whoever inherits the descriptor opens it (`inherited`), and when the last process
   * that has it is gone, however it ended, nothing is left of it.
   * @returns the space, and the descriptor, which the caller hands on (`stdio` of spawn) and closes
   * @throws ENOSPC, ENOMEM
   */
  static createUnnamed({ bytes = 1_048_576, ...options }: SpaceOptions & { bytes?: number } = {}): {
    space: Space;
    fd: number;
  } {
    const fd = native.memfd('turno-space');
    try {
      return { space: Space.#begin(fd, bytes, options), fd };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  static #begin(fd: number, bytes: number, options: SpaceOptions): Space {
    const length = FIRST_OBJECT + Math.ceil(bytes / 4_096) * 4_096;
    ftruncateSync(fd, length);
    native.allocate(fd, 0, length);
    const buffer = native.map(fd, length);
    const words = new Int32Array(buffer);
    words[S.BYTES.offset / 4] = length;
    words[S.USED.offset / 4] = FIRST_OBJECT;
    words[S.MAGIC.offset / 4 + 1] = MAGIC[1];
    Atomics.store(words, S.MAGIC.offset / 4, MAGIC[0]); // last: half a head is not a space
    return new Space(buffer, options);
  }

  /** Maps a space another process has made. @throws TURNO_TABLE_NOT_A_TABLE */
  static open(path: string, options: SpaceOptions = {}): Space {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      return Space.#map(fd, path, options);
    } finally {
      closeSync(fd);
    }
  }

  /** Maps the space of an inherited descriptor, and closes that. @throws TURNO_TABLE_NOT_A_TABLE */
  static inherited(fd: number, options: SpaceOptions = {}): Space {
    try {
      return Space.#map(fd, `descriptor ${fd}`, options);
    } finally {
      closeSync(fd);
    }
  }

  static #map(fd: number, path: string, options: SpaceOptions): Space {
    const { size } = fstatSync(fd);
    const buffer = size > FIRST_OBJECT ? native.map(fd, size) : new SharedArrayBuffer(SPACE.size);
    const words = new Int32Array(buffer);
    if (words[0] !== MAGIC[0] || words[1] !== MAGIC[1] || words[S.BYTES.offset / 4] !== (size | 0)) {
      throw new TurnoError('TURNO_TABLE_NOT_A_TABLE', { path, found: `${words[0]}`, expected: '"turnospc"' });
    }
    return new Space(buffer, options);
  }

  /** The space in another thread, which got the buffer by workerData. */
  static attach(buffer: SharedArrayBuffer, options: SpaceOptions = {}): Space {
    return new Space(buffer, options);
  }

  load(at: { readonly offset: number }): number {
    return Atomics.load(this.words, at.offset / 4) >>> 0;
  }

  store(at: { readonly offset: number }, value: number): void {
    Atomics.store(this.words, at.offset / 4, value);
  }

  /**
   * The object of this name, made by whoever asks first.
   * @param bytes of its body
   * @param begin called once, before anybody else sees it, with the index of its first word
   * @returns byte at which the body begins, a multiple of 64
   * @throws RangeError when the name is of another kind or size, or when there is no room
   */
  object(name: string, kind: number, bytes: number, begin: (firstWord: number) => void = () => undefined): number {
    const encoded = Buffer.from(name);
    if (encoded.length === 0 || encoded.length > 255) throw new RangeError('name: expected 1 to 255 bytes');
    this.#lock.acquire();
    try {
      return this.#find(encoded, kind, bytes) ?? this.#add(encoded, kind, bytes, begin);
    } finally {
      this.#lock.release();
    }
  }

  #find(name: Buffer, kind: number, bytes: number): number | undefined {
    const used = this.load(S.USED);
    for (let at = FIRST_OBJECT; at < used; ) {
      const nameBytes = this.words[(at + O.NAME_BYTES.offset) / 4] ?? 0;
      const body = bodyOf(at, nameBytes);
      const bodyBytes = (this.words[(at + O.BYTES.offset) / 4] ?? 0) >>> 0; // may be 2 GiB and more
      if (name.equals(this.bytes.subarray(at + OBJECT.size, at + OBJECT.size + nameBytes))) {
        const isSame = this.words[(at + O.KIND.offset) / 4] === kind && bodyBytes === bytes;
        if (!isSame) throw new RangeError(`${name}: is there already, of another kind or size`);
        return body;
      }
      at = aligned(body + bodyBytes);
    }
    return undefined;
  }

  #add(name: Buffer, kind: number, bytes: number, begin: (firstWord: number) => void): number {
    const at = this.load(S.USED);
    const body = bodyOf(at, name.length);
    const end = aligned(body + bytes);
    if (end > this.buffer.byteLength) throw new RangeError(`${name}: no room for ${bytes} bytes in this space`);
    this.bytes.fill(0, at, end);
    this.words[(at + O.KIND.offset) / 4] = kind;
    this.words[(at + O.BYTES.offset) / 4] = bytes;
    this.words[(at + O.NAME_BYTES.offset) / 4] = name.length;
    this.bytes.set(name, at + OBJECT.size);
    begin(body / 4);
    this.store(S.USED, end);
    return body;
  }

  /** This thread is through with it, and holds nothing of it. */
  close(): void {
    this.agents.retire();
  }
}

function bodyOf(at: number, nameBytes: number): number {
  return aligned(at + OBJECT.size + nameBytes);
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}
