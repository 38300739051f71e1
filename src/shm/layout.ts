/**
 * THE layout of `table.turno`, and of every snapshot of it: fields here, offsets computed, nothing written by hand.
 *
 * The file is a row of chunks of 1 MiB. The first few are fixed; the others are given out in the order they are wanted, and
 * the directory says which chunk of the file is which chunk of an area, so that the file is never longer than what is used:
 *
 *     0            header      one page: magic, geometry, counters, locks, the journal's positions
 *     4,096        stripes     256 locks on rows, a cache line each: row r belongs to stripe r % 256
 *     20,480       agents      512 x 1 KiB: who works on the table, and what he was about to write (intent slot)
 *     544,768      directory   a word for each chunk of each area: its chunk number in the file, 0 = not there yet
 *     (computed)   ring        records on their way to the journal (journal.ts)
 *     fixedChunks  chunks of the areas, mixed:
 *                    rows      512 bytes each, in order of arrival: row r has arrival r + 1 + base
 *                    users     256 bytes each, in order of registration
 *                    ids       hash index: id of a submission -> row + 1, and a tag      names, tokens: the same for users
 *                    extents   responses too long for their row, one behind the other
 *
 * The whole possible length is mapped once; behind the committed chunks there is nothing, and a touch there is SIGBUS. So
 * blocks come first (fallocate), then the new COMMITTED, then the word of the directory: whoever sees it may touch it.
 *
 * A row, and a user, is a record: VERSION, CHECKSUM, WORDS, then fields, then bytes; it is valid if and only if VERSION is
 * even and not 0, WORDS is at most the record's size, and CHECKSUM is that of the words from 2 to WORDS, seeded with
 * version, kind and index (records.ts). An odd version is a change in the making: its new image lies in the intent slot
 * of the agent that holds the stripe. An invalid record is never shown: readers get TURNO_TABLE_DAMAGED.
 *
 * Numbers are little-endian; reserved bytes are zero. u64 holds at most 2^53 - 1 unless it says otherwise.
 */

import { field, type Struct, signature, struct } from './fields.js';

/** "turnotbl" as little-endian words. */
export const MAGIC = [0x6e727574, 0x6c62746f] as const;
/** "turnojnl". */
export const SEGMENT_MAGIC = [0x6e727574, 0x6c6e6a6f] as const;
/** Raised when the meaning changes; the signature tells when only offsets do. */
export const LAYOUT_VERSION = 2;

export const CHUNK_BYTES = 1_048_576;
export const CHUNK_WORDS = CHUNK_BYTES / 4;
export const STRIPES = 256;
export const STRIPE_WORDS = 16;
export const AGENTS = 512;
export const GRANULE_BYTES = 64;
/** The longest response kept in the table; a longer one is a file whose path is kept. */
export const MAX_RESPONSE_BYTES = 65_536;
/** Index levels: capacities from 2^15 entries; rows fill at most half of a level. */
export const MIN_INDEX_LEVEL = 15;

/** A lock word of the header has a cache line of its own, or its waiters would slow the counters beside it. */
const line = (about: string) => field('u32', about, 16);

