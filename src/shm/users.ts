/**
 * Users: records that are added under one lock and found by name or by the hash of their token.
 *
 * The commit point of an addition is one word, USERS: what is written before it is invisible, what comes after (the two
 * indexes) is done again by whoever takes the lock over from the dead.
 */

import { TurnoError } from '../errors.js';
import { faultPoint } from './fault-points.js';
import { HashIndex, hashWords } from './hash-index.js';
import { RecordKind, USER } from './layout.js';
import { type Log, type Records, VERSION, WORDS } from './records.js';
import { H, type Region } from './region.js';
import type { WordLock } from './word-lock.js';

const U = USER.fields;
const TOKEN_WORD = U.TOKEN_HASH.offset / 4;
const TOKEN_WORDS = U.TOKEN_HASH.bytes / 4;
const NAME_WORD = U.NAME.offset / 4;
const PRIORITY_WORD = U.PRIORITY.offset / 4;
const QUOTA_WORD = U.QUOTA.offset / 4;
const NEWEST_WORD = U.NEWEST.offset / 4;
const FIRST_VERSION = 2;

/** Index of a user, from 0, in order of registration. */
export type UserIndex = number;

/** What the operator says of a user. */
export interface UserTerms {
  /** Of the user's submissions: 0 = live, higher goes behind. */
  readonly priority: number;
  /** Submissions the user may have unfinished at once, 0 = as many as the server says of all. */
  readonly quota: number;
}

export interface User extends UserTerms {
  readonly index: UserIndex;
  readonly name: string;
}

export class Users {
  readonly #region: Region;
  readonly #records: Records;
  readonly #names: HashIndex;
  readonly #tokens: HashIndex;
  readonly #lock: WordLock;
  readonly #growLock: WordLock;
  readonly #log: Log;
  readonly #image: Int32Array;
  readonly #other: Int32Array;
  readonly #bytes: Buffer;

