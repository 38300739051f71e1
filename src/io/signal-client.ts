/**
 * The client's half of a mailbox (mailbox-layout.ts): requests into slots, answers out of them.
 *
 * The mailbox of a front is mapped once in this process, however many clients use it. While something is under way a scan
 * looks at it as often as the front's, and rings again where the front has not taken a request: the signal may have been
 * lost. When the front dies, what it had not taken goes to another front; the rest is rejected with TURNO_UNREACHABLE, since
 * it may have been done.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TurnoError } from '../errors.js';
import { errorReply } from './answers.js';
import { listen, type Range } from './doorbell.js';
import { Mailbox, type Outgoing } from './mailbox.js';
import { isSameOwner, mailboxDirectory, SCAN_MS, SLOT_COUNT, State, stateOf, withState } from './mailbox-layout.js';
import { type Channel, halfCharacters } from './message-client.js';
import { pack, unpack } from './pack.js';
import { Peer, processNamed } from './peer.js';
import type { RequestMessage } from './schema.js';

/** No server sends more in one answer; what says so is no server of turno. */
const MAX_ANSWER_BYTES = 2 ** 30;

type Reply = { readonly isError: boolean; readonly value: unknown };
type Outcome = Reply | 'not-taken';

export class SignalChannel implements Channel {
  readonly server: string;
  readonly #directory: string;
  readonly #token: string | undefined;
  readonly #own = new Set<Exchange>();
  #front: FrontBox | undefined;
  #isClosed = false;

  /** @param directory the data directory of the server, absolute */
  constructor(server: string, directory: string, token: string | undefined) {
    this.server = server;
    this.#directory = directory;
    this.#token = token;
  }

