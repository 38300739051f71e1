/**
 * The server's half of every way in that carries messages (socket, signal): a request's object in, an answer's out.
 *
 *     request   {op, id?, query?, body?}     RequestMessage of schema.ts
 *     answer    the reply's object, or {error: {code, message, field?}} and a mark that it is one
 *
 * Whatever is wrong ends in an answer; nothing is thrown.
 */

import type { Logger } from 'pino';
import { TurnoError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { refuse, shown } from './complaint.js';
import type { Operations } from './operations.js';
import type { ErrorReply } from './reply-schema.js';
import { RequestMessage } from './schema.js';
import type { User } from './transport.js';
import { type Validator, Validators } from './validator.js';

export type Answer =
  | { readonly isError: false; readonly value: unknown }
  | { readonly isError: true; readonly value: ErrorReply };

export class Answers {
  readonly #operations: Operations;
  readonly #log: Logger;
  readonly #check: Validator;
  #failures = 0;

  constructor(operations: Operations, log: Logger) {
    this.#operations = operations;
    this.#log = log;
    this.#check = new Validators().compile(RequestMessage, 'request');
  }

  /**
   * @param message decoded, unchecked
   * @param user who asks; throws TURNO_TOKEN_MISSING or TURNO_TOKEN_UNKNOWN
   */
  async to(message: unknown, user: () => User): Promise<Answer> {
    try {
      const { op, ...call } = this.#check(message) as RequestMessage;
      const { names } = this.#operations;
      if (!this.#operations.has(op)) {
        throw refuse('op', `expected one of ${names.join(', ')}, got ${shown(op)}${didYouMean(op, names)}`);
      }
      return { isError: false, value: await this.#operations.run(op, { ...call, user }) };
    } catch (error) {
      return this.failure(error);
    }
  }

  /** What became of a request that was never understood. */
  failure(error: unknown): Answer {
    return { isError: true, value: this.#reply(error) };
  }

  /** turno's own failures are logged with their cause, and do not tell the client more than it may know. */
  #reply(error: unknown): ErrorReply {
    if (error instanceof TurnoError && error.status < 500) return errorReply(error);
    if (error instanceof TurnoError && error.status > 500) {
      this.#log.warn(error.message); // it stops, or is full: the log would be nothing but stacks
      return errorReply(error);
    }
    const request = `${process.pid}-m${++this.#failures}`;
    const known = error instanceof TurnoError ? error : new TurnoError('TURNO_INTERNAL', { request }, { cause: error });
    this.#log.error({ err: error, request }, known.message);
    return errorReply(known);
  }
}

/** An error as a client gets it. */
export function errorReply({ code, message, details }: TurnoError): ErrorReply {
  const { field } = details;
  return { error: { code, message, ...(typeof field === 'string' ? { field } : {}) } };
}

/** Who has a token, for transports that find it in a message. */
export function userOf(authenticate: (token: string) => User | undefined, token: string | undefined): () => User {
  return () => {
    if (token === undefined) throw new TurnoError('TURNO_TOKEN_MISSING');
    const user = authenticate(token);
    if (user === undefined) throw new TurnoError('TURNO_TOKEN_UNKNOWN');
    return user;
  };
}
