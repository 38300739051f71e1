/** A mailbox as something broken, or somebody evil, writes it: through the class, and byte by byte. */

import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Mailbox } from '../../src/io/mailbox.js';
import {
  HEADER_BYTES,
  MAILBOX_BYTES,
  MAILBOX_SIGNAL,
  mailboxDirectory,
  SLOT_BYTES,
  SLOT_COUNT,
  State,
  stateOf,
} from '../../src/io/mailbox-layout.js';
import { pack, unpack } from '../../src/io/pack.js';
import { processNamed } from '../../src/io/peer.js';
import { native } from '../../src/shm/native.js';

/** A ring value nobody of this process waits for. */
export const NOBODY = 63 * SLOT_COUNT;

export class RawMailbox {
  readonly box: Mailbox;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly self = processNamed(process.pid) ?? { pid: 0, startTime: 0n };
  #sequence = 0;

  constructor(path: string) {
    this.box = Mailbox.open(path).box;
    const fd = openSync(path, 'r+');
    const buffer = native.map(fd, MAILBOX_BYTES);
    closeSync(fd);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** The mailboxes of a server, one a front. */
  static all(data: string): RawMailbox[] {
    const directory = mailboxDirectory(data);
    return readdirSync(directory).map((name) => new RawMailbox(join(directory, name)));
  }

  claim(owner = this.self): { slot: number; word: number } {
    for (let slot = SLOT_COUNT - 1; slot >= 0; slot--) {
      const word = this.box.claim(slot, this.#sequence, owner, NOBODY);
      if (word === undefined) continue;
      this.#sequence++;
      return { slot, word };
    }
    throw new Error('no slot is free');
  }

  /** A whole request in a slot; rung by hand. */
  post(request: unknown, owner = this.self): { slot: number; word: number } {
    const { slot, word } = this.claim(owner);
    this.box.write(slot, word, { bytes: pack({ request }), offset: 0, isError: false }, State.posted);
    return { slot, word };
  }

  ring(value: number): void {
    native.queueSignal(this.box.front.pid, MAILBOX_SIGNAL, value);
  }

  /** Waits until it is no longer the front's turn. */
  async settled(slot: number): Promise<State | undefined> {
    for (;;) {
      const state = stateOf(this.box.word(slot));
      if (state !== State.posted && state !== State.taken) return state;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async freed(slot: number): Promise<void> {
    while (this.box.word(slot) !== State.free) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** What the front answered, and the slot is free again. */
  collect(slot: number): { isError: boolean; value: unknown } {
    const word = this.box.word(slot);
    const part = this.box.read(slot, word, { offset: 0, maxBytes: SLOT_BYTES });
    if (typeof part === 'string') throw new Error(part);
    this.box.free(slot, word);
    return { isError: part.isError, value: unpack(part.bytes) };
  }

  /** Where a slot begins in `bytes`. */
  at(slot: number): number {
    return HEADER_BYTES + slot * SLOT_BYTES;
  }
}
