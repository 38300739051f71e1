/** What a client under orders sends: the plan, as a JSON file that can be changed while it runs (SIGHUP). */

import { readFileSync } from 'node:fs';
import { type Static, Type } from '@sinclair/typebox';
import { TurnoError } from '../errors.js';
import { Validators } from '../io/validator.js';

const closed = { additionalProperties: false } as const;

const Item = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'what it is called in the report' }),
    weight: Type.Number({ exclusiveMinimum: 0, description: 'how often, beside the others' }),
    body: Type.Optional(Type.Unknown({ description: 'of a submission; absent: an empty request (ping)' })),
  },
  closed,
);
export type Item = Static<typeof Item>;

export const Plan = Type.Object(
  {
    server: Type.String({ description: 'address: http://..., tcp://..., unix:PATH, signal:DATA_DIRECTORY' }),
    token: Type.Optional(Type.String()),
    mix: Type.Array(Item, { minItems: 1 }),
    rate: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1e6, description: 'open loop: requests a second, answered or not' }),
    ),
    concurrency: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1e5, description: 'closed loop: so many under way at once; default 1' }),
    ),
    durationS: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1e6, description: 'of a burst; default 10' })),
    requests: Type.Optional(Type.Integer({ minimum: 1, description: 'of a burst, at most; default: no bound' })),
    graceS: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 3_600,
        description: 'how long answers are waited for at the end; default 30',
      }),
    ),
  },
  closed,
);
export type Plan = Static<typeof Plan>;

/** @throws TURNO_BAD_REQUEST naming the field, TURNO_USAGE when the file cannot be read */
export function readPlan(path: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new TurnoError('TURNO_USAGE', { problem: `plan ${path}: ${(error as Error).message}` }, { cause: error });
  }
  return checkPlan(value);
}

/** @throws TURNO_BAD_REQUEST */
export function checkPlan(value: unknown): Plan {
  const plan = new Validators().compile(Plan, 'plan')(value) as Plan;
  if (plan.rate !== undefined && plan.concurrency !== undefined) {
    const problem = 'expected one of rate (open loop) and concurrency (closed loop), got both';
    throw new TurnoError('TURNO_BAD_REQUEST', { field: 'rate', problem });
  }
  return plan;
}

/** Items in the proportion of their weights, evenly mixed: the same plan always sends the same. */
export class Mix {
  readonly #items: readonly Item[];
  readonly #owed: number[];
  readonly #total: number;

  constructor(items: readonly Item[]) {
    this.#items = items;
    this.#owed = items.map(() => 0);
    this.#total = items.reduce((sum, { weight }) => sum + weight, 0);
  }

  next(): Item {
    for (const [i, { weight }] of this.#items.entries()) this.#owed[i] = (this.#owed[i] ?? 0) + weight;
    const most = this.#owed.indexOf(Math.max(...this.#owed));
    this.#owed[most] = (this.#owed[most] ?? 0) - this.#total;
    const item = this.#items[most];
    if (item === undefined) throw new RangeError('mix: expected at least one item');
    return item;
  }
}
