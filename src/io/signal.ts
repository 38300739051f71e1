/**
 * Signals as a way in, for clients on the same machine: a mailbox (mailbox-layout.ts) and a bell (doorbell.ts).
 *
 *     ring of slot N -> part out of slot N -> last one? -> message -> Answers -> answer into slot N -> ring to the client
 *
 * Who reaches the mailbox is decided by its file: the uid of the server, and root. Who somebody is for the judge, the token
 * in each message says, as over sockets.
 *
 * Besides the rings there is the scan: it looks at every slot, so that a signal that was lost costs time and nothing else,
 * and sets slots of the dead free.
 */

import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { type Answer, type Answers, userOf } from './answers.js';
import { listen, type Range } from './doorbell.js';
import { Mailbox, type ProcessName } from './mailbox.js';
import { isSameOwner, mailboxDirectory, pidOf, SCAN_MS, State, stateOf, withState } from './mailbox-layout.js';
import { pack, unpack } from './pack.js';
import { Peer, processNamed } from './peer.js';
import { maxBodyBytes } from './schema.js';
import type { Transport, User } from './transport.js';

export interface SignalOptions {
  /** Absolute. */
  readonly dataDirectory: string;
  readonly answers: Answers;
  readonly authenticate: (token: string) => User | undefined;
  readonly settings: Settings;
  readonly log: Logger;
}

/** A request on its way in, at work, or its answer on its way out. */
interface Exchange {
  /** Pid and sequence of the owner; its state is not looked at. */
  readonly owner: number;
  readonly peer: Peer;
  readonly ring: number;
  readonly parts: Buffer[];
  received: number;
  total: number | undefined;
  answer: { bytes: Uint8Array; offset: number; isError: boolean } | undefined;
}

export class SignalTransport implements Transport {
  readonly #options: SignalOptions;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #peers = new Map<number, Peer>();
  /** Words of claimed slots whose owner could not be told at the last scan. */
  #doubtful = new Map<number, number>();
  /** Not what the header says: clients can write there. */
  readonly #maxBytes: number;
  #box: Mailbox | undefined;
  #range: Range | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Slots that were not valid since the last scan, by what was wrong: a broken client must not fill the log. */
  readonly #invalid = new Map<string, number>();
  #idle: (() => void) | undefined;

  constructor(options: SignalOptions) {
    this.#options = options;
    this.#maxBytes = maxBodyBytes(options.settings);
  }

  async start(): Promise<{ url: string }> {
    const { dataDirectory } = this.#options;
    const directory = mailboxDirectory(dataDirectory);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    removeStale(directory);
    const self = processNamed(process.pid);
    if (self === undefined) throw new TurnoError('TURNO_SYSTEM', { call: 'read', on: '/proc', problem: 'no /proc' });
    this.#range = listen((slot) => this.#rung(slot));
    this.#box = Mailbox.create(join(directory, `${process.pid}.turno`), self, this.#maxBytes);
    this.#timer = setInterval(() => this.#scan(), SCAN_MS);
    return { url: `signal:${dataDirectory}` };
  }

  async stop(deadlineMs: number): Promise<void> {
    const box = this.#box;
    if (box === undefined) return;
    box.close();
    this.#scan(); // what was posted before is still answered: by now the judge refuses it
    if (this.#exchanges.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearInterval(this.#timer);
    this.#range?.end();
    rmSync(box.path, { force: true });
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #rung(slot: number): void {
    this.#look(slot);
    if (this.#box !== undefined) for (const other of this.#box.marked('POSTED')) this.#look(other);
  }

  #look(slot: number): void {
    const box = this.#box;
    if (box === undefined) return;
    const word = box.word(slot);
    const state = stateOf(word);
    const exchange = this.#exchanges.get(slot);
    if (exchange !== undefined && !isSameOwner(exchange.owner, word)) this.#forget(slot, exchange);
    if (state === State.posted) this.#take(box, slot, word);
    else if (state === State.taken && exchange?.answer !== undefined) this.#send(box, slot, exchange);
    else if (state === State.abandoned && exchange?.answer !== undefined) this.#send(box, slot, exchange);
  }

  /** A part has come. */
  #take(box: Mailbox, slot: number, word: number): void {
    const exchange = this.#exchanges.get(slot) ?? this.#begin(box, slot, word);
    if (exchange === undefined) return;
    const { received: offset, total } = exchange;
    const part = box.read(slot, word, { offset, ...(total === undefined ? {} : { total }), maxBytes: this.#maxBytes });
    if (typeof part === 'string') {
      this.#report(slot, exchange.peer.name.pid, part);
      if (box.swap(slot, word, withState(word, State.taken))) {
        this.#answer(slot, exchange, this.#options.answers.failure(new TurnoError('TURNO_FRAME', { problem: part })));
      }
      return;
    }
    exchange.parts.push(part.bytes);
    exchange.received += part.bytes.length;
    exchange.total = part.total;
    if (!box.swap(slot, word, withState(word, part.isLast ? State.taken : State.claimed))) {
      this.#forget(slot, exchange); // its owner has given it up just now
      return;
    }
    if (part.isLast) void this.#work(slot, exchange);
    else this.#ring(box, slot, exchange);
  }

  /** The first part of a request: whose it is. */
  #begin(box: Mailbox, slot: number, word: number): Exchange | undefined {
    const peer = this.#peer({ pid: pidOf(word), startTime: box.startTime(slot) });
    if (typeof peer === 'string') {
      this.#report(slot, pidOf(word), peer);
      box.free(slot, word);
      return undefined;
    }
    const ring = box.ring(slot);
    const exchange: Exchange = { owner: word, peer, ring, parts: [], received: 0, total: undefined, answer: undefined };
    this.#exchanges.set(slot, exchange);
    return exchange;
  }

  async #work(slot: number, exchange: Exchange): Promise<void> {
    const { answers, authenticate } = this.#options;
    let answer: Answer;
    try {
      const bytes = exchange.parts.length === 1 ? exchange.parts[0] : Buffer.concat(exchange.parts);
      exchange.parts.length = 0;
      const { token, request } = envelope(unpack(bytes ?? Buffer.alloc(0)));
      answer = await answers.to(request, userOf(authenticate, token));
    } catch (error) {
      answer = answers.failure(error);
    }
    this.#answer(slot, exchange, answer);
  }

