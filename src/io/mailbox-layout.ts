/**
 * The mailbox of the signal transport: one file a front, `mailboxes/PID.turno` of the data directory, mapped by the front
 * and by its clients. Little-endian; what is reserved is zero.
 *
 *     HEADER, 4 KiB | slot 0 | slot 1 | ...      a slot is 16 KiB: a HEAD of 64 bytes, and a part of a message
 *
 * WORD of a slot is the truth, the signal only says "look": state + 8 * sequence + 1,024 * pid. Each change of it is a
 * compare-and-swap of the whole word, so that whoever lost a slot (it was stopped so long that it looked dead) changes
 * nothing of the next owner's. C: written by the client, S: by the front.
 *
 *        free --C--> claimed --C--> posted --S--> taken --S--> answered --C--> free
 *                       ^              |            ^              |
 *                       +------S-------+            +------C-------+
 *                        the next part               the next part
 *
 * A message larger than a slot goes through it in parts: whoever has copied one that is not the last sets the state back,
 * and rings. So a message needs one slot whatever its size, and no two wait for each other's slots.
 * A client that no longer wants an answer sets a posted slot free and a taken one `abandoned`: the front sets it free.
 *
 * Rings are queued signals SIGNAL; to the front with the number of the slot, to the client with RING of the slot. Many slots
 * that are handed over in one go are one ring: before it a side sets the bit of each in POSTED or ANSWERED, after the word, and
 * whoever is rung looks at all slots that have one, clearing it before. The bits are hints like the rings: one too many costs a
 * look, one too few waits for the scan.
 *
 * A part is valid if and only if
 *     (1) the state says that it is there (posted, answered), and pid and sequence are those of the parts before,
 *     (2) LENGTH fits into the slot, OFFSET is what came before it, OFFSET + LENGTH is at most TOTAL, and TOTAL is within
 *         the reader's bound and that of the parts before; LENGTH is 0 only if TOTAL is,
 *     (3) CHECKSUM is that of the HEAD behind it and of the part, seeded with slot, pid and sequence.
 * The reader copies first and checks the copy. A front that finds an invalid part answers an error, if the owner of the slot
 * is a process that may be answered, and otherwise sets the slot free; either way it logs it and does nothing else.
 *
 * The owner of a slot is the process with the word's pid and the START_TIME (field 22 of /proc/PID/stat). A slot whose
 * owner is gone is set free by the front's scan; one that is claimed only at the second scan that finds it so, since a client
 * writes its START_TIME after the word.
 */

import { join } from 'node:path';
import { field, signature, struct } from '../shm/fields.js';

export const MAILBOX_MAGIC = 0x4c49414d; // "MAIL"
export const HEADER_BYTES = 4_096;
export const SLOT_BYTES = 16_384;
export const SLOT_COUNT = 256;
/** SIGRTMIN + 2: cells use the two before. */
export const MAILBOX_SIGNAL = 36;

/**
 * Between two scans, of the front and of a client that waits. A signal is lost only when something else is wrong (a queue
 * that stays full, a process that dies between word and ring): half a second is short enough for that, and costs a front two
 * looks a second at words it has in its cache.
 */
export const SCAN_MS = 500;

/** Where the mailboxes of a data directory are. */
export function mailboxDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'mailboxes');
}

export const State = { free: 0, claimed: 1, posted: 2, taken: 3, answered: 4, abandoned: 5 } as const;
export type State = (typeof State)[keyof typeof State];

/** Bits of FLAGS. */
export const PartFlag = { error: 1 } as const;

export const HEADER = struct(
  'turno_mailbox_header',
  'the front of a mailbox',
  {
    MAGIC: field('u32', 'MAILBOX_MAGIC; written last'),
    SIGNATURE: field('u32', 'of both structs: two builds that disagree do not talk'),
    PID: field('u32', 'of the front'),
    SIGNAL: field('u32', 'number of the signal that rings'),
    START_TIME: field('u64', 'of the front'),
    SLOT_COUNT: field('u32', 'slots behind the header'),
    MAX_BYTES: field('u32', 'largest request'),
    CLOSED: field('u32', '1: nothing new is taken'),
    SCANS: field('u32', 'scans the front has made'),
    POSTED: field('u32', 'slots the front has not been told of otherwise, a bit each', SLOT_COUNT / 32),
    ANSWERED: field('u32', 'the same for their clients', SLOT_COUNT / 32),
  },
  HEADER_BYTES,
);

export const HEAD = struct(
  'turno_mailbox_slot',
  'before the part in a slot',
  {
    WORD: field('u32', 'state, sequence, pid'),
    CHECKSUM: field('u32', 'of what follows'),
    START_TIME: field('u64', 'of the client'),
    LENGTH: field('u32', 'bytes of this part'),
    OFFSET: field('u32', 'bytes of the message before it'),
    TOTAL: field('u32', 'bytes of the message'),
    RING: field('u32', 'value of the rings to the client'),
    FLAGS: field('u32', 'PartFlag bits'),
  },
  64,
);

export const MAILBOX_SIGNATURE = signature([HEADER, HEAD]);
export const PART_BYTES = SLOT_BYTES - HEAD.size;
export const MAILBOX_BYTES = HEADER_BYTES + SLOT_COUNT * SLOT_BYTES;

const SEQUENCES = 128;
const PID_SHIFT = 10;

/** A slot's word. Pids are below 2^22 on every Linux. */
export function wordOf(state: State, sequence: number, pid: number): number {
  return (pid << PID_SHIFT) | ((sequence % SEQUENCES) << 3) | state;
}

/** Undefined for a number that is no state. */
export function stateOf(word: number): State | undefined {
  const state = word & 7;
  return state <= State.abandoned ? (state as State) : undefined;
}

export function pidOf(word: number): number {
  return word >>> PID_SHIFT;
}

/** The same owner's word in another state. */
export function withState(word: number, state: State): number {
  return (word & ~7) | state;
}

export function isSameOwner(one: number, other: number): boolean {
  return one >>> 3 === other >>> 3;
}