export const HEADER = struct(
  'turno_table_header',
  'First page of table.turno.',
  {
    MAGIC: field('u32', '"turnotbl"', 2),
    LAYOUT: field('u32', 'version of the layout'),
    SIGNATURE: field('u32', 'hash of all offsets and sizes'),
    MAX_ROWS: field('u32', 'rows the directory has room for'),
    MAX_USERS: field('u32', 'users the directory has room for'),
    RING_BYTES: field('u32', 'bytes of the ring, a power of two'),
    BASE: field('u32', 'arrivals before row 0: compaction drops old rows'),
    GEOMETRY_CHECKSUM: field('u32', 'of the words from MAX_ROWS to BASE'),
    CLEAN: field('u32', '1 = ended in order and synced, nothing to repair'),
    CLEAN_CHECKSUM: field('u32', 'with CLEAN: of the counters and of the directory'),
    BOOT_ID: field('u8', "the kernel's boot id when last opened", 16),
    PATH: field('u8', 'absolute path of this file, for threads that get only the mapping; zero-terminated', 1024),
    COMMITTED: line('chunks of the file that may be touched'),
    GROWING_WORD: field('u32', 'directory word being filled; with GROWING_CHUNK the intent of the grow lock'),
    GROWING_CHUNK: field('u32', 'chunk it is to hold'),
    EXTENTS: line('granules of the extents given out'),
    ROWS: line('rows accepted; a row from here on is invisible'),
    USERS: line('users registered'),
    FIRST_UNFINISHED: line('every row before this one is done'),
    BASE_RUNNING: field('i32', 'rows running, less what the agents have added since'),
    BASE_DONE: field('i32', 'rows done (and maybe archived since), less what the agents have added since'),
    AGENT_HINT: field('u32', 'where to look first for a free slot'),
    ACCEPT_LOCK: line('held to add a row'),
    USERS_LOCK: line('held to add a user'),
    GROW_LOCK: line('held to commit a chunk'),
    APPEND_LOCK: line('held to put a record into the ring'),
    LEADER_LOCK: line('held to write the ring to the journal'),
    RING_TAIL: field('u64', 'journal position behind the last record in the ring', 8),
    RING_WRITTEN: field('u64', 'journal position up to which the segments hold the ring, durable as asked', 8),
    DURABLE_WORD: line('raised with RING_WRITTEN: futex of those who wait for it'),
    JOURNAL_START: field('u64', 'journal position of the last snapshot; in a snapshot, of itself'),
    SEGMENT_NUMBER: field('u32', 'number of the segment being written, from 1; 0 = none yet'),
    DURABILITY: field('u32', '0 no journal, 1 crash (written, not synced), 2 power'),
    JOURNAL_STATE: field(
      'u32',
      '0 fine; 1 the next batch goes to a new segment; more: that failed too, and new work is refused until it goes: 1 + errno',
    ),
    JOURNAL_SALT: field('u32', 'tells the records of this table from those of another in recycled blocks'),
    FREE_BYTES: field('u64', 'free in the file system when the primary looked last (disk.ts)'),
    FLOOR_BYTES: field('u64', 'new work is refused while less is free; 0 = never'),
    DISK_IS_READ_ONLY: field('u32', '1 = a directory of the server took no writes when the primary looked last'),
    FIRST_ROW: field(
      'u32',
      'every row before this one is archived and forgotten: its record is not looked at any more',
    ),
    ARCHIVED: field(
      'u32',
      'rows archived; raised before each is, so that a repair need count them only when it is not 0',
    ),
  },
  4_096,
);

export const AGENT = struct(
  'turno_agent',
  'A thread that works on the table.',
  {
    STATE: field('u32', 'generation * 4 + phase: 0 free, 1 being taken, 2 taken'),
    PID: field('u32', 'process'),
    TID: field('u32', "thread, the kernel's number"),
    START: field('u32', 'clock ticks after boot at which the thread began, modulo 2^32; in a space with its boot mark'),
    RUNNING: field('i32', 'what this slot has added to the rows running'),
    DONE: field('i32', 'what this slot has added to the rows done'),
    INTENT: field('u32', 'kind of the record being changed + 1; 0 = none. Stored last, cleared first'),
    INTENT_INDEX: field('u32', 'which record'),
    INTENT_RUNNING: field('i32', 'RUNNING after the change'),
    INTENT_DONE: field('i32', 'DONE after the change'),
    INTENT_IS_LOGGED: field('u32', '1 = the record of it is in the ring'),
    INTENT_IMAGE: field('u32', 'the record as it will be, version and checksum included', 128),
    WAITS: field('u32', 'what it waits for and since when: 8 notes of KEY and SINCE (waiters.ts)', 16),
  },
  1_024,
);

