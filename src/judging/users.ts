/**
 * Who somebody is: the user of a token, the operator, or the user of a uid of this machine; and how one becomes a user. What
 * the table keeps of users is in shm/users.ts.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { TurnoError } from '../errors.js';
import { localUserName } from '../io/decode.js';
import type { User, UsersApi } from '../io/transport.js';
import type { Savers } from '../pool/savers.js';
import type { Table } from '../shm/table.js';
import { hashOf, newToken } from '../token.js';

export interface UserParts {
  readonly table: Table;
  readonly savers: Pick<Savers, 'commit'>;
  /** What whoever registers must know; undefined: nothing. */
  readonly invite: string | undefined;
  /** The operator's token. */
  readonly operator: string;
}

export class Users implements UsersApi {
  readonly #table: Table;
  readonly #savers: Pick<Savers, 'commit'>;
  #invite: string | undefined;
  /** Compared with at every request. */
  readonly #operatorHash: Uint8Array;

  constructor({ table, savers, invite, operator }: UserParts) {
    this.#table = table;
    this.#savers = savers;
    this.#invite = invite;
    this.#operatorHash = hashOf(operator);
  }

  async register({ name, invite = '' }: { name: string; invite?: string | undefined }) {
    const wanted = this.#invite;
    // Hashes have one length, and comparing them tells nothing by its time.
    if (wanted !== undefined && !timingSafeEqual(hashOf(invite), hashOf(wanted))) throw new TurnoError('TURNO_INVITE');
    const token = newToken();
    this.#table.addUser({ name, tokenHash: hashOf(token) });
    await this.#savers.commit(this.#table.position);
    return { name, token };
  }

  authenticate(token: string): User | undefined {
    const hash = hashOf(token);
    const user = this.#table.userByToken(hash);
    if (!timingSafeEqual(hash, this.#operatorHash)) return user;
    return { ...(user ?? this.#registerOperator(hash)), isOperator: true };
  }

  async local(uid: number): Promise<User> {
    const name = localUserName(uid);
    if (this.#table.userByName(name) === undefined) {
      try {
        this.#table.addUser({ name, tokenHash: hashOf(newToken()) });
      } catch (error) {
        // Another front was quicker: then it is the same user.
        if (!(error instanceof TurnoError && error.code === 'TURNO_USER_EXISTS')) throw error;
      }
      await this.#savers.commit(this.#table.position);
    }
    const user = this.#table.userByName(name);
    if (user === undefined) throw new TypeError(`${name} is gone`);
    return user;
  }

  /** What whoever registers must know from now on. */
  setInvite(invite: string | undefined): void {
    this.#invite = invite;
  }

  /** Who has the operator's token is a user like any other, made when it is first used. */
  #registerOperator(tokenHash: Uint8Array): User {
    // The name may be somebody else's; or another front was quicker, and it is ours.
    for (const name of ['operator', `operator-${randomBytes(4).toString('hex')}`]) {
      if (this.#table.userByName(name) === undefined) this.#table.addUser({ name, tokenHash });
      const user = this.#table.userByToken(tokenHash);
      if (user !== undefined) return user;
    }
    throw new TypeError('the operator vanished');
  }
}
