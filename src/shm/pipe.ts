/**
 * A pipe between two ends, for messages in both directions; as multiprocessing.Pipe.
 *
 * Each direction is a ring of its own:
 *
 *     word 0  READ      bytes taken so far, modulo 2^32       word 3  READERS   lock of those who receive
 *     word 1  WRITTEN   bytes put in so far, modulo 2^32      word 4  WRITERS   lock of those who send
 *     word 2  CLOSED    1 = nobody will send any more         word 5  SENDER    agent of the sending end, 0 = not yet there
 *     from word 16      the ring, a power of two: messages, each its length and its bytes, filled up to a whole word
 *
 * WRITTEN is raised when a message is whole, READ when it has been copied: whoever dies in the middle has sent, or received,
 * nothing. A message that does not fit into the ring is refused. Messages are what structured clone can carry.
 */

import { deserialize, serialize } from 'node:v8';
import type { WaitOptions } from './locks.js';
import { native } from './native.js';
import { ObjectKind, type Space } from './space.js';
import { WordLock } from './word-lock.js';

const READ = 0;
const WRITTEN = 1;
const CLOSED = 2;
const READERS = 3;
const WRITERS = 4;
const SENDER = 5;
const RING = 16;
const LONGEST_WAIT_MS = 100;

/** One direction. */
class Channel {
  readonly #space: Space;
  readonly #at: number;
  readonly #mask: number;
  readonly #readers: WordLock;
  readonly #writers: WordLock;

  constructor(space: Space, name: string, bytes: number) {
    this.#space = space;
    this.#at = space.object(name, ObjectKind.pipe, RING * 4 + bytes) / 4;
    this.#mask = bytes / 4 - 1;
    this.#readers = new WordLock(space, this.#at + READERS, space.agents, () => undefined);
    this.#writers = new WordLock(space, this.#at + WRITERS, space.agents, () => undefined);
  }

  openForSending(): void {
    this.#store(SENDER, this.#space.agents.self);
  }

  send(message: Uint8Array, timeoutMs: number): boolean {
    const words = 1 + Math.ceil(message.length / 4);
    if (words > this.#mask + 1) throw new RangeError(`message of ${message.length} bytes is longer than the pipe`);
    const end = performance.now() + timeoutMs;
    if (!this.#writers.acquire(timeoutMs)) return false;
    try {
      const hasRoom = () => ((this.#load(WRITTEN) - this.#load(READ)) >>> 0) / 4 + words <= this.#mask + 1;
      if (!this.#wait(READ, hasRoom, end)) return false;
      const from = this.#load(WRITTEN) >>> 2;
      this.#put(from, message.length);
      const padded = new Int32Array(words - 1);
      new Uint8Array(padded.buffer).set(message);
      for (const [index, word] of padded.entries()) this.#put(from + 1 + index, word);
      this.#store(WRITTEN, (from + words) * 4);
    } finally {
      this.#writers.release();
    }
    native.futexWake(this.#space.words, this.#at + WRITTEN, 2 ** 30);
    return true;
  }

  /** undefined when the time is over. @throws RangeError when nobody will send any more */
  receive(timeoutMs: number): Uint8Array | undefined {
    const end = performance.now() + timeoutMs;
    if (!this.#readers.acquire(timeoutMs)) return undefined;
    try {
      if (!this.#wait(WRITTEN, () => this.hasMessage || this.#isOver, end)) return undefined;
      if (!this.hasMessage) throw new RangeError('receive: the other end is closed');
      const from = this.#load(READ) >>> 2;
      const length = this.#get(from);
      const words = Math.ceil(length / 4);
      const copy = Int32Array.from({ length: words }, (_, index) => this.#get(from + 1 + index));
      this.#store(READ, (from + 1 + words) * 4);
      native.futexWake(this.#space.words, this.#at + READ, 2 ** 30);
      return new Uint8Array(copy.buffer, 0, length);
    } finally {
      this.#readers.release();
    }
  }

  get hasMessage(): boolean {
    return this.#load(WRITTEN) !== this.#load(READ);
  }

  close(): void {
    this.#store(CLOSED, 1);
    native.futexWake(this.#space.words, this.#at + WRITTEN, 2 ** 30);
  }

  get #isOver(): boolean {
    const sender = this.#load(SENDER);
    return this.#load(CLOSED) === 1 || (sender !== 0 && this.#space.agents.isDead(sender));
  }

  /** Waits on one of the words until `isTrue`; false when the time is over. */
  #wait(word: number, isTrue: () => boolean, end: number): boolean {
    for (;;) {
      const seen = this.#load(word);
      if (isTrue()) return true;
      const leftMs = end - performance.now();
      if (leftMs <= 0) return false;
      native.futexWait(this.#space.words, this.#at + word, seen, Math.min(leftMs, LONGEST_WAIT_MS));
    }
  }

  #load(word: number): number {
    return Atomics.load(this.#space.words, this.#at + word);
  }

  #store(word: number, value: number): void {
    Atomics.store(this.#space.words, this.#at + word, value);
  }

  #put(position: number, value: number): void {
    this.#space.words[this.#at + RING + (position & this.#mask)] = value;
  }

  #get(position: number): number {
    return this.#space.words[this.#at + RING + (position & this.#mask)] ?? 0;
  }
}

/** One of the two ends; several threads may use the same. */
export class PipeEnd {
  readonly #out: Channel;
  readonly #in: Channel;

  /**
   * @param end 0 or 1; what one end sends the other receives
   * @param bytes room in each direction, a power of two; 64 KiB unless told
   */
  constructor(space: Space, name: string, end: 0 | 1, bytes = 65_536) {
    if (bytes < 64 || (bytes & (bytes - 1)) !== 0)
      throw new RangeError(`bytes: expected a power of two from 64, got ${bytes}`);
    this.#out = new Channel(space, `${name}:${end}`, bytes);
    this.#in = new Channel(space, `${name}:${1 - end}`, bytes);
    this.#out.openForSending();
  }

  /** Waits while the pipe is full; false when the time is over. @throws RangeError when it can never fit */
  send(message: unknown, { timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions = {}): boolean {
    return this.#out.send(serialize(message), timeoutMs);
  }

  /**
   * The next message, in a box because undefined is one, too; undefined when the time is over.
   * @throws RangeError when the other end is closed, or dead, and all it sent has been received
   */
  receive({ timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions = {}): { readonly message: unknown } | undefined {
    const bytes = this.#in.receive(timeoutMs);
    return bytes === undefined ? undefined : { message: deserialize(bytes) };
  }

  /** As receive(), without blocking the thread: looks again and again, at most 10 ms apart. */
  async receiveLater({
    timeoutMs = Number.POSITIVE_INFINITY,
  }: WaitOptions = {}): Promise<{ message: unknown } | undefined> {
    const end = performance.now() + timeoutMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 10)) {
      const received = this.receive({ timeoutMs: 0 });
      if (received !== undefined || performance.now() >= end) return received;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Whether receive() would have something at once. */
  get hasMessage(): boolean {
    return this.#in.hasMessage;
  }

  /** Nothing more will be sent from here. */
  close(): void {
    this.#out.close();
  }
}