  #answer(slot: number, exchange: Exchange, { isError, value }: Answer): void {
    // A copy: what pack() gives is overwritten by its next message.
    exchange.answer = { bytes: Buffer.from(pack(value)), offset: 0, isError };
    if (this.#box !== undefined && this.#exchanges.get(slot) === exchange) this.#send(this.#box, slot, exchange);
  }

  /** The next part of the answer, when it is our turn. */
  #send(box: Mailbox, slot: number, exchange: Exchange): void {
    const { answer } = exchange;
    const word = box.word(slot);
    const isOurs = isSameOwner(word, exchange.owner);
    if (answer === undefined || (isOurs && stateOf(word) === State.answered)) return;
    if (!isOurs || stateOf(word) !== State.taken) {
      if (isOurs && stateOf(word) === State.abandoned) box.free(slot, word);
      this.#forget(slot, exchange);
      return;
    }
    const offset = box.write(slot, word, answer, State.answered);
    if (offset === undefined) {
      this.#send(box, slot, exchange); // abandoned just now
      return;
    }
    answer.offset = offset;
    if (offset === answer.bytes.length) this.#forget(slot, exchange);
    this.#ring(box, slot, exchange);
  }

  #ring(box: Mailbox, slot: number, { peer, ring }: Exchange): void {
    box.mark('ANSWERED', slot);
    peer.ring(ring);
  }

  #forget(slot: number, exchange: Exchange): void {
    if (this.#exchanges.get(slot) !== exchange) return;
    this.#exchanges.delete(slot);
    if (this.#exchanges.size === 0) this.#idle?.();
  }

  #peer(name: ProcessName): Peer | string {
    const known = this.#peers.get(name.pid);
    if (known?.name.startTime === name.startTime) return known;
    const found = Peer.find(name, process.geteuid?.() ?? 0);
    if (typeof found === 'string') return found;
    known?.close();
    this.#peers.set(name.pid, found);
    return found;
  }

  #scan(): void {
    const box = this.#box;
    if (box === undefined) return;
    box.countScan();
    for (const [pid, peer] of this.#peers) {
      if (peer.isAlive) continue;
      peer.close();
      this.#peers.delete(pid);
    }
    const doubtful = new Map<number, number>();
    // A client that gives up between two parts of its request sets the slot free itself, and rings nobody.
    for (const [slot, exchange] of this.#exchanges) {
      if (!isSameOwner(exchange.owner, box.word(slot))) this.#forget(slot, exchange);
    }
    for (const { slot, word, state } of box.taken()) {
      if (this.#isLost(box, slot, word, state, doubtful)) this.#reclaim(box, slot, word);
      else this.#look(slot);
    }
    this.#doubtful = doubtful;
    for (const [problem, count] of this.#invalid) {
      if (count > 1) this.#options.log.warn({ problem, count }, 'mailbox: more slots that are not valid');
    }
    this.#invalid.clear();
  }

  /** Whether nobody will come for a slot. */
  #isLost(box: Mailbox, slot: number, word: number, state: State | undefined, doubtful: Map<number, number>): boolean {
    if (state === undefined || state === State.free) return true; // no state that can be: somebody wrote over it
    const exchange = this.#exchanges.get(slot);
    const isKnown = exchange !== undefined && isSameOwner(exchange.owner, word);
    if (isKnown) return !this.#lives(exchange.peer.name);
    if (state === State.abandoned) return true;
    if (this.#lives({ pid: pidOf(word), startTime: box.startTime(slot) })) return state === State.taken;
    if (state !== State.claimed || this.#doubtful.get(slot) === word) return true;
    doubtful.set(slot, word);
    return false;
  }

  #lives(name: ProcessName): boolean {
    const known = this.#peers.get(name.pid);
    return known?.name.startTime === name.startTime || processNamed(name.pid)?.startTime === name.startTime;
  }

  #reclaim(box: Mailbox, slot: number, word: number): void {
    if (!box.free(slot, word)) return;
    const exchange = this.#exchanges.get(slot);
    if (exchange !== undefined) this.#forget(slot, exchange);
    this.#options.log.info({ slot, pid: pidOf(word) }, 'mailbox: slot of nobody set free');
  }

  #report(slot: number, pid: number, problem: string): void {
    const kind = problem.replace(/\d+/g, 'N');
    const count = (this.#invalid.get(kind) ?? 0) + 1;
    this.#invalid.set(kind, count);
    if (count === 1) this.#options.log.warn({ slot, pid, problem }, 'mailbox: a slot that is not valid');
  }
}

/** Fronts of before may have been killed: their mailboxes lead nowhere. */
function removeStale(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = Number(/^(\d+)\.turno/.exec(name)?.[1]);
    if (pid === process.pid || processNamed(pid) === undefined) rmSync(join(directory, name), { force: true });
  }
}

/** @throws TURNO_FRAME */
function envelope(message: unknown): { token: string | undefined; request: unknown } {
  const { token, request } = (message ?? {}) as { token?: unknown; request?: unknown };
  if (token === undefined || typeof token === 'string') return { token, request };
  throw new TurnoError('TURNO_FRAME', { problem: 'message: expected {token?, request}, token a string' });
}
