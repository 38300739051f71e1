/**
 * One connection of a socket, seen from the server: hello, then requests in and answers out, many at once.
 *
 *     greeting --hello--> open --bye--> leaving --last answer--> ended
 *
 * Reading stops (back-pressure) while too much is in flight or the client does not fetch its answers. Nothing here has a
 * timer of its own: the transport calls `look` once a second, and that ends what is idle, half-open or stuck.
 */

import type { Socket } from 'node:net';
import { Type } from '@sinclair/typebox';
import { TurnoError } from '../errors.js';
import { type Answers, errorReply, userOf } from './answers.js';
import {
  badFrame,
  CLIENT_KINDS,
  type Frame,
  FrameReader,
  frameHeader,
  Kind,
  PROTOCOL,
  STRANGER_PAYLOAD_BYTES,
} from './frame.js';
import { pack, unpack } from './pack.js';
import { closed } from './schema.js';
import type { SocketCodec } from './socket-codec.js';
import type { User } from './transport.js';
import { Validators } from './validator.js';

/** A user's whole queue may be waited for at once, and cancelled over the same connection. */
const MAX_IN_FLIGHT = 4_096;
const MAX_UNSENT_BYTES = 4 << 20;

const HELLO_MS = 5_000;
/** After a bye the client has so long to close; a reset before would take the bye away from it. */
const LINGER_MS = 2_000;

const Hello = Type.Object(
  { protocol: Type.Integer({ minimum: 1 }), token: Type.Optional(Type.String({ maxLength: 200 })) },
  closed,
);
const checkHello = new Validators().compile(Hello, 'hello');

export interface ConnectionOptions {
  readonly answers: Answers;
  readonly authenticate: (token: string) => User | undefined;
  readonly codec: SocketCodec;
  readonly maxPayloadBytes: number;
  readonly idleMs: number;
  /** Who it is without a token, where the peer's uid is trusted. */
  readonly peer: User | undefined;
}