export const ROW = struct(
  'turno_row',
  'One submission.',
  {
    VERSION: field('u32', 'even: stable; odd: being changed; raised by 2 with each change'),
    CHECKSUM: field('u32', 'of the words from 2 to WORDS'),
    WORDS: field('u32', 'words in use, head included'),
    STATE: field('u32', 'free, queued, running, done, archived'),
    ID: field('u8', 'random, given by whoever accepted it', 16),
    USER: field('u32', 'index of the user'),
    OWNER: field('u32', 'pid of the front that looks after it'),
    PREVIOUS: field('u32', 'row + 1 of the same user before this one, 0 = none'),
    ORDINAL: field('u32', 'how many the user has, this one included'),
    ARRIVAL: field('u64', 'order of arrival, from 1'),
    SENT_AT_MS: field('u64', 'when it was sent, ms since 1970 UTC'),
    CPU_NS: field('u64', 'CPU time used'),
    WALL_NS: field('u64', 'time on a lane or asleep'),
    WAITED_NS: field('u64', 'time it waited for a lane'),
    MEMORY_BYTES: field('u64', 'peak'),
    VERDICT: field('u32', 'a number of verdict.ts; 0 = none yet'),
    EXIT_CODE: field('i32', 'NO_NUMBER = null'),
    SIGNAL: field('i32', 'NO_NUMBER = null'),
    RESPONSE_AT: field('u32', 'granule of its extent; 0 = the response is among the bytes below'),
    RESPONSE_BYTES: field('u32', 'length; 0 with kind none'),
    RESPONSE_CHECKSUM: field('u32', 'of the bytes in the extent'),
    LANGUAGE_BYTES: field('u8', 'length of the language below'),
    SOURCE_BYTES: field('u8', 'length of the source path below, 0 = none'),
    EXECUTABLE_BYTES: field('u8', 'length of the executable path below, 0 = none'),
    RESPONSE_KIND: field('u8', '0 none, 1 the bytes themselves, 2 the path of a file'),
    BYTES: field(
      'u8',
      'language, source, executable, one behind the other; the response from the next whole word',
      372,
    ),
  },
  512,
);

export const USER = struct(
  'turno_user',
  'One user.',
  {
    VERSION: field('u32', 'as of a row'),
    CHECKSUM: field('u32', 'of the words from 2 to WORDS'),
    WORDS: field('u32', 'words in use, head included'),
    NAME_BYTES: field('u32', 'length of the name'),
    PRIORITY: field('u32', 'of his submissions: 0 live, higher goes behind'),
    QUOTA: field('u32', 'submissions he may have unfinished; 0 = as many as the server says of all'),
    TOKEN_HASH: field('u8', 'SHA-256 of the token', 32),
    NAME: field('u8', 'UTF-8', 128),
    NEWEST: field('u32', 'row + 1 of the newest submission, 0 = none; not part of the checksum, see accepting.ts'),
  },
  256,
);

/** Stands in front of a response in the extents, so that a check can walk them. */
export const EXTENT = struct('turno_extent', 'Head of a long response.', {
  ROW: field('u32', 'row + 1 it was made for'),
  BYTES: field('u32', 'bytes that follow; the next extent begins at the next granule'),
  CHECKSUM: field('u32', 'of those bytes'),
  RESERVED: field('u32', 'zero'),
});

export const SEGMENT = struct(
  'turno_segment',
  'Head of a segment of the journal; records begin at byte 4,096.',
  {
    MAGIC: field('u32', '"turnojnl"', 2),
    SALT: field('u32', 'JOURNAL_SALT of the table'),
    NUMBER: field('u32', 'from 1, as in its name'),
    START: field('u64', 'journal position of its first record'),
    BYTES: field('u32', 'room for records'),
    CHECKSUM: field('u32', 'of the words before'),
  },
  64,
);

export const JOURNAL_RECORD = struct('turno_journal_record', 'Head of a record of the journal.', {
  CHECKSUM: field('u32', 'of the words behind it, head and payload, seeded with the salt'),
  KIND: field('u32', 'what the payload is: LogKind'),
  POSITION: field('u64', 'journal position of this head'),
  INDEX: field('u32', 'row or user'),
  WORDS: field('u32', 'words of the payload'),
  IMAGE_WORDS: field('u32', 'of these the image; the rest is its response, zero-filled to a whole word'),
  BYTES: field('u32', 'exact length of what follows the image'),
});

/** A record of the journal is about one of these. */
export const LogKind = { row: 1, user: 2, source: 3 } as const;
export type LogKind = (typeof LogKind)[keyof typeof LogKind];

export const Durability = { none: 0, crash: 1, power: 2 } as const;
export type Durability = keyof typeof Durability;

