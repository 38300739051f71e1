/** Messages of a socket to bytes and back: here, or in threads (`--socket-mode pool`). */

import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { type Answer, unwrap } from '../pool/answer.js';
import { pack, unpack } from './pack.js';

export interface SocketCodec {
  /** @throws TURNO_FRAME */
  decode(payload: Buffer): Promise<unknown>;
  encode(value: unknown): Promise<Buffer>;
  stop(): Promise<void>;
}

export type CodecTask =
  | { readonly kind: 'decode'; readonly payload: Uint8Array }
  | { readonly kind: 'encode'; readonly value: unknown };

/** On the event loop. */
export const directCodec: SocketCodec = {
  decode: async (payload) => unpack(payload),
  encode: async (value) => pack(value),
  stop: async () => undefined,
};

/** In threads: the event loop copies bytes and objects, but does not read them. */
export class PoolCodec implements SocketCodec {
  readonly #pool: Piscina<CodecTask, Answer<unknown>>;

  constructor(threads: number) {
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL('./socket-codec-thread.js', import.meta.url)),
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 16, // a thread that has one done finds the next in its queue
    });
  }

  async decode(payload: Buffer): Promise<unknown> {
    // A copy: of a view, the whole memory behind it would be sent along.
    const bytes = new Uint8Array(payload);
    return unwrap(await this.#pool.run({ kind: 'decode', payload: bytes }, { transferList: [bytes.buffer] }));
  }

  async encode(value: unknown): Promise<Buffer> {
    const bytes = unwrap(await this.#pool.run({ kind: 'encode', value })) as Uint8Array;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async stop(): Promise<void> {
    await this.#pool.close();
  }
}