export class SocketConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reader = new FrameReader(CLIENT_KINDS, STRANGER_PAYLOAD_BYTES);
  readonly #startMs = performance.now();
  #user: () => User;
  #state: 'greeting' | 'open' | 'leaving' | 'ended' = 'greeting';
  #lastId = 0;
  #inFlight = 0;
  #inFlightBytes = 0;
  /** When bytes last came, when a frame that is not whole began, when bytes last went, when it was told to go. */
  #heardMs = this.#startMs;
  #withinMs: number | undefined;
  #sentMs = this.#startMs;
  #leftMs = 0;
  /** What the kernel had not taken at the last look. */
  #queuedBytes = 0;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const { peer } = options;
    this.#user = peer === undefined ? userOf(options.authenticate, undefined) : () => peer;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, options.idleMs);
    socket.on('error', () => undefined); // a connection that breaks is closed, and that is all there is to do
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('drain', () => this.#throttle());
    // The client has nothing more to ask; what it has asked is answered still.
    socket.on('end', () => this.#go());
  }

  /** Since when nothing is owed and nothing is under way; undefined while something is. */
  get idleSinceMs(): number | undefined {
    const isBusy = this.#state === 'greeting' || this.#inFlight > 0 || this.#reader.isWithin;
    return isBusy ? undefined : Math.max(this.#heardMs, this.#sentMs);
  }

  /** Takes nothing more, answers what was taken, and ends. @param error what was wrong, if anything */
  leave(error?: TurnoError): void {
    if (this.#state === 'leaving' || this.#state === 'ended') return;
    this.#write(Kind.bye, this.#lastId, pack(error === undefined ? {} : errorReply(error)));
    this.#go();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends what has been silent, half a frame or stuck for too long. @param nowMs performance.now() */
  look(nowMs: number): void {
    const { idleMs } = this.#options;
    const helloMs = Math.min(HELLO_MS, idleMs);
    // A long answer is written in one piece: that a slow client fetches it is seen by what is left of it, and nothing else.
    const queuedBytes = queueOf(this.#socket);
    if (queuedBytes < this.#queuedBytes) this.#sentMs = nowMs;
    this.#queuedBytes = queuedBytes;
    const isStuck = this.#socket.writableLength > 0 && nowMs - this.#sentMs > idleMs;
    const isGone = this.#state === 'ended' && nowMs - this.#leftMs > LINGER_MS;
    const isSlow = this.#withinMs !== undefined && nowMs - this.#withinMs > idleMs && !this.#socket.isPaused();
    const idleSinceMs = this.idleSinceMs;
    if (isStuck || isGone) {
      this.destroy();
    } else if (this.#state === 'greeting' && nowMs - this.#startMs > helloMs) {
      this.leave(badFrame(`no hello within ${helloMs / 1_000} s`));
    } else if (isSlow) {
      this.leave(badFrame(`part of a frame, and not the rest of it within ${idleMs / 1_000} s`));
    } else if (idleSinceMs !== undefined && nowMs - idleSinceMs > idleMs) {
      this.leave();
    }
  }

  #take(bytes: Buffer): void {
    this.#heardMs = performance.now();
    if (this.#state === 'leaving' || this.#state === 'ended') return;
    try {
      for (const frame of this.#reader.read(bytes)) {
        this.#frame(frame);
        this.#withinMs = undefined;
      }
      this.#withinMs = this.#reader.isWithin ? (this.#withinMs ?? this.#heardMs) : undefined;
    } catch (error) {
      this.leave(TurnoError.from(error, 'a frame'));
    }
  }

  #frame({ kind, id, payload }: Frame): void {
    if (this.#state === 'greeting') {
      if (kind !== Kind.hello || id !== 0) throw badFrame('expected a hello with id 0 as the first');
      this.#greet(payload);
      return;
    }
    if (kind !== Kind.request) throw badFrame('a second hello');
    if (id <= this.#lastId) throw badFrame(`request ${id} after ${this.#lastId}, expected a greater id`);
    this.#lastId = id;
    this.#answer(id, payload).catch(() => this.destroy()); // what cannot be said to the client need not be
  }

  #greet(payload: Buffer): void {
    const { protocol, token } = checkedHello(payload);
    if (protocol !== PROTOCOL) throw badFrame(`protocol ${protocol}, expected ${PROTOCOL}`);
    if (token !== undefined) this.#user = userOf(this.#options.authenticate, token);
    const user = userOrNobody(this.#user);
    if (user !== undefined) this.#reader.maxPayloadBytes = this.#options.maxPayloadBytes;
    this.#state = 'open';
    const { maxPayloadBytes } = this.#reader;
    this.#write(Kind.welcome, 0, pack({ protocol: PROTOCOL, maxPayloadBytes, user: user?.name }));
  }

  async #answer(id: number, payload: Buffer): Promise<void> {
    const { codec, answers } = this.#options;
    const { length } = payload;
    this.#inFlight++;
    this.#inFlightBytes += length;
    this.#throttle();
    try {
      const answer = await codec.decode(payload).then(
        (message) => answers.to(message, this.#user),
        (error: unknown) => answers.failure(error),
      );
      if (this.#socket.destroyed) return; // the client is gone: what it wanted is done all the same
      this.#write(answer.isError ? Kind.error : Kind.answer, id, await codec.encode(answer.value));
    } finally {
      this.#inFlight--;
      this.#inFlightBytes -= length;
      this.#throttle();
      if (this.#state === 'leaving') this.#go();
    }
  }

  #throttle(): void {
    const { maxPayloadBytes } = this.#options;
    const isFull =
      this.#inFlight >= MAX_IN_FLIGHT ||
      this.#inFlightBytes >= maxPayloadBytes ||
      this.#socket.writableLength >= MAX_UNSENT_BYTES;
    if (isFull === this.#socket.isPaused()) return;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #write(kind: Kind, id: number, payload: Buffer): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (socket.writableLength === 0) this.#sentMs = performance.now();
    socket.cork();
    socket.write(frameHeader(kind, id, payload.length));
    socket.write(payload, () => {
      this.#sentMs = performance.now();
    });
    socket.uncork();
  }

  /** Ends the connection when nothing is owed any more. */
  #go(): void {
    if (this.#state === 'ended') return;
    this.#state = 'leaving';
    if (this.#inFlight > 0) return;
    this.#state = 'ended';
    this.#leftMs = performance.now();
    this.#socket.resume(); // what still comes is thrown away, so that its end is seen
    this.#socket.end();
  }
}

/** Bytes given to the kernel that it has not taken. */
function queueOf(socket: Socket): number {
  return (
    (socket as unknown as { readonly _handle?: { readonly writeQueueSize?: number } })._handle?.writeQueueSize ?? 0
  );
}

function checkedHello(payload: Buffer) {
  try {
    return checkHello(unpack(payload)) as { protocol: number; token?: string };
  } catch (error) {
    // Said once that it is no frame, and where to read what one is.
    const { message, details } = TurnoError.from(error, 'hello');
    throw badFrame(`hello: ${details.problem ?? message}`);
  }
}

function userOrNobody(user: () => User): User | undefined {
  try {
    return user();
  } catch (error) {
    if (error instanceof TurnoError && error.status === 401) return undefined;
    throw error;
  }
}
