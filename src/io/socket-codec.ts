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

/**
 * What is smaller is read and written at once: a hop to a thread and back costs the event loop 13 us, as much as reading 10 KiB
 * itself. At 64 KiB a thread spares it half.
 */
const HOP_BYTES = 16_384;

/** Large messages in threads: the event loop copies bytes and objects, but does not read them. */
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
    if (payload.length < HOP_BYTES) return unpack(payload);
    // A copy: of a view, the whole memory behind it would be sent along.
    const bytes = new Uint8Array(payload);
    return unwrap(await this.#pool.run({ kind: 'decode', payload: bytes }, { transferList: [bytes.buffer] }));
  }

  async encode(value: unknown): Promise<Buffer> {
    if (weight(value, HOP_BYTES) < HOP_BYTES) return pack(value);
    const bytes = unwrap(await this.#pool.run({ kind: 'encode', value })) as Uint8Array;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async stop(): Promise<void> {
    await this.#pool.close();
  }
}

/** About as many bytes as a value takes, counted no further than `most`. */
function weight(value: unknown, most: number): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  let bytes = 1;
  for (const part of Object.values(value)) {
    bytes += 1 + weight(part, most - bytes);
    if (bytes >= most) break;
  }
  return bytes;
}
