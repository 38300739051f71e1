/**
 * The client's half of a socket (frame.ts): requests out, answers in by their ids.
 *
 * It connects with the first request, and again after a break. An idle connection does not keep the process alive. When
 * the server says bye, what it has not taken is sent again on a new connection; when it dies, what was asked is rejected
 * with TURNO_UNREACHABLE, since it may have been done.
 */

import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { TurnoError } from '../errors.js';
import { errorReply } from './answers.js';
import {
  type Frame,
  FrameReader,
  frameHeader,
  Kind,
  MAX_ID,
  PROTOCOL,
  SERVER_KINDS,
  STRANGER_PAYLOAD_BYTES,
} from './frame.js';
import { type Channel, halfCharacters } from './message-client.js';
import { pack, unpack } from './pack.js';
import type { RequestMessage } from './schema.js';

/**
 * A Unix socket whose server has not accepted as many as may wait says EAGAIN at once (TCP waits by itself). Nothing was sent
 * then: it is tried again for so long.
 */
const BUSY_MS = 5_000;
const BUSY_PAUSE_MS = 10;

/** No server sends more in one answer; what says so is no server of turno. */
const MAX_ANSWER_BYTES = 1 << 30;

type Answered = { readonly isError: boolean; readonly value: unknown };
type Outcome = Answered | 'not-taken' | 'busy';

export interface SocketClientOptions {
  readonly server: string;
  readonly place: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly token: string | undefined;
}

export class SocketChannel implements Channel {
  readonly server: string;
  readonly #options: SocketClientOptions;
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(options: SocketClientOptions) {
    this.server = options.server;
    this.#options = options;
  }

