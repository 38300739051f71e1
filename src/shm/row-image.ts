/**
 * A row's image <-> an object. The image is a thread-local copy (records.ts); the fields are those of layout.ts.
 */

import { TurnoError } from '../errors.js';
import { type Arrival, arrival, type Bytes, bytes, type Nanos, nanos, type RowIndex, rowIndex } from '../units.js';
import { NO_NUMBER, ResponseKind, ROW, STATES, type State } from './layout.js';
import { WORDS } from './records.js';

const R = ROW.fields;
const BYTES_AT = R.BYTES.offset;
/** Fills the word in which the texts end. */
const NOTHING = Buffer.alloc(3);
const NO_TEXT = Buffer.alloc(0);
const NO_RESULT = { verdict: 0, exitCode: null, signal: null, cpuNs: 0, wallNs: 0, waitedNs: 0, memoryBytes: 0 };
const MAX_LANGUAGE_BYTES = 31;
const MAX_PATH_BYTES = 127;

/** One submission as the table knows it. */
export interface Row {
  readonly row: RowIndex;
  readonly id: Uint8Array;
  readonly arrival: Arrival;
  readonly state: State;
  /** Index of the user. */
  readonly user: number;
  /** Pid of the front that looks after it. */
  readonly owner: number;
  readonly language: string;
  readonly sentAtMs: number;
  /** A number of verdict.ts; 0 until there is one. */
  readonly verdict: number;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly cpuNs: Nanos;
  readonly wallNs: Nanos;
  readonly waitedNs: Nanos;
  readonly memoryBytes: Bytes;
  readonly source: string | null;
  readonly executable: string | null;
  /** How many submissions the user had, with this one. */
  readonly ordinal: number;
}

/** Whether nothing changes in a row any more: it is done, or archived since, or even forgotten (undefined). */
export function isEnded(row: Row | undefined): boolean {
  return row === undefined || row.state === 'done' || row.state === 'archived';
}

/** What a finished run leaves in the row. */
export interface Result {
  readonly verdict: number;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly waitedNs: number;
  readonly memoryBytes: number;
  /** Paths relative to the data directory, at most 127 bytes; undefined leaves what is there. */
  readonly executable?: string | null | undefined;
  readonly source?: string | null | undefined;
  /** The response itself (at most 64 KiB), or the path of a file that holds it, synced before if it is to last. */
  readonly response: Uint8Array | { readonly file: string };
}

/** Where the response of a row is. */
export interface ResponsePlace {
  readonly kind: number;
  /** Granule in the extents; 0 = among the row's own bytes, at `offset` of the image. */
  readonly at: number;
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

/** An image with accessors; one a thread is enough for each use that does not call another. */
export class RowImage {
  readonly words = new Int32Array(ROW.size / 4);
  readonly #bytes = Buffer.from(this.words.buffer);

