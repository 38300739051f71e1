/**
 * Bytes <-> frames of the socket, TCP or Unix. Both sides send frames and nothing else:
 *
 *     offset  size  field
 *     0       4     LENGTH    bytes of PAYLOAD
 *     4       1     KIND      as below
 *     5       3     reserved
 *     8       4     ID        of a request, chosen by the client; 0 where there is none
 *     12      n     PAYLOAD   one value (pack.ts)
 *
 *     KIND         from      ID                          PAYLOAD
 *     1 hello      client    0                           {protocol: 1, token?}
 *     2 welcome    server    0                           {protocol: 1, maxPayloadBytes}
 *     3 request    client    greater than any before     {op, id?, query?, body?}
 *     4 answer     server    of the request              the reply's object
 *     5 error      server    of the request              {error: {code, message, field?}}
 *     6 bye        server    of the last request taken   {} or {error}: why
 *
 * The client sends its hello first, once, and may send requests without waiting for the welcome. Requests are answered in
 * any order, each once. After a bye the server takes nothing more: what it has taken (ID and below) is answered, what is
 * above was never looked at and may be sent again on another connection, unless the bye says what was wrong.
 *
 * Byte order: little-endian. Reserved bytes are zero.
 *
 * Valid if and only if (1) KIND is one that the other side sends, at its place, (2) the reserved bytes are zero,
 * (3) LENGTH is at most the maximum: 4 KiB in a hello and until the hello's token was found to be a user's, then what the
 * welcome says, (4) ID is as above, (5) PAYLOAD is valid by pack.ts.
 *
 * A reader that finds (1) to (4) broken believes nothing that follows: the server says bye with TURNO_FRAME and closes,
 * the client closes. (5) broken, or a request that makes no sense, is answered with an error, and the next one is read.
 */

import { TurnoError } from '../errors.js';

export const PROTOCOL = 1;
export const HEADER_BYTES = 12;

/** Enough for a registration; what a stranger sends is held in memory, so it is little. */
export const STRANGER_PAYLOAD_BYTES = 4_096;

export const Kind = { hello: 1, welcome: 2, request: 3, answer: 4, error: 5, bye: 6 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const CLIENT_KINDS: readonly Kind[] = [Kind.hello, Kind.request];
export const SERVER_KINDS: readonly Kind[] = [Kind.welcome, Kind.answer, Kind.error, Kind.bye];

export const MAX_ID = 0xffff_ffff;

export interface Frame {
  readonly kind: Kind;
  readonly id: number;
  readonly payload: Buffer;
}

/** Header and payload, to be written one behind the other. */
export function frameHeader(kind: Kind, id: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(payloadBytes, 0);
  header[4] = kind;
  header.writeUInt32LE(id, 8);
  return header;
}

/** Cuts a stream of bytes into frames, however it comes in pieces. */
export class FrameReader {
  readonly #kinds: readonly Kind[];
  /** Pieces of the frame that is not whole yet; their bytes. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Header of that frame, when it is there. */
  #header: { readonly kind: Kind; readonly id: number; readonly end: number } | undefined;
  /** Largest payload that is taken. */
  maxPayloadBytes: number;

  /** @param kinds those that the other side sends */
  constructor(kinds: readonly Kind[], maxPayloadBytes: number) {
    this.#kinds = kinds;
    this.maxPayloadBytes = maxPayloadBytes;
  }

  /** Whether a frame has begun and is not whole. */
  get isWithin(): boolean {
    return this.#pieceBytes > 0;
  }

  /**
   * The frames that are whole with these bytes; one at a time, since what the first says (a token) may change what the
   * next may be.
   * @throws TURNO_FRAME for a header that is not valid; what came before it has been given out
   */
  *read(bytes: Buffer): Generator<Frame, void> {
    this.#pieces.push(bytes);
    this.#pieceBytes += bytes.length;
    for (;;) {
      if (this.#header === undefined) {
        if (this.#pieceBytes < HEADER_BYTES) return;
        this.#header = this.#checked(this.#whole());
      }
      const { kind, id, end } = this.#header;
      if (this.#pieceBytes < end) return;
      const whole = this.#whole();
      this.#header = undefined;
      this.#pieces = whole.length > end ? [whole.subarray(end)] : [];
      this.#pieceBytes -= end;
      yield { kind, id, payload: whole.subarray(HEADER_BYTES, end) };
    }
  }

  /** All pieces as one: each byte of a frame is copied twice at most, when its header and when its end is there. */
  #whole(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const whole = Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [whole];
    return whole;
  }

  #checked(bytes: Buffer) {
    const length = bytes.readUInt32LE(0);
    const kind = this.#kinds.find((one) => one === bytes[4]);
    if (kind === undefined) throw badFrame(`kind ${bytes[4]}, expected one of ${this.#kinds.join(', ')}`);
    if (bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) throw badFrame('reserved bytes that are not zero');
    if (length > this.maxPayloadBytes) {
      throw badFrame(`a payload of ${length} bytes, expected at most ${this.maxPayloadBytes}`);
    }
    return { kind, id: bytes.readUInt32LE(8), end: HEADER_BYTES + length };
  }
}

/** What a frame has against the format. */
export function badFrame(problem: string): TurnoError {
  return new TurnoError('TURNO_FRAME', { problem });
}