  async ask(request: RequestMessage): Promise<Answered> {
    const refusal = halfCharacters(request);
    if (refusal !== undefined) return refusal;
    const payload = pack(request);
    const startMs = performance.now();
    for (;;) {
      if (this.#isClosed) throw unreachable(this.server, 'this client was closed');
      if (this.#connection?.isUsable !== true) this.#connection = new Connection(this.#options);
      const outcome = await this.#connection.ask(payload);
      if (outcome === 'not-taken') continue;
      if (outcome !== 'busy') return outcome;
      if (performance.now() - startMs > BUSY_MS) throw unreachable(this.server, 'EAGAIN: too many are connecting');
      await setTimeout(BUSY_PAUSE_MS);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.close();
  }
}

interface Waiting {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

interface Welcome {
  readonly maxPayloadBytes: number;
  readonly user?: string;
}

/** What the kernel says of a Unix socket's full line. */
const BUSY = 'EAGAIN';

class Connection {
  readonly #options: SocketClientOptions;
  readonly #socket: Socket;
  readonly #reader = new FrameReader(SERVER_KINDS, MAX_ANSWER_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  /** The server has said welcome, or something else instead, or nothing any more. */
  readonly #greeted: Promise<void>;
  #greet: () => void = () => undefined;
  #welcome: Welcome | undefined;
  /** What the bye says of all that was not taken. */
  #farewell: Outcome | undefined;
  /** The rest of the bytes that wait to be sent has gone. */
  #drained: Promise<void> | undefined;
  #lastId = 0;
  #problem: string | undefined;
  isUsable = true;

  constructor(options: SocketClientOptions) {
    this.#options = options;
    this.#greeted = new Promise((resolve) => {
      this.#greet = resolve;
    });
    const socket = connect(options.place);
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', ({ code, message }: Error & { code?: string }) =>
      this.#end(code === 'EACCES' ? 'EACCES: `serve --socket-permissions` says who may open it' : (code ?? message)),
    );
    socket.on('close', () => this.#end('the connection was closed before the answer'));
    const { token } = options;
    this.#write(Kind.hello, 0, pack({ protocol: PROTOCOL, token }));
  }

  /** @throws TURNO_UNREACHABLE */
  async ask(payload: Buffer): Promise<Outcome> {
    if (payload.length > STRANGER_PAYLOAD_BYTES) {
      const outcome = await this.#unsent(payload.length);
      if (outcome !== undefined) return outcome;
    }
    await this.#drained;
    // While it waited the server may have said bye.
    if (!this.isUsable) return this.#problem === BUSY ? 'busy' : 'not-taken';
    return await new Promise<Outcome>((resolve, reject) => {
      const id = ++this.#lastId;
      if (id === MAX_ID) this.isUsable = false;
      if (this.#waiting.size === 0) this.#socket.ref();
      this.#waiting.set(id, { resolve, reject });
      this.#write(Kind.request, id, payload);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
    this.#end('this client was closed');
    await closed;
  }

  /** What becomes of so many bytes without being sent; undefined when the server takes them, as its welcome says. */
  async #unsent(found: number): Promise<Outcome | undefined> {
    await this.#greeted;
    const welcome = this.#welcome;
    if (welcome === undefined) {
      if (this.#problem === BUSY) return 'busy';
      if (this.#farewell !== undefined) return this.#farewell;
      throw unreachable(this.#options.server, this.#problem ?? 'closed');
    }
    if (found <= welcome.maxPayloadBytes) return undefined;
    const code = this.#options.token === undefined ? 'TURNO_TOKEN_MISSING' : 'TURNO_TOKEN_UNKNOWN';
    const refusal =
      welcome.user === undefined
        ? new TurnoError(code)
        : new TurnoError('TURNO_TOO_LARGE', { field: 'body', limit: welcome.maxPayloadBytes, found });
    return { isError: true, value: errorReply(refusal) };
  }

  #write(kind: Kind, id: number, payload: Buffer): void {
    const socket = this.#socket;
    socket.cork();
    socket.write(frameHeader(kind, id, payload.length));
    const isRoom = socket.write(payload);
    socket.uncork();
    if (isRoom || this.#drained !== undefined) return;
    this.#drained = new Promise((resolve) => {
      const go = () => {
        this.#drained = undefined;
        socket.off('drain', go).off('close', go);
        resolve();
      };
      socket.once('drain', go).once('close', go);
    });
  }

  #take(bytes: Buffer): void {
    try {
      for (const frame of this.#reader.read(bytes)) this.#frame(frame);
    } catch (error) {
      this.#end((error as Error).message, 'TURNO_ANSWER');
    }
  }

  #frame({ kind, id, payload }: Frame): void {
    const value = unpack(payload);
    switch (kind) {
      case Kind.welcome:
        this.#welcome = value as Welcome;
        this.#greet();
        if (this.#waiting.size === 0) this.#socket.unref();
        return;
      case Kind.bye:
        this.#goodbye(id, value);
        return;
      default: {
        const waiting = this.#waiting.get(id);
        this.#waiting.delete(id);
        if (this.#waiting.size === 0) this.#rest();
        waiting?.resolve({ isError: kind === Kind.error, value });
      }
    }
  }

  /** What the server has not taken is asked again elsewhere, or refused with what was wrong. */
  #goodbye(lastTaken: number, value: unknown): void {
    this.isUsable = false;
    const isError = (value as { error?: unknown } | null)?.error !== undefined;
    const farewell: Outcome = isError ? { isError, value } : 'not-taken';
    this.#farewell = farewell;
    this.#greet();
    for (const [id, { resolve }] of [...this.#waiting]) {
      if (id <= lastTaken) continue;
      this.#waiting.delete(id);
      resolve(farewell);
    }
    if (this.#waiting.size === 0) this.#rest();
  }

  /** Nobody waits for an answer. */
  #rest(): void {
    if (this.isUsable) this.#socket.unref();
    else this.#socket.end();
  }

  #end(problem: string, code: 'TURNO_UNREACHABLE' | 'TURNO_ANSWER' = 'TURNO_UNREACHABLE'): void {
    this.isUsable = false;
    this.#problem ??= problem;
    this.#greet();
    for (const { resolve, reject } of this.#waiting.values()) {
      if (this.#problem === BUSY) resolve('busy');
      else reject(new TurnoError(code, { server: this.#options.server, problem: this.#problem }));
    }
    this.#waiting.clear();
    this.#socket.destroy();
  }
}

function unreachable(server: string, problem: string): TurnoError {
  return new TurnoError('TURNO_UNREACHABLE', { server, problem });
}