  get state(): State {
    return STATES[this.#get(R.STATE)] ?? 'free';
  }

  set state(state: State) {
    this.#set(R.STATE, STATES.indexOf(state));
  }

  get id(): Uint8Array {
    return this.slice(R.ID.offset, R.ID.bytes);
  }

  get user(): number {
    return this.#get(R.USER);
  }

  get previous(): number {
    return this.#get(R.PREVIOUS);
  }

  get ordinal(): number {
    return this.#get(R.ORDINAL);
  }

  set owner(pid: number) {
    this.#set(R.OWNER, pid);
  }

  get response(): ResponsePlace {
    const length = this.#get(R.RESPONSE_BYTES);
    return {
      kind: this.#length(R.RESPONSE_KIND),
      at: this.#get(R.RESPONSE_AT) >>> 0,
      offset: this.#responseOffset,
      length,
      checksum: this.#get(R.RESPONSE_CHECKSUM),
    };
  }

  /** Bytes of the response that lies in the row itself; -1 when there is none, or it lies elsewhere. */
  get inlineBytes(): number {
    if (this.#length(R.RESPONSE_KIND) !== ResponseKind.bytes || this.#get(R.RESPONSE_AT) !== 0) return -1;
    return this.#get(R.RESPONSE_BYTES);
  }

  /** Copies a response that lies in the row, as words; its length in bytes, or -1. */
  copyInline(target: Int32Array): number {
    if (this.#length(R.RESPONSE_KIND) !== ResponseKind.bytes || this.#get(R.RESPONSE_AT) !== 0) return -1;
    const from = this.#responseOffset / 4;
    const length = this.#get(R.RESPONSE_BYTES);
    const count = Math.ceil(length / 4);
    for (let word = 0; word < count; word++) target[word] = this.words[from + word] ?? 0;
    return length;
  }

  isSameSubmission(other: RowImage): boolean {
    const at = R.ID.offset;
    return this.#bytes.subarray(at, at + R.ID.bytes).equals(other.#bytes.subarray(at, at + R.ID.bytes));
  }

  /** Bytes among those of the row. */
  slice(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(offset, offset + length));
  }

  /** Fills the image for a submission that has just come. */
  begin(fields: {
    id: Uint8Array;
    arrival: number;
    user: number;
    owner: number;
    previous: number;
    ordinal: number;
    language: string;
    sentAtMs: number;
  }): void {
    this.words.fill(0);
    this.state = 'queued';
    this.#bytes.set(fields.id, R.ID.offset);
    this.#setLong(R.ARRIVAL, fields.arrival);
    this.#setLong(R.SENT_AT_MS, fields.sentAtMs);
    this.#set(R.USER, fields.user);
    this.#set(R.OWNER, fields.owner);
    this.#set(R.PREVIOUS, fields.previous);
    this.#set(R.ORDINAL, fields.ordinal);
    this.#set(R.EXIT_CODE, NO_NUMBER);
    this.#set(R.SIGNAL, NO_NUMBER);
    const language = short('language', fields.language, MAX_LANGUAGE_BYTES);
    this.#setTexts(language, Buffer.alloc(0), Buffer.alloc(0));
    this.#setInline(ResponseKind.none, new Uint8Array());
  }

  /** Changes the paths; undefined leaves one as it is. Takes the response away: set it afterwards. */
  setPaths(paths: { source?: string | null | undefined; executable?: string | null | undefined }): void {
    const text = (name: string, value: string | null | undefined, old: Buffer) =>
      value === undefined ? old : short(name, value ?? '', MAX_PATH_BYTES);
    const { language, source, executable } = this.#texts();
    this.#setTexts(language, text('source', paths.source, source), text('executable', paths.executable, executable));
    this.#setInline(ResponseKind.none, new Uint8Array());
  }

  /** What is left of a row that was archived: who, when, and its place in the chain of its user. */
  archive(): void {
    this.state = 'archived';
    this.#set(R.OWNER, 0);
    this.setNumbers(NO_RESULT);
    this.#setTexts(NO_TEXT, NO_TEXT, NO_TEXT);
    this.#setInline(ResponseKind.none, NO_TEXT);
  }

  setNumbers(result: Omit<Result, 'response'>): void {
    this.#set(R.VERDICT, result.verdict);
    this.#set(R.EXIT_CODE, result.exitCode ?? NO_NUMBER);
    this.#set(R.SIGNAL, result.signal ?? NO_NUMBER);
    this.#setLong(R.CPU_NS, result.cpuNs);
    this.#setLong(R.WALL_NS, result.wallNs);
    this.#setLong(R.WAITED_NS, result.waitedNs);
    this.#setLong(R.MEMORY_BYTES, result.memoryBytes);
  }

  /** Puts a response among the row's own bytes, if there is room. */
  tryInline(kind: number, content: Uint8Array): boolean {
    if (this.#responseOffset + content.length > ROW.size) return false;
    this.#setInline(kind, content);
    return true;
  }

  setExtent(kind: number, place: { at: number; length: number; checksum: number }): void {
    this.#setInline(kind, new Uint8Array());
    this.#set(R.RESPONSE_AT, place.at);
    this.#set(R.RESPONSE_BYTES, place.length);
    this.#set(R.RESPONSE_CHECKSUM, place.checksum);
  }

  toRow(index: number): Row {
    const { language, source, executable } = this.#texts();
    const orNull = (value: number) => (value === NO_NUMBER ? null : value);
    return {
      row: rowIndex(index),
      id: this.id,
      arrival: arrival(this.#getLong(R.ARRIVAL)),
      state: this.state,
      user: this.user,
      owner: this.#get(R.OWNER),
      language: language.toString(),
      sentAtMs: this.#getLong(R.SENT_AT_MS),
      verdict: this.#get(R.VERDICT),
      exitCode: orNull(this.#get(R.EXIT_CODE)),
      signal: orNull(this.#get(R.SIGNAL)),
      cpuNs: nanos(this.#getLong(R.CPU_NS)),
      wallNs: nanos(this.#getLong(R.WALL_NS)),
      waitedNs: nanos(this.#getLong(R.WAITED_NS)),
      memoryBytes: bytes(this.#getLong(R.MEMORY_BYTES)),
      source: source.length === 0 ? null : source.toString(),
      executable: executable.length === 0 ? null : executable.toString(),
      ordinal: this.ordinal,
    };
  }

  #texts(): { language: Buffer; source: Buffer; executable: Buffer } {
    const copy = (offset: number, length: number) => Buffer.from(this.#bytes.subarray(offset, offset + length));
    const afterLanguage = BYTES_AT + this.#length(R.LANGUAGE_BYTES);
    const afterSource = afterLanguage + this.#length(R.SOURCE_BYTES);
    return {
      language: copy(BYTES_AT, this.#length(R.LANGUAGE_BYTES)),
      source: copy(afterLanguage, this.#length(R.SOURCE_BYTES)),
      executable: copy(afterSource, this.#length(R.EXECUTABLE_BYTES)),
    };
  }

  #setTexts(language: Buffer, source: Buffer, executable: Buffer): void {
    const texts = Buffer.concat([language, source, executable, NOTHING]);
    texts.copy(this.#bytes, BYTES_AT);
    this.#bytes[R.LANGUAGE_BYTES.offset] = language.length;
    this.#bytes[R.SOURCE_BYTES.offset] = source.length;
    this.#bytes[R.EXECUTABLE_BYTES.offset] = executable.length;
  }

  #setInline(kind: number, content: Uint8Array): void {
    this.#bytes[R.RESPONSE_KIND.offset] = kind;
    this.#set(R.RESPONSE_AT, 0);
    this.#set(R.RESPONSE_BYTES, content.length);
    this.#set(R.RESPONSE_CHECKSUM, 0);
    const offset = this.#responseOffset;
    const end = offset + content.length;
    // Words are checksummed whole: what fills up the last one must be nothing, whatever was there.
    if (content.length % 4 !== 0) this.words[(end - 1) >> 2] = 0;
    if (content.length > 0) this.#bytes.set(content, offset);
    this.words[WORDS] = Math.ceil(end / 4);
  }

  /** Behind the texts, at a whole word. */
  get #responseOffset(): number {
    const texts = this.#length(R.LANGUAGE_BYTES) + this.#length(R.SOURCE_BYTES) + this.#length(R.EXECUTABLE_BYTES);
    return (BYTES_AT + texts + 3) & ~3;
  }

  #length(field: { readonly offset: number }): number {
    return this.#bytes[field.offset] ?? 0;
  }

  #get(field: { readonly offset: number }): number {
    return this.words[field.offset / 4] ?? 0;
  }

  #set(field: { readonly offset: number }, value: number): void {
    this.words[field.offset / 4] = value;
  }

  #getLong(field: { readonly offset: number }): number {
    const at = field.offset / 4;
    return ((this.words[at + 1] ?? 0) >>> 0) * 2 ** 32 + ((this.words[at] ?? 0) >>> 0);
  }

  #setLong(field: { readonly offset: number }, value: number): void {
    const whole = Math.max(0, Math.min(Math.round(value), Number.MAX_SAFE_INTEGER));
    const at = field.offset / 4;
    this.words[at] = (whole % 2 ** 32) | 0;
    this.words[at + 1] = Math.floor(whole / 2 ** 32);
  }
}

function short(field: string, text: string, limit: number): Buffer {
  const encoded = Buffer.from(text);
  if (encoded.length > limit) throw new TurnoError('TURNO_TOO_LARGE', { field, limit, found: encoded.length });
  return encoded;
}
