/**
 * The bell of this process: rings are queued signals (native/addon/doorbell.cc), and whoever waits for some has a range of
 * their values. A signal belongs to the process, so there is one bell, opened with the first range and closed with the
 * last; it is heard by the event loop of the thread that opened it.
 *
 * The first range begins at 0: a front has no other, so rings to it carry the number of the slot.
 */

import { TurnoError } from '../errors.js';
import { native } from '../shm/native.js';
import { MAILBOX_SIGNAL, SLOT_COUNT } from './mailbox-layout.js';

/** Mailboxes a process has open at once. */
const MAX_RANGES = 64;
const WORDS = SLOT_COUNT / 32;

export interface Range {
  /** Value of its first ring; SLOT_COUNT follow. */
  readonly base: number;
  end(): void;
}

const listeners: (((index: number) => void) | undefined)[] = [];
let bits: Int32Array | undefined;

/**
 * @param onRing gets `value - base`; it must not throw
 * @throws TURNO_SYSTEM when another thread of this process has the bell, or there are too many ranges
 */
export function listen(onRing: (index: number) => void): Range {
  const found = listeners.indexOf(undefined);
  const index = found === -1 ? listeners.length : found;
  if (index === MAX_RANGES) throw refusal(`this process has ${MAX_RANGES} mailboxes open, the most there can be`);
  open();
  listeners[index] = onRing;
  let isOpen = true;
  return {
    base: index * SLOT_COUNT,
    end() {
      if (isOpen) listeners[index] = undefined;
      isOpen = false;
    },
  };
}

/** Once opened the bell stays: a ring that comes late finds a handler, or it would be the end of the process. */
function open(): void {
  if (bits !== undefined) return;
  const fresh = new Int32Array(new SharedArrayBuffer((MAX_RANGES * SLOT_COUNT) / 8));
  try {
    native.openBell(MAILBOX_SIGNAL, fresh, () => heard(fresh));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    throw refusal('another thread of this process has the signals: use them from one');
  }
  bits = fresh;
}

function heard(rung: Int32Array): void {
  for (const [index, listener] of listeners.entries()) {
    for (let word = 0; word < WORDS; word++) {
      let set = Atomics.exchange(rung, index * WORDS + word, 0);
      while (set !== 0) {
        const bit = 31 - Math.clz32(set & -set);
        set &= set - 1;
        listener?.(word * 32 + bit);
      }
    }
  }
}

function refusal(problem: string): TurnoError {
  return new TurnoError('TURNO_SYSTEM', { call: 'sigaction', on: 'signals', problem });
}
