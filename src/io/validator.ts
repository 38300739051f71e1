/**
 * Schemas as functions that check: strict, nothing coerced, nothing removed, nothing filled in.
 *
 * Fastify's own Ajv would turn "12" into 12 and silently drop what it does not know. Query parameters are always text, so
 * for them, and only for them, the text of an integer or a boolean becomes one before it is checked: `limit=abc`,
 * `limit=1.0` and `wait=maybe` stay text and are refused.
 */

import type { TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { complaint } from './complaint.js';

/** @returns the checked value. @throws TURNO_BAD_REQUEST */
export type Validator = (value: unknown) => unknown;

export class Validators {
  // `strict` would refuse x-expected and the key words TypeBox adds; `verbose` brings value and schema into the error.
  readonly #ajv = new Ajv({
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: false,
    strict: false,
    verbose: true,
  });

  /** @param whole what the value is called in messages when it is wrong as a whole, e.g. `body` */
  compile(schema: TSchema, whole: string): Validator {
    const check = this.#ajv.compile(schema);
    return (value) => {
      if (check(value)) return value;
      const [error] = check.errors ?? [];
      throw error ? complaint(whole, error) : new Error(`${whole}: refused without an error`);
    };
  }
}

/** The parameters of a query string, numbers and booleans made of their text where the schema has them. */
export function fromQueryString(schema: TSchema, query: unknown): Record<string, unknown> {
  const found: Record<string, unknown> = { ...(query as Record<string, unknown>) };
  for (const [name, { type }] of Object.entries((schema.properties ?? {}) as Record<string, TSchema>)) {
    if (Object.hasOwn(found, name)) found[name] = fromText(type, found[name]);
  }
  return found;
}

function fromText(type: unknown, value: unknown): unknown {
  if (type === 'integer' && typeof value === 'string' && /^-?(0|[1-9]\d{0,14})$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}
