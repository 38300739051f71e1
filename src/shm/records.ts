/**
 * Records (rows, users): read without a lock, changed under a stripe lock, whole whatever dies and whenever.
 *
 * A change, in this order:
 *
 *     1  the new image, checksum included, goes into the agent's intent slot; INTENT is stored last
 *     2  the image goes into the journal's ring; IS_LOGGED
 *     3  VERSION becomes odd        a reader that sees it takes the new image from the intent slot
 *     4  the body is copied
 *     5  VERSION becomes even       a reader that saw this version with the old body would be served a mixture, so: last
 *     6  the agent's counters are set to what the intent says; INTENT is cleared, and only then the stripe is released
 *
 * Dead before 1: nothing has happened. Dead later: whoever takes the stripe over does 2 to 6 again, which changes nothing
 * where they were done already: counters are set, not added to, and a record that is twice in the journal says the same.
 *
 * The checksum is not decoration. On arm64 plain loads may pass the loads of VERSION, and there it is what tells a torn
 * copy; everywhere it tells damage. It is seeded with version, kind and index: a page in the wrong place fails, too.
 */

import { type Agents, slotOf } from './agents.js';
import { faultPoint, isArmed } from './fault-points.js';
import { AGENT, AGENTS, type Area, CHUNK_BYTES, ChangeStep, type RecordKind } from './layout.js';
import { loadNative, type TableView } from './native.js';
import type { ChunkView, Region } from './region.js';
import type { WordLock } from './word-lock.js';

const A = AGENT.fields;
const INTENT = A.INTENT.offset / 4;
const INTENT_INDEX = A.INTENT_INDEX.offset / 4;
const IS_LOGGED = A.INTENT_IS_LOGGED.offset / 4;
const IMAGE = A.INTENT_IMAGE.offset / 4;

export const VERSION = 0;
export const CHECKSUM = 1;
export const WORDS = 2;

/** How often a reader looks again before it asks whether the writer is dead, and before it calls a bad checksum damage. */
const TRIES_BEFORE_HELP = 64;
const TRIES_BEFORE_DAMAGE = 4;
/** A writer's intent is there before the version is odd: seconds without one are not a slow writer. */
const TRIES_WITHOUT_INTENT = 10_000_000;

const ALL_STEPS = ChangeStep.begin | ChangeStep.body | ChangeStep.version | ChangeStep.end;

/** Where the image of each change goes before the change is made. */
export type Log = (kind: RecordKind, index: number, image: Int32Array) => void;

export class Records {
  readonly #view: TableView;
  readonly #region: Region;
  readonly #agents: Agents;
  readonly #kind: RecordKind;
  readonly #area: Area;
  readonly #shift: number;
  readonly #words: number;
  readonly #stripe: (index: number) => WordLock;
  readonly #log: Log;
  /** Chunks this thread has seen; the arrays save a look into the directory on every read. */
  readonly #views: Int32Array[] = [];
  readonly #firstWords: number[] = [];

  constructor(
    region: Region,
    view: TableView,
    agents: Agents,
    { kind, area, recordBytes }: { kind: RecordKind; area: Area; recordBytes: number },
    stripe: (index: number) => WordLock,
    log: Log,
  ) {
    this.#region = region;
    this.#view = view;
    this.#agents = agents;
    this.#kind = kind;
    this.#area = area;
    this.#words = recordBytes / 4;
    this.#shift = Math.log2(CHUNK_BYTES / recordBytes);
    this.#stripe = stripe;
    this.#log = log;
  }

