/** A socket without the client of turno: for what no client of turno would do. */

import { connect, type Socket } from 'node:net';
import { type Frame, FrameReader, frameHeader, Kind, SERVER_KINDS } from '../src/io/frame.js';
import { pack, unpack } from '../src/io/pack.js';

export interface Received {
  readonly kind: Kind;
  readonly id: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at answers of any shape
  readonly value: any;
}

export class RawSocket {
  readonly socket: Socket;
  readonly #reader = new FrameReader(SERVER_KINDS, 1 << 30);
  readonly #frames: Received[] = [];
  #wake: () => void = () => undefined;
  #isClosed = false;

  /** @param address `tcp://...` or `unix:...` */
  constructor(address: string) {
    const url = new URL(address);
    const place = address.startsWith('unix:') ? { path: url.pathname } : { host: url.hostname, port: Number(url.port) };
    this.socket = connect({ ...place, allowHalfOpen: true });
    this.socket.on('data', (bytes: Buffer) => {
      for (const frame of this.#reader.read(bytes)) this.#frames.push(received(frame));
      this.#wake();
    });
    // A reset closes it too, and that is what is looked at.
    this.socket.on('error', () => undefined);
    this.socket.on('end', () => this.#close());
    this.socket.on('close', () => this.#close());
  }

  /** Bytes as they are. */
  write(...bytes: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  hello(token?: string): void {
    this.write(frame(Kind.hello, 0, { protocol: 1, token }));
  }

  request(id: number, message: object): void {
    this.write(frame(Kind.request, id, message));
  }

  /** The next frame; undefined when the server has closed. */
  async next(): Promise<Received | undefined> {
    while (this.#frames.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /** All that comes until the server closes. */
  async rest(): Promise<Received[]> {
    const all: Received[] = [];
    for (let one = await this.next(); one !== undefined; one = await this.next()) all.push(one);
    return all;
  }

  #close(): void {
    this.#isClosed = true;
    this.#wake();
    this.socket.end();
  }
}

export function frame(kind: Kind, id: number, message: unknown): Buffer {
  const payload = pack(message);
  return Buffer.concat([frameHeader(kind, id, payload.length), payload]);
}

function received({ kind, id, payload }: Frame): Received {
  return { kind, id, value: unpack(payload) };
}
