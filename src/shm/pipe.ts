/**
 * A pipe between two ends, for messages in both directions; as multiprocessing.Pipe.
 *
 * Each direction is a ring of its own:
 *
 *     word 0  READ      bytes taken so far, modulo 2^32       word 3  READERS   lock of those who receive
 *     word 1  WRITTEN   bytes put in so far, modulo 2^32      word 4  WRITERS   lock of those who send
 *     word 2  CLOSED    1 = nobody will send any more
 *     from word 16      512 x SENDER: the agents that have the sending end, each at its slot
 *     from word 528     the ring, a power of two: messages, each its length and its bytes, filled up to a whole word
 *
 * WRITTEN is raised when a message is whole, READ when it has been copied: whoever dies in the middle has sent, or received,
 * nothing. A message that does not fit into the ring is refused. Messages are what structured clone can carry.
 */

import { deserialize, serialize } from 'node:v8';
import { slotOf } from './agents.js';
import { AGENTS } from './layout.js';
import { native } from './native.js';
import { ObjectKind, type Space } from './space.js';
import { Deadline, type WaitOptions, waitFor, waitLater } from './waiting.js';
import { WordLock } from './word-lock.js';

const READ = 0;
const WRITTEN = 1;
const CLOSED = 2;
const READERS = 3;
const WRITERS = 4;
const SENDERS = 16;
const RING = SENDERS + AGENTS;
const EVERYBODY = 2 ** 30;

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
    const { self } = this.#space.agents;
    this.#store(SENDERS + slotOf(self), self);
  }

  /**
   * @param back the other direction: when that is over, nobody will receive
   * @throws RangeError when the message can never fit, or when nobody will receive it
   */
  send(message: Uint8Array, deadline: Deadline, back: Channel): boolean {
    const words = 1 + Math.ceil(message.length / 4);
    if (words > this.#mask + 1) throw new RangeError(`message of ${message.length} bytes is longer than the pipe`);
    if (!this.#writers.acquire(deadline.leftMs)) return false;
    try {
      const hasRoom = () => {
        const isRoom = ((this.#load(WRITTEN) - this.#load(READ)) >>> 0) / 4 + words <= this.#mask + 1;
        // Whether the other one is dead is a look into /proc: only when there is nothing else to do.
        if (isRoom ? back.#isClosed : back.isOver) throw new RangeError('send: the other end is closed');
        return isRoom || undefined;
      };
      if (!this.#wait(READ, hasRoom, deadline)) return false;
      this.#putMessage(message, words);
    } finally {
      this.#writers.release();
    }
    native.futexWake(this.#space.words, this.#at + WRITTEN, EVERYBODY);
    return true;
  }

  #putMessage(message: Uint8Array, words: number): void {
    const from = this.#load(WRITTEN) >>> 2;
    this.#put(from, message.length);
    const padded = new Int32Array(words - 1);
    new Uint8Array(padded.buffer).set(message);
    for (const [index, word] of padded.entries()) this.#put(from + 1 + index, word);
    this.#store(WRITTEN, (from + words) * 4);
  }

  /** undefined when the time is over. @throws RangeError when nobody will send any more */
  receive(deadline: Deadline): Uint8Array | undefined {
    if (!this.#readers.acquire(deadline.leftMs)) return undefined;
    try {
      if (!this.#wait(WRITTEN, () => this.hasMessage || this.isOver || undefined, deadline)) return undefined;
      if (!this.hasMessage) throw new RangeError('receive: the other end is closed');
      const from = this.#load(READ) >>> 2;
      const length = this.#get(from);
      const words = Math.ceil(length / 4);
      const copy = Int32Array.from({ length: words }, (_, index) => this.#get(from + 1 + index));
      this.#store(READ, (from + 1 + words) * 4);
      native.futexWake(this.#space.words, this.#at + READ, EVERYBODY);
      return new Uint8Array(copy.buffer, 0, length);
    } finally {
      this.#readers.release();
    }
  }

  get hasMessage(): boolean {
    return this.#load(WRITTEN) !== this.#load(READ);
  }

  /** Wakes those who wait for a message, and `sleepers`: those who wait to send to whoever closes this. */
  close(sleepers: Channel): void {
    this.#store(CLOSED, 1);
    native.futexWake(this.#space.words, this.#at + WRITTEN, EVERYBODY);
    native.futexWake(this.#space.words, sleepers.#at + READ, EVERYBODY);
  }

  /** Whether nobody will send any more: the sending end was closed, or all agents that had it are dead. */
  get isOver(): boolean {
    if (this.#isClosed) return true;
    let hadSender = false;
    for (let slot = 0; slot < AGENTS; slot++) {
      const sender = this.#load(SENDERS + slot);
      if (sender === 0) continue;
      if (!this.#space.agents.isDead(sender)) return false;
      hadSender = true;
    }
    return hadSender;
  }

  get #isClosed(): boolean {
    return this.#load(CLOSED) === 1;
  }

  /** Waits until one of the words has changed enough. */
  #wait(word: number, attempt: () => true | undefined, deadline: Deadline): boolean {
    const { words, lookEveryMs } = this.#space;
    return waitFor({ words, index: this.#at + word, lookEveryMs }, attempt, deadline) ?? false;
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

/** One of the two ends; several threads may use the same: it is closed by any of them, or when all of them are dead. */
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

  /**
   * Waits while the pipe is full; false when the time is over.
   * @throws RangeError when it can never fit, or when the other end is closed, or dead
   */
  send(message: unknown, options: WaitOptions = {}): boolean {
    return this.#out.send(serialize(message), new Deadline(options), this.#in);
  }

  /** As send(), without blocking the thread: looks again and again, at most 10 ms apart. */
  async sendLater(message: unknown, options: WaitOptions = {}): Promise<boolean> {
    const bytes = serialize(message);
    const attempt = () => this.#out.send(bytes, new Deadline({ timeoutMs: 0 }), this.#in) || undefined;
    return (await waitLater(attempt, new Deadline(options))) ?? false;
  }

  /**
   * The next message, in a box because undefined is one, too; undefined when the time is over.
   * @throws RangeError when the other end is closed, or dead, and all it sent has been received
   */
  receive(options: WaitOptions = {}): { readonly message: unknown } | undefined {
    const bytes = this.#in.receive(new Deadline(options));
    return bytes === undefined ? undefined : { message: deserialize(bytes) };
  }

  /** As receive(), without blocking the thread: looks again and again, at most 10 ms apart. */
  receiveLater(options: WaitOptions = {}): Promise<{ readonly message: unknown } | undefined> {
    return waitLater(() => this.receive({ timeoutMs: 0 }), new Deadline(options));
  }

  /** Whether receive() would have something at once. */
  get hasMessage(): boolean {
    return this.#in.hasMessage;
  }

  /** Nothing more will be sent from here. */
  close(): void {
    this.#out.close(this.#in);
  }
}