export const TABLE_STRUCTS: readonly Struct[] = [HEADER, AGENT, ROW, USER, EXTENT, SEGMENT, JOURNAL_RECORD];
export const TABLE_SIGNATURE = signature(TABLE_STRUCTS);

/** State of a row as callers see it; the number in the row is its place here. */
export const State = {
  free: 'free',
  queued: 'queued',
  running: 'running',
  done: 'done',
  /** It is in an archive file (retention), and all that is left here is its place in the chain of its user. */
  archived: 'archived',
} as const;
export type State = (typeof State)[keyof typeof State];
export const STATES: readonly State[] = [State.free, State.queued, State.running, State.done, State.archived];

export const ResponseKind = { none: 0, bytes: 1, file: 2 } as const;
/** Exit code or signal that is null. */
export const NO_NUMBER = -2_147_483_648;

export const RecordKind = { row: 0, user: 1 } as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Steps of a change from the intent slot into the record; tests die between them. */
export const ChangeStep = { begin: 1, body: 2, version: 4, end: 8 } as const;

export const ROWS_PER_CHUNK = CHUNK_BYTES / ROW.size;
export const USERS_PER_CHUNK = CHUNK_BYTES / USER.size;
/** More could not be told from each other in a lock word, and 32-bit indices end soon after. */
export const MOST_ROWS = 2 ** 30;

export interface Area {
  readonly name: string;
  /** Index, in words from the start of the file, of its first word in the directory. */
  readonly directory: number;
  /** Chunks it can have. */
  readonly chunks: number;
}

export interface Geometry {
  readonly maxRows: number;
  readonly maxUsers: number;
  readonly stripes: number;
  readonly agents: number;
  /** Bytes from the start of the file. */
  readonly ring: number;
  readonly ringBytes: number;
  readonly fixedChunks: number;
  /** Longest the file can become, in chunks. */
  readonly totalChunks: number;
  readonly rows: Area;
  readonly users: Area;
  readonly ids: Area;
  readonly names: Area;
  readonly tokens: Area;
  readonly extents: Area;
}

const STRIPES_AT = HEADER.size;
const AGENTS_AT = STRIPES_AT + STRIPES * STRIPE_WORDS * 4;
const DIRECTORY_AT = AGENTS_AT + AGENTS * AGENT.size;

/** Where everything is, from the three numbers chosen when the file was made. */
export function geometry(maxRows: number, maxUsers: number, ringBytes: number): Geometry {
  let word = DIRECTORY_AT / 4;
  const area = (name: string, chunks: number): Area => {
    const directory = word;
    word += chunks;
    return { name, directory, chunks };
  };
  const rows = area('rows', Math.ceil(maxRows / ROWS_PER_CHUNK));
  const users = area('users', Math.ceil(maxUsers / USERS_PER_CHUNK));
  const ids = area('ids', indexChunks(maxRows));
  const names = area('names', indexChunks(maxUsers));
  const tokens = area('tokens', indexChunks(maxUsers));
  // Room for 4 KiB of response a row; tables of few rows get room for long answers.
  const extents = area('extents', Math.max(1_024, rows.chunks * 8));
  const ring = Math.ceil((word * 4) / 4_096) * 4_096;
  const fixedChunks = Math.ceil((ring + ringBytes) / CHUNK_BYTES);
  const areas = [rows, users, ids, names, tokens, extents];
  const totalChunks = areas.reduce((sum, { chunks }) => sum + chunks, fixedChunks);
  const places = { stripes: STRIPES_AT, agents: AGENTS_AT, ring, ringBytes, fixedChunks, totalChunks };
  return { maxRows, maxUsers, ...places, rows, users, ids, names, tokens, extents };
}

/** Level of an index that holds `entries`: the smallest whose capacity, 2^level, is at least twice that. */
export function indexLevel(entries: number): number {
  return Math.max(MIN_INDEX_LEVEL, 33 - Math.clz32(Math.max(1, entries) - 1));
}

/** Levels lie one behind the other: level L begins at entry 2^L (hash-index.ts), so all up to it end at 2^(L+1). */
function indexChunks(entries: number): number {
  return Math.max(1, 2 ** (indexLevel(entries) + 1) / CHUNK_WORDS);
}
