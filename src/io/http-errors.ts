/**
 * Errors as HTTP answers: `{"error": {"code", "message", "field"?}}` with the right status, whoever found the fault: a
 * schema, the judge, Fastify, or Node's HTTP parser before Fastify saw anything.
 */

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, type ErrorDetails, TurnoError } from '../errors.js';
import { errorReply } from './answers.js';
import { refuse } from './complaint.js';

/** Node's bound for all headers of a request together. */
export const MAX_HEADER_BYTES = 16_384;

/** Sends an error; turno's own failures are logged with their cause and do not tell the client more than it may know. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = error instanceof TurnoError ? error : fromFastify(error, request);
  if (known.status === 500) request.log.error({ err: error }, known.message);
  else if (known.status > 500) request.log.warn(known.message); // it stops, or is full: the log would be nothing but stacks
  if (known.status === 401) reply.header('www-authenticate', 'Bearer');
  if (known.status === 429) reply.header('retry-after', String(known.details.retryAfterS ?? 1));
  // The rest of a body that is not read any more would be taken for the next request.
  if (known.status === 413) reply.header('connection', 'close');
  reply
    .code(known.status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorReply(known)));
}

/** What Fastify refuses by itself, in our words. Everything else is a failure of the server. */
function fromFastify(error: unknown, request: FastifyRequest): TurnoError {
  const cause = { cause: error };
  const make = (code: ErrorCode, details: ErrorDetails) => new TurnoError(code, details, cause);
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const limit = request.routeOptions.bodyLimit;
      const found = request.headers['content-length'] ?? `more than ${limit}`;
      return make('TURNO_TOO_LARGE', { field: 'body', limit, found });
    }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
      return make('TURNO_MEDIA_TYPE', { found: request.headers['content-type'] ?? 'nothing' });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return refuse('Content-Length', 'it is not the length of the body');
    case 'FST_ERR_BAD_URL':
      return refuse('path', 'expected a percent-encoded path');
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return make('TURNO_BAD_REQUEST', { field: 'request', problem: message ?? 'refused' });
  }
  return make('TURNO_INTERNAL', { request: request.id });
}

/** What Node's parser refuses, there is no request for: the answer is written to the connection by hand. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const known = fromNode(error.code);
  const status = `${known.status} ${STATUS_CODES[known.status]}`;
  const body = JSON.stringify(errorReply(known));
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function fromNode(code: string | undefined): TurnoError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new TurnoError('TURNO_HEADERS_TOO_LARGE', { limit: MAX_HEADER_BYTES });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new TurnoError('TURNO_SLOW_REQUEST');
    default:
      return refuse('request', 'expected HTTP/1.1');
  }
}