  async ask(request: RequestMessage): Promise<Reply> {
    const refusal = halfCharacters(request);
    if (refusal !== undefined) return refusal;
    const bytes = Buffer.from(pack({ token: this.#token, request }));
    for (;;) {
      if (this.#isClosed) throw unreachable(this.server, 'this client was closed');
      if (this.#front?.isUsable !== true) this.#front = frontOf(this.server, this.#directory);
      const front = this.#front;
      if (bytes.length > front.box.maxBytes) {
        const details = { field: 'body', limit: front.box.maxBytes, found: bytes.length };
        return { isError: true, value: errorReply(new TurnoError('TURNO_TOO_LARGE', details)) };
      }
      const exchange = new Exchange(this.server, bytes);
      this.#own.add(exchange);
      front.begin(exchange);
      const outcome = await exchange.outcome.finally(() => this.#own.delete(exchange));
      if (outcome !== 'not-taken') return outcome;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const exchange of this.#own) exchange.front?.abandon(exchange);
  }
}

/** One request and its answer. */
class Exchange {
  readonly server: string;
  readonly outgoing: { bytes: Uint8Array; offset: number; isError: false };
  readonly parts: Buffer[] = [];
  readonly outcome: Promise<Outcome>;
  received = 0;
  total: number | undefined;
  /** The slot's word at our last change; 0 while it waits for a slot. */
  word = 0;
  front: FrontBox | undefined;
  resolve: (outcome: Outcome) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;

  constructor(server: string, bytes: Uint8Array) {
    this.server = server;
    this.outgoing = { bytes, offset: 0, isError: false };
    this.outcome = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  fail(problem: string): void {
    this.reject(unreachable(this.server, problem));
  }
}

/** By slot; which slots there are, as bits too. */
class Slots<T> extends Map<number, T> {
  readonly bits = new Int32Array(SLOT_COUNT / 32);

  override set(slot: number, value: T): this {
    this.bits[slot >>> 5] = (this.bits[slot >>> 5] ?? 0) | (1 << (slot & 31));
    return super.set(slot, value);
  }

  override delete(slot: number): boolean {
    this.bits[slot >>> 5] = (this.bits[slot >>> 5] ?? 0) & ~(1 << (slot & 31));
    return super.delete(slot);
  }
}

/** A front, as this process sees it through its mailbox. */
class FrontBox {
  readonly box: Mailbox;
  readonly #peer: Peer;
  readonly #range: Range;
  readonly #self = processNamed(process.pid) ?? { pid: process.pid, startTime: 0n };
  readonly #exchanges = new Slots<Exchange>();
  readonly #waiting: Exchange[] = [];
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDead = false;

  constructor(box: Mailbox, peer: Peer) {
    this.box = box;
    this.#peer = peer;
    peer.onEnded = () => this.#frontDied();
    this.#range = listen((slot) => this.#rung(slot));
  }

  get isUsable(): boolean {
    return !this.box.isClosed && !this.#isDead;
  }

  begin(exchange: Exchange): void {
    exchange.front = this;
    this.#timer ??= setInterval(() => this.#scan(), SCAN_MS);
    if (this.#waiting.length > 0 || !this.#claim(exchange)) this.#waiting.push(exchange);
  }

  /** Nobody wants the answer any more. */
  abandon(exchange: Exchange): void {
    const queued = this.#waiting.indexOf(exchange);
    if (queued !== -1) this.#waiting.splice(queued, 1);
    for (const [slot, one] of this.#exchanges) {
      if (one !== exchange) continue;
      const word = this.box.word(slot);
      if (isSameOwner(word, exchange.word)) this.#letGo(slot, word);
      this.#exchanges.delete(slot);
    }
    exchange.fail('this client was closed');
    this.#next();
  }

  /** Gives back what it holds of the kernel, unless something is under way. */
  tidy(): void {
    if (this.isUsable || this.#exchanges.size > 0 || this.#waiting.length > 0) return;
    fronts.delete(this.box.path);
    this.#range.end();
    this.#peer.close();
  }

  /** The front sets a slot free that it is at work on; all others are ours. */
  #letGo(slot: number, word: number): void {
    if (stateOf(word) === State.taken && this.box.swap(slot, word, withState(word, State.abandoned))) return;
    const now = this.box.word(slot);
    if (isSameOwner(now, word) && stateOf(now) !== State.taken) this.box.free(slot, now);
    else if (isSameOwner(now, word)) this.box.swap(slot, now, withState(now, State.abandoned));
  }

  /**
   * @param from where to look first
   * @returns false when no slot is free
   */
  #claim(exchange: Exchange, from?: number): boolean {
    if (this.#exchanges.size === SLOT_COUNT) return false;
    // From one's own place on: processes that all began at 0 would try the same slots.
    const first = from ?? (this.#self.pid + this.#sequence) % SLOT_COUNT;
    for (let i = 0; i < SLOT_COUNT; i++) {
      const slot = (first + i) % SLOT_COUNT;
      if (this.#exchanges.has(slot)) continue;
      const word = this.box.claim(slot, this.#sequence, this.#self, this.#range.base + slot);
      if (word === undefined) continue;
      this.#sequence++;
      this.#exchanges.set(slot, exchange);
      exchange.word = word;
      this.#post(slot, exchange);
      return true;
    }
    return false;
  }

  #post(slot: number, exchange: Exchange): void {
    const outgoing: Outgoing = exchange.outgoing;
    const offset = this.box.write(slot, withState(exchange.word, State.claimed), outgoing, State.posted);
    if (offset === undefined) {
      this.#lost(slot, exchange);
      return;
    }
    exchange.outgoing.offset = offset;
    this.#ring(slot);
  }

  #ring(slot: number): void {
    this.box.mark('POSTED', slot);
    this.#peer.ring(slot);
  }

  #rung(slot: number): void {
    this.#look(slot);
    for (const other of this.box.marked('ANSWERED', this.#exchanges.bits)) this.#look(other);
  }

  #look(slot: number): void {
    const exchange = this.#exchanges.get(slot);
    if (exchange === undefined) return;
    const word = this.box.word(slot);
    if (!isSameOwner(word, exchange.word)) {
      this.#lost(slot, exchange);
      return;
    }
    const state = stateOf(word);
    if (state === State.claimed) this.#post(slot, exchange);
    else if (state === State.answered) this.#collect(slot, exchange, word);
  }

  #collect(slot: number, exchange: Exchange, word: number): void {
    const { received: offset, total } = exchange;
    const part = this.box.read(slot, word, {
      offset,
      ...(total === undefined ? {} : { total }),
      maxBytes: MAX_ANSWER_BYTES,
    });
    if (typeof part === 'string') {
      exchange.reject(new TurnoError('TURNO_ANSWER', { server: exchange.server, problem: part }));
      this.#finish(slot, word);
      return;
    }
    exchange.parts.push(part.bytes);
    exchange.received += part.bytes.length;
    exchange.total = part.total;
    if (!part.isLast) {
      if (!this.box.swap(slot, word, withState(word, State.taken))) {
        this.#lost(slot, exchange);
        return;
      }
      this.#ring(slot);
      return;
    }
    const [first] = exchange.parts;
    const bytes = exchange.parts.length === 1 && first !== undefined ? first : Buffer.concat(exchange.parts);
    try {
      exchange.resolve({ isError: part.isError, value: unpack(bytes) });
    } catch (error) {
      const problem = (error as Error).message;
      exchange.reject(new TurnoError('TURNO_ANSWER', { server: exchange.server, problem }, { cause: error }));
    }
    this.#finish(slot, word);
  }

  #finish(slot: number, word: number): void {
    this.#exchanges.delete(slot);
    this.box.free(slot, word);
    this.#next(slot);
  }

  /** The front took the slot away: this process had been stopped so long that it looked dead, or it was written over. */
  #lost(slot: number, exchange: Exchange): void {
    this.#exchanges.delete(slot);
    exchange.fail('its slot of the mailbox was taken away');
    this.#next();
  }

  /** A slot has become free: it is for whoever waits; when nobody is left the scan ends. */
  #next(freed?: number): void {
    while (this.#waiting[0] !== undefined && this.#claim(this.#waiting[0], freed)) this.#waiting.shift();
    if (this.#exchanges.size > 0 || this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #scan(): void {
    if (!this.#peer.isAlive) {
      this.#frontDied();
      return;
    }
    if (this.box.isClosed) for (const exchange of this.#waiting.splice(0)) exchange.resolve('not-taken');
    for (const slot of [...this.#exchanges.keys()]) {
      this.#look(slot);
      if (this.#exchanges.has(slot) && stateOf(this.box.word(slot)) === State.posted) this.#ring(slot);
    }
    this.#next();
  }

  #frontDied(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    for (const exchange of this.#waiting.splice(0)) exchange.resolve('not-taken');
    for (const [slot, exchange] of [...this.#exchanges]) {
      // Answered before it died, or never begun: the mailbox still says so.
      this.#look(slot);
      if (!this.#exchanges.delete(slot)) continue;
      const isUntouched = stateOf(this.box.word(slot)) === State.posted && exchange.outgoing.offset > 0;
      if (isUntouched && exchange.outgoing.offset === exchange.outgoing.bytes.length) exchange.resolve('not-taken');
      else exchange.fail('the front died');
    }
    this.#next();
    this.tidy();
  }
}

/** By path of the mailbox: all of this process. */
const fronts = new Map<string, FrontBox>();

/**
 * A front of the server that lives, another one each time.
 * @throws TURNO_UNREACHABLE, TURNO_OTHER_UID
 */
function frontOf(server: string, directory: string): FrontBox {
  for (const front of [...fronts.values()]) front.tidy();
  const paths = mailboxes(server, directory);
  const first = Math.floor(Math.random() * paths.length);
  let problem = 'no front has a mailbox: was it started with --signals on?';
  for (let i = 0; i < paths.length; i++) {
    const path = paths[(first + i) % paths.length] ?? '';
    const found = fronts.get(path) ?? opened(path);
    if (typeof found === 'string') problem = found;
    else if (found.isUsable) return found;
    else problem = 'the front is ending';
  }
  throw unreachable(server, problem);
}

function mailboxes(server: string, directory: string): string[] {
  const own = process.geteuid?.() ?? 0;
  try {
    const { uid } = statSync(directory);
    if (own !== 0 && own !== uid) throw new TurnoError('TURNO_OTHER_UID', { server, uid, own });
    const inside = mailboxDirectory(directory);
    return readdirSync(inside).flatMap((name) => (/^\d+\.turno$/.test(name) ? [join(inside, name)] : []));
  } catch (error) {
    if (error instanceof TurnoError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') throw new TurnoError('TURNO_OTHER_UID', { server, uid: '(no access to it)', own });
    throw unreachable(server, code ?? message);
  }
}

/** @returns what is wrong with it, when it is no way to a front */
function opened(path: string): FrontBox | string {
  try {
    const { box, uid } = Mailbox.open(path);
    const peer = Peer.find(box.front, uid);
    if (typeof peer === 'string') return peer;
    if (box.isClosed) {
      peer.close();
      return 'the front is ending';
    }
    const front = new FrontBox(box, peer);
    fronts.set(path, front);
    return front;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'TURNO_SYSTEM') throw error;
    return code === 'ENOENT' ? 'the front has ended' : message;
  }
}

function unreachable(server: string, problem: string): TurnoError {
  return new TurnoError('TURNO_UNREACHABLE', { server, problem });
}