  /** An image to read into: local to the thread. */
  newImage(): Int32Array {
    return new Int32Array(this.#words);
  }

  /** The words of the chunk a record lies in, for single words that are not part of the image; undefined if not there. */
  view(index: number): Int32Array | undefined {
    const chunk = index >>> this.#shift;
    return this.#views[chunk] ?? this.#keep(chunk, this.#region.chunk(this.#area, chunk));
  }

  /** Index, in that view, of the first word of the record. */
  at(index: number): number {
    const inChunk = index & ((1 << this.#shift) - 1);
    return (this.#firstWords[index >>> this.#shift] ?? 0) + inChunk * this.#words;
  }

  /** Makes sure that the record's chunk is there. Throws as Region.ensureChunk. */
  ensure(index: number, growLock: WordLock): void {
    const chunk = index >>> this.#shift;
    if (this.#views[chunk] === undefined) this.#keep(chunk, this.#region.ensureChunk(this.#area, chunk, growLock));
  }

  #keep(chunk: number, view: ChunkView | undefined): Int32Array | undefined {
    if (view === undefined) return undefined;
    this.#firstWords[chunk] = view.firstWord;
    this.#views[chunk] = view.words;
    return view.words;
  }

  /**
   * A consistent, verified copy. Takes no lock and never waits for a living writer.
   * @returns false when nothing was ever written there.
   * @throws TURNO_TABLE_DAMAGED
   */
  read(index: number, image: Int32Array): boolean {
    const words = this.view(index);
    if (words === undefined) return false;
    return this.#view.readRecord(this.#kind, index, image) || this.#readSlowly(index, words, this.at(index), image);
  }

  /** For a record that was never written, is being changed, or is damaged. */
  #readSlowly(index: number, words: Int32Array, at: number, image: Int32Array): boolean {
    for (let tries = 1, bad = 0; ; tries++) {
      const version = Atomics.load(words, at);
      if (version === 0) return false;
      if (version & 1) {
        if (this.#readIntent(index, version, image, slotOf(this.#stripe(index).holder))) return true;
        if (tries % TRIES_BEFORE_HELP === 0) {
          this.#stripe(index).releaseIfDead();
          // Whoever holds the stripe may be finishing the change of another, who is dead.
          for (let slot = 0; slot < AGENTS; slot++) if (this.#readIntent(index, version, image, slot)) return true;
        }
        // Odd, and nobody holds the stripe: no writer leaves that behind. (Or the holder changes other rows, for ever.)
        const isNobodys = this.#stripe(index).holder === 0 && Atomics.load(words, at) === version;
        if ((isNobodys && ++bad === TRIES_BEFORE_DAMAGE) || tries === TRIES_WITHOUT_INTENT) {
          throw this.#region.damaged(`version of ${this.#area.name} ${index} is odd`, this.offset(index));
        }
        continue;
      }
      if (this.#view.readRecord(this.#kind, index, image)) return true;
      if (Atomics.load(words, at) === version && ++bad === TRIES_BEFORE_DAMAGE) {
        throw this.#region.damaged(`checksum of ${this.#area.name} ${index} does not fit`, this.offset(index));
      }
    }
  }

  /** Offset in the file, for messages. */
  offset(index: number): number {
    const chunk = index >>> this.#shift;
    const number = Atomics.load(this.#region.words, this.#area.directory + chunk);
    return number * CHUNK_BYTES + (index & ((1 << this.#shift) - 1)) * this.#words * 4;
  }

  /** The writer's new image: it was complete before the version became odd, and stands until the version is even. */
  #readIntent(index: number, oddVersion: number, image: Int32Array, slot: number): boolean {
    if (slot < 0 || slot >= AGENTS) return false;
    const { words } = this.#region;
    const base = this.#agents.at(slot);
    if (Atomics.load(words, base + INTENT) !== this.#kind + 1 || words[base + INTENT_INDEX] !== index) return false;
    for (let word = 0; word < this.#words; word++) image[word] = words[base + IMAGE + word] ?? 0;
    return image[VERSION] === oddVersion + 1 && checksum(image, this.#kind, index) === image[CHECKSUM];
  }

  /**
   * Writes a record nobody can see yet. The caller holds the lock that makes it visible, and has logged the image: seal()
   * first.
   */
  writeUnseen(index: number, image: Int32Array): void {
    const words = this.view(index);
    if (words === undefined) throw new Error(`${this.#area.name} ${index}: its chunk is not there`);
    words.set(image, this.at(index));
  }

  /** Puts version and checksum into an image. */
  seal(index: number, image: Int32Array, version: number): void {
    image[VERSION] = version;
    image[CHECKSUM] = checksum(image, this.#kind, index);
  }

  /**
   * Changes a record. The caller holds its stripe and has read the image under it.
   * @param running, done what the change adds to the rows running and done
   */
  change(index: number, image: Int32Array, running: number, done: number): void {
    const { words } = this.#region;
    const { base } = this.#agents;
    this.#view.stageChange(base, this.#kind, index, image, running, done);
    faultPoint('table.after-intent');
    try {
      this.#logOnce(base, index, image);
    } catch (error) {
      Atomics.store(words, base + INTENT, 0); // the journal takes nothing: nobody has seen the change, so there was none
      throw error;
    }
    this.#finish(base, index);
  }

  #logOnce(base: number, index: number, image: Int32Array): void {
    const { words } = this.#region;
    if (words[base + IS_LOGGED] === 0) this.#log(this.#kind, index, image);
    words[base + IS_LOGGED] = 1;
    faultPoint('table.after-log');
  }

  /** Steps 3 to 6 from the intent slot, for the writer itself or for whoever took its stripe over. */
  #finish(base: number, index: number): void {
    // This thread may not have seen the chunk: its views are those that read() keeps.
    if (this.view(index) === undefined) throw new Error(`${this.#area.name} ${index}: its chunk is not there`);
    if (!isArmed()) {
      this.#view.publishChange(base, ALL_STEPS);
      return;
    }
    const publish = (steps: number) => this.#view.publishChange(base, steps);
    publish(ChangeStep.begin);
    faultPoint('table.inside-body');
    publish(ChangeStep.body);
    faultPoint('table.after-body');
    publish(ChangeStep.version);
    faultPoint('table.after-version');
    publish(ChangeStep.end);
    faultPoint('table.after-change');
  }

  /** Finishes what a dead agent had begun. The caller holds the stripe of the record its intent names. */
  finishFor(slot: number): void {
    const { words } = this.#region;
    const base = this.#agents.at(slot);
    const index = words[base + INTENT_INDEX] ?? 0;
    const image = words.slice(base + IMAGE, base + IMAGE + this.#words);
    if (checksum(image, this.#kind, index) !== image[CHECKSUM]) {
      throw this.#region.damaged(`intent of agent ${slot} does not fit`, (base + IMAGE) * 4);
    }
    try {
      this.#logOnce(base, index, image);
    } catch {
      // The journal takes nothing. Not logged means that the version is still even: the record is old, and stays so.
      Atomics.store(words, base + INTENT, 0);
      return;
    }
    this.#finish(base, index);
  }
}

/** What a slot's intent is about, or undefined when it has none. */
export function intentOf(region: Region, agents: Agents, slot: number): { kind: number; index: number } | undefined {
  const base = agents.at(slot);
  const kind = Atomics.load(region.words, base + INTENT) - 1;
  return kind < 0 ? undefined : { kind, index: region.words[base + INTENT_INDEX] ?? 0 };
}

function checksum(image: Int32Array, kind: RecordKind, index: number): number {
  return loadNative().recordChecksum(image, kind, index);
}
