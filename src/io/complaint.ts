/**
 * What a schema has against a value, as a sentence: the field, the rule, the value found.
 *
 *     limits.cpuTimeMs: expected an integer from 1 to 60000, got "2s" (string)
 *     limits: unknown field "cpuTime". Did you mean "cpuTimeMs"?
 *
 * The rule is read from the schema itself, so a sentence cannot say something else than what is checked.
 */

import type { ErrorObject } from 'ajv';
import { TurnoError } from '../errors.js';
import { didYouMean } from '../nearest.js';

type SchemaObject = Readonly<Record<string, unknown>>;

/** Characters of a refused value that are shown. */
const SHOWN_LENGTH = 40;

/**
 * @param whole what the value is called as a whole: `body`, `query`
 * @param error of an Ajv with `verbose`, which brings the schema and the value along
 */
export function complaint(whole: string, error: ErrorObject): TurnoError {
  const path = fieldOf(error.instancePath);
  if (error.keyword === 'additionalProperties') {
    const unknown = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
    const field = path === '' ? unknown : `${path}.${unknown}`;
    // A name of a megabyte is not sent back.
    return refuse(shortened(field), `unknown field${didYouMean(unknown, known)}`);
  }
  if (error.keyword === 'required') {
    const missing = String(error.params.missingProperty);
    const properties = error.parentSchema?.properties as Record<string, SchemaObject> | undefined;
    return refuse(
      path === '' ? missing : `${path}.${missing}`,
      `expected ${ruleOf(properties?.[missing] ?? {})}, got nothing`,
    );
  }
  return refuse(path || whole, `expected ${ruleOf(error.parentSchema ?? {})}, got ${shown(error.data)}`);
}

/** A refusal that names the field. */
export function refuse(field: string, problem: string): TurnoError {
  return new TurnoError('TURNO_BAD_REQUEST', { field, problem });
}

/** `/tests/0/name` -> `tests[0].name` */
function fieldOf(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`), '');
}

function ruleOf(schema: SchemaObject): string {
  if (typeof schema['x-expected'] === 'string') return schema['x-expected'];
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.map((word) => JSON.stringify(word)).join(', ')}`;
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'an integer' : 'a number'}${above(schema)}${range(schema.minimum, schema.maximum, '')}`;
    case 'string':
      return `text${range(schema.minLength, schema.maxLength, ' characters')}`;
    case 'array':
      return `an array${range(schema.minItems, schema.maxItems, ' items')}`;
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'an object';
    default:
      return 'something else';
  }
}

function above({ exclusiveMinimum: bound, maximum }: SchemaObject): string {
  if (bound === undefined) return '';
  return ` above ${bound}${maximum === undefined ? '' : ','}`;
}

function range(min: unknown, max: unknown, unit: string): string {
  if (min !== undefined && max !== undefined) return unit ? ` of ${min} to ${max}${unit}` : ` from ${min} to ${max}`;
  if (max !== undefined) return unit ? ` of at most ${max}${unit}` : ` of at most ${max}`;
  if (min !== undefined) return unit ? ` of at least ${min}${unit}` : ` of at least ${min}`;
  return '';
}

/** A value found, with its type; long ones shortened. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  switch (typeof value) {
    case 'string':
      return `${JSON.stringify(shortened(value))} (string)`;
    case 'object':
      return 'an object';
    default:
      return `${String(value)} (${typeof value})`;
  }
}

function shortened(text: string): string {
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}...` : text;
}