  constructor(region: Region, records: Records, lock: WordLock, growLock: WordLock, log: Log) {
    this.#region = region;
    this.#records = records;
    this.#lock = lock;
    this.#growLock = growLock;
    this.#log = log;
    this.#image = records.newImage();
    this.#other = records.newImage();
    this.#bytes = Buffer.from(this.#image.buffer);
    const { names, tokens, maxUsers } = region.geometry;
    const hash = (of: (image: Int32Array) => number) => (index: number) =>
      this.#records.read(index, this.#other) ? of(this.#other) : undefined;
    this.#names = new HashIndex(region, names, maxUsers, growLock, hash(nameHash), (index, key) =>
      this.#hasName(index, key),
    );
    this.#tokens = new HashIndex(region, tokens, maxUsers, growLock, hash(tokenHash), (index, key) =>
      this.#hasToken(index, key),
    );
  }

  get count(): number {
    return this.#region.load(H.USERS);
  }

  /**
   * Adds a user. Waits for the users' lock.
   * @param name non-empty, at most 128 bytes of UTF-8
   * @param token SHA-256 of the token, 32 bytes
   * @param terms what is not said of them is 0
   * @throws TURNO_USER_EXISTS, TURNO_BAD_REQUEST, TURNO_TABLE_FULL, TURNO_DISK_FULL
   */
  add(name: string, token: Uint8Array, terms: Partial<UserTerms> = {}): UserIndex {
    const encoded = Buffer.from(name);
    if (encoded.length === 0 || encoded.length > U.NAME.bytes) {
      const problem = `expected 1 to ${U.NAME.bytes} bytes of UTF-8, got ${encoded.length}`;
      throw new TurnoError('TURNO_BAD_REQUEST', { field: 'name', problem });
    }
    if (token.length !== U.TOKEN_HASH.bytes) throw new RangeError(`tokenHash: expected 32 bytes, got ${token.length}`);
    this.#lock.acquire();
    try {
      return this.#add(name, encoded, token, terms);
    } finally {
      this.#lock.release();
    }
  }

  #add(name: string, encoded: Buffer, token: Uint8Array, terms: Partial<UserTerms>): UserIndex {
    this.#fill(encoded, token);
    this.#setTerms(terms);
    const image = this.#image.slice();
    if (this.#names.find(this.count, nameHash(image), image) !== -1) {
      throw new TurnoError('TURNO_USER_EXISTS', { name });
    }
    if (this.#tokens.find(this.count, tokenHash(image), image) !== -1) {
      throw new RangeError('tokenHash: another user has this token');
    }
    const index = this.count;
    if (index >= this.#region.geometry.maxUsers) {
      throw new TurnoError('TURNO_TABLE_FULL', { path: this.#region.path, rows: this.#region.load(H.ROWS) });
    }
    this.#prepare(index, image, FIRST_VERSION);
    faultPoint('user.after-row');
    this.#log(RecordKind.user, index, image);
    this.#commit(index, image);
    return index;
  }

  #prepare(index: UserIndex, image: Int32Array, version: number): void {
    this.#records.ensure(index, this.#growLock);
    this.#names.prepare(index);
    this.#tokens.prepare(index);
    this.#records.seal(index, image, version);
    this.#records.writeUnseen(index, image);
  }

  #commit(index: UserIndex, image: Int32Array): void {
    this.#region.store(H.USERS, index + 1);
    faultPoint('user.after-commit');
    this.#addToIndexes(index, image);
  }

  /** Puts the next user into a table nobody else works in. */
  restore(index: UserIndex, image: Int32Array): void {
    this.#prepare(index, image, image[VERSION] ?? FIRST_VERSION);
    this.#commit(index, image);
  }

  /** Changes what is said of a user; what is not among `terms` stays. The caller holds the stripe of the record. */
  change(index: UserIndex, terms: Partial<UserTerms>): void {
    if (!this.#records.read(index, this.#image)) throw new RangeError(`there is no user ${index}`);
    this.#setTerms(terms);
    this.#records.change(index, this.#image, 0, 0);
  }

  #setTerms({ priority, quota }: Partial<UserTerms>): void {
    if (priority !== undefined) this.#image[PRIORITY_WORD] = priority;
    if (quota !== undefined) this.#image[QUOTA_WORD] = quota;
  }

  /** Puts the next user, or a later image of one that is there, into a table nobody else works in. */
  reapply(index: UserIndex, image: Int32Array): void {
    if (index === this.count) {
      this.restore(index, image);
      return;
    }
    const isThere = this.#records.read(index, this.#image);
    const isSame = isThere && isEqual(this.#image, image, TOKEN_WORD, NAME_WORD);
    if (isSame && (((image[VERSION] ?? 0) - (this.#image[VERSION] ?? 0)) | 0) <= 0) return;
    image[NEWEST_WORD] = this.newest(index);
    this.#records.seal(index, image, image[VERSION] ?? FIRST_VERSION);
    this.#records.writeUnseen(index, image);
    // Another one: whoever is there was logged and died before his commit, and the next got his place. Or a copy has the next
    // already, and it is the turn of the dead one once more: then the next one's own record follows.
    if (!isSame) this.#addToIndexes(index, image);
  }

  /**
   * A verified copy of a user's record.
   * @throws TURNO_TABLE_DAMAGED
   */
  imageOf(index: UserIndex): Int32Array {
    const image = this.#records.newImage();
    if (!this.#records.read(index, image)) {
      throw this.#region.damaged(`user ${index} was never written`, this.#records.offset(index));
    }
    image[NEWEST_WORD] = 0;
    return image;
  }

  #addToIndexes(index: UserIndex, image: Int32Array): void {
    this.#names.add(index, nameHash(image));
    faultPoint('user.after-index');
    this.#tokens.add(index, tokenHash(image));
  }

  /** For whoever takes the users' lock over from the dead: the last addition, once more. */
  repair(): void {
    const last = this.count - 1;
    if (last >= 0 && this.#records.read(last, this.#image)) this.#addToIndexes(last, this.#image.slice());
  }

  byToken(token: Uint8Array): User | undefined {
    if (token.length !== U.TOKEN_HASH.bytes) return undefined;
    this.#fill(Buffer.alloc(0), token);
    const image = this.#image.slice();
    const index = this.#tokens.find(this.count, tokenHash(image), image);
    return index === -1 ? undefined : this.get(index);
  }

  byName(name: string): User | undefined {
    const encoded = Buffer.from(name);
    if (encoded.length === 0 || encoded.length > U.NAME.bytes) return undefined;
    this.#fill(encoded, new Uint8Array(U.TOKEN_HASH.bytes));
    const image = this.#image.slice();
    const index = this.#names.find(this.count, nameHash(image), image);
    return index === -1 ? undefined : this.get(index);
  }

  get(index: UserIndex): User | undefined {
    if (index < 0 || index >= this.count || !this.#records.read(index, this.#image)) return undefined;
    const length = this.#image[U.NAME_BYTES.offset / 4] ?? 0;
    const name = this.#bytes.toString('utf8', U.NAME.offset, U.NAME.offset + length);
    return { index, name, priority: this.#image[PRIORITY_WORD] ?? 0, quota: this.#image[QUOTA_WORD] ?? 0 };
  }

  tokenHashOf(index: UserIndex): Uint8Array | undefined {
    if (index < 0 || index >= this.count || !this.#records.read(index, this.#image)) return undefined;
    return new Uint8Array(this.#bytes.subarray(U.TOKEN_HASH.offset, U.TOKEN_HASH.offset + U.TOKEN_HASH.bytes));
  }

  /** Row + 1 of the user's newest submission; 0 when there is none. */
  newest(index: UserIndex): number {
    const view = this.#records.view(index);
    return view === undefined ? 0 : Atomics.load(view, this.#records.at(index) + NEWEST_WORD);
  }

  /** The caller holds the accept lock. */
  setNewest(index: UserIndex, rowPlusOne: number): void {
    const view = this.#records.view(index);
    if (view !== undefined) Atomics.store(view, this.#records.at(index) + NEWEST_WORD, rowPlusOne);
  }

  #fill(name: Buffer, token: Uint8Array): void {
    this.#image.fill(0);
    this.#image[U.NAME_BYTES.offset / 4] = name.length;
    this.#bytes.set(token, U.TOKEN_HASH.offset);
    this.#bytes.set(name, U.NAME.offset);
    this.#image[WORDS] = NAME_WORD + Math.ceil(name.length / 4);
  }

  /** Name and length: the words from NAME on are filled with zeros. */
  #hasName(index: UserIndex, key: Int32Array): boolean {
    if (!this.#records.read(index, this.#other)) return false;
    return (
      this.#other[U.NAME_BYTES.offset / 4] === key[U.NAME_BYTES.offset / 4] &&
      isEqual(this.#other, key, NAME_WORD, key[WORDS] ?? 0)
    );
  }

  #hasToken(index: UserIndex, key: Int32Array): boolean {
    return this.#records.read(index, this.#other) && isEqual(this.#other, key, TOKEN_WORD, TOKEN_WORD + TOKEN_WORDS);
  }
}

function isEqual(one: Int32Array, other: Int32Array, from: number, to: number): boolean {
  for (let word = from; word < to; word++) if (one[word] !== other[word]) return false;
  return true;
}

function nameHash(image: Int32Array): number {
  return hashWords(image, NAME_WORD, (image[WORDS] ?? 0) - NAME_WORD);
}

function tokenHash(image: Int32Array): number {
  return hashWords(image, TOKEN_WORD, TOKEN_WORDS);
}
