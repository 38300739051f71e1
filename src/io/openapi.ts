/**
 * What /openapi.json says, made from what is in force: the routes, the schemas that check requests, and the table of errors.
 *
 * Each route names the codes it may answer with, under their statuses; what may come of any path is in the description of the
 * whole.
 */

import { type TSchema, Type } from '@sinclair/typebox';
import type { RouteShorthandOptions } from 'fastify';
import { ERRORS, type ErrorCode } from '../errors.js';
import type { Route } from './http-routes.js';
import type { Operation } from './operations.js';
import { ErrorReply } from './reply-schema.js';

/** Whatever is asked. */
const ALWAYS: readonly ErrorCode[] = [
  'TURNO_BAD_REQUEST',
  'TURNO_SLOW_REQUEST',
  'TURNO_HEADERS_TOO_LARGE',
  'TURNO_INTERNAL',
  'TURNO_SYSTEM',
];
const WITH_TOKEN: readonly ErrorCode[] = ['TURNO_TOKEN_MISSING', 'TURNO_TOKEN_UNKNOWN'];
const WITH_BODY: readonly ErrorCode[] = ['TURNO_BAD_JSON', 'TURNO_MEDIA_TYPE', 'TURNO_TOO_LARGE'];
/** Of paths that are no route, and of routes with another method. */
const WITHOUT_ROUTE: readonly ErrorCode[] = ['TURNO_NO_ROUTE', 'TURNO_METHOD'];

const BYTES = Type.Unsafe<never>({ type: 'string', format: 'binary' });

export function openApi() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'turno',
      version: '1',
      description: [
        'A code judge that takes turns.',
        'An error is `{"error": {"code", "message", "field"?}}`: programs look at the code, which is permanent, people read the message.',
        `Besides those of each route: ${told(WITHOUT_ROUTE)}.`,
        'A token goes into the header `Authorization: Bearer TOKEN`; `POST /v1/users` gives one.',
      ].join('\n\n'),
      license: { name: 'MIT' },
    },
    components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
  };
}

/** What Fastify, and so @fastify/swagger, is told of a route. Nothing is checked by it: operations.ts does that. */
export function documentation(route: Route, operation: Operation): RouteShorthandOptions {
  const { query, body, hasId, isOpen } = operation;
  const idOf = route.path.startsWith('/v1/problems') ? 'problem' : 'submission';
  return {
    schema: {
      operationId: route.isStream ? 'events' : route.operation,
      summary: route.summary,
      ...(query ? { querystring: query } : {}),
      ...(body ? { body: bodyOf(route, body) } : {}),
      ...(hasId ? { params: Type.Object({ id: Type.String({ description: `id of a ${idOf}` }) }) } : {}),
      security: isOpen ? [] : [{ token: [] }],
      response: { ...repliesOf(route), ...refusalsOf(route, operation) },
    },
  };
}

/** Every code a route may answer with. */
export function codesOf({ refusals = [] }: Route, { isOpen, body, hasId }: Operation): readonly ErrorCode[] {
  return [
    ...ALWAYS,
    ...(isOpen ? [] : WITH_TOKEN),
    ...(body ? WITH_BODY : []),
    ...(hasId ? (['TURNO_NOT_FOUND'] as const) : []),
    ...refusals,
  ];
}

function bodyOf({ examples, takesZip }: Route, schema: TSchema) {
  const json = { schema: examples === undefined ? schema : { ...schema, examples } };
  return { content: { 'application/json': json, ...(takesZip ? { 'application/zip': { schema: BYTES } } : {}) } };
}

function repliesOf({ replies }: Route) {
  const entries = Object.entries(replies).map(([status, { description, schema, types = ['application/json'] }]) => {
    const media = { schema: schema ?? BYTES };
    return [status, { description, content: Object.fromEntries(types.map((type) => [type, media])) }];
  });
  return Object.fromEntries(entries);
}

function refusalsOf(route: Route, operation: Operation) {
  const codes = codesOf(route, operation);
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))].sort((one, other) => one - other);
  return Object.fromEntries(
    statuses.map((status) => {
      const here = codes.filter((code) => ERRORS[code].status === status);
      return [status, { description: told(here), content: { 'application/json': { schema: errorOf(here) } } }];
    }),
  );
}

/** The reply of an error, with the codes it may have. */
function errorOf(codes: readonly ErrorCode[]) {
  const { error } = ErrorReply.properties;
  const code = { ...error.properties.code, enum: codes };
  return { ...ErrorReply, properties: { error: { ...error, properties: { ...error.properties, code } } } };
}

function told(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\` (${ERRORS[code].message})`).join('; ');
}
