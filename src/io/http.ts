/**
 * HTTP, the first way in. Fastify does the protocol; the routes are in http-routes.ts, errors in http-errors.ts.
 *
 *     headers -> who is it? -> body, at most maxBodyMib, UTF-8, JSON -> operation (operations.ts) -> JSON
 *
 * Who it is, is asked before the body is read, and of whom nobody knows little of it is read: 64 MiB of a stranger cost
 * nothing. It runs in node:cluster workers without
 * the primary in the connections (SCHED_NONE): the workers share the listening socket.
 */

import { METHODS } from 'node:http';
import swagger from '@fastify/swagger';
import { type FastifyInstance, type FastifyRequest, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { STRANGER_PAYLOAD_BYTES } from './frame.js';
import { answerClientError, MAX_HEADER_BYTES, sendError } from './http-errors.js';
import { eventStream } from './http-events.js';
import { ROUTES, type Route } from './http-routes.js';
import { listenFailure } from './listening.js';
import { documentation, openApi } from './openapi.js';
import type { Operations } from './operations.js';
import { maxBodyBytes, NoQuery } from './schema.js';
import { utf8 } from './text.js';
import type { Transport, User } from './transport.js';
import { fromQueryString } from './validator.js';

/** For a whole request, and for its headers. Left alone, Fastify would wait for a body for ever. */
const REQUEST_MS = 300_000;
const HEADERS_MS = 60_000;
/** How often Node looks for requests that are late. */
const LOOK_MS = 30_000;

export interface HttpOptions {
  readonly operations: Operations;
  readonly authenticate: (token: string) => User | undefined;
  readonly settings: Settings;
  readonly log: Logger;
  readonly requestMs?: number;
  readonly lookMs?: number;
}

export class HttpTransport implements Transport {
  readonly #options: HttpOptions;
  readonly #app: FastifyInstance;
  readonly #users = new WeakMap<FastifyRequest, User>();
  #requests = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
    const { requestMs = REQUEST_MS, lookMs = LOOK_MS } = options;
    this.#app = fastify({
      loggerInstance: options.log,
      logController: new LogController({ disableRequestLogging: true }),
      // Said to the client when the server fails, and unique among the fronts that write to one log.
      genReqId: () => `${process.pid}-${++this.#requests}`,
      bodyLimit: STRANGER_PAYLOAD_BYTES, // routes of users say more
      requestTimeout: requestMs,
      forceCloseConnections: 'idle',
      return503OnClosing: false, // the judge refuses new work itself, with a code
      clientErrorHandler: answerClientError,
      http: {
        maxHeaderSize: MAX_HEADER_BYTES,
        connectionsCheckingInterval: lookMs,
        headersTimeout: Math.min(HEADERS_MS, requestMs),
      },
      frameworkErrors: sendError,
    }) as unknown as FastifyInstance;
    this.#app.setErrorHandler(sendError);
    // The types of the schemas say what an answer is; a serializer made from them would silently drop what they lack.
    this.#app.setSerializerCompiler(() => JSON.stringify);
    this.#app.setValidatorCompiler(() => () => true); // routes check by themselves, with our sentences
    this.#readJsonOnly();
    if (options.settings.unsafeNoSandbox) {
      this.#app.addHook('onRequest', async (_request, reply) => {
        reply.header('turno-sandbox', 'none');
      });
    }
    // Before its body is read.
    this.#app.addHook('onRequest', async ({ is404, method, url }) => {
      if (is404) throw new TurnoError('TURNO_NO_ROUTE', { method, path: url.slice(0, 200) });
    });
  }

  async start(): Promise<{ url: string }> {
    const { host, port } = this.#options.settings;
    await this.#app.register(swagger, { openapi: openApi() });
    await this.#app.register(async (app) => this.#addRoutes(app));
    try {
      return { url: await this.#app.listen({ host, port }) };
    } catch (error) {
      throw listenFailure(error, { host, port, flag: '--port' });
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#app.server.closeAllConnections(), deadlineMs);
    try {
      await this.#app.close();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Fastify's own parser repairs what is not UTF-8, and reads text/plain too. */
  #readJsonOnly(): void {
    this.#app.removeAllContentTypeParsers();
    // A package goes as it is: what it becomes has one form for every way in.
    this.#app.addContentTypeParser('application/zip', { parseAs: 'buffer' }, (request, body, done) => {
      if (takesZip(request)) done(null, { zipBase64: (body as Buffer).toString('base64') });
      else done(new TurnoError('TURNO_MEDIA_TYPE', { found: 'application/zip' }));
    });
    this.#app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
      try {
        done(null, parseJson(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    });
  }

  #addRoutes(app: FastifyInstance): void {
    for (const route of ROUTES) this.#add(app, route);
    app.get('/openapi.json', { schema: { hide: true } }, () => this.#app.swagger());

    for (const path of new Set([...ROUTES.map((route) => route.path), '/openapi.json'])) {
      const allowed = allowedMethods(path);
      // Checked before a body is read, and without a token: which methods there are is no secret.
      app.route({
        method: METHODS.filter((method) => app.supportedMethods.includes(method) && !allowed.includes(method)),
        url: path,
        schema: { hide: true },
        onRequest: (request, reply, done) => {
          reply.header('allow', allowed.join(', '));
          done(new TurnoError('TURNO_METHOD', { method: request.method, path, allowed: allowed.join(' or ') }));
        },
        handler: () => undefined,
      });
    }
  }

  #add(app: FastifyInstance, route: Route): void {
    const { operations } = this.#options;
    const operation = operations.table[route.operation];
    const querySchema = operation.query ?? NoQuery;
    app.route({
      method: route.method,
      url: route.path,
      ...documentation(route, operation),
      ...(operation.isOpen ? {} : { bodyLimit: maxBodyBytes(this.#options.settings) }),
      onRequest: (request, _reply, done) => {
        try {
          if (operation.isOpen !== true) this.#users.set(request, this.#authenticated(request));
          done();
        } catch (error) {
          done(error as Error);
        }
      },
      handler: async (request, reply) => {
        const call = {
          query: fromQueryString(querySchema, request.query),
          user: () => this.#userOf(request),
          ...(operation.body === undefined ? {} : { body: request.body }),
          ...(operation.hasId ? { id: (request.params as { id?: string }).id } : {}),
        };
        if (route.isStream) return reply.type('text/event-stream').send(await eventStream(operations, call));
        const value = await operations.run(route.operation, call);
        return route.dress === undefined ? value : route.dress(value, reply);
      },
    });
  }

  /** Found by onRequest. */
  #userOf(request: FastifyRequest): User {
    const user = this.#users.get(request);
    if (user === undefined) throw new TypeError(`${request.url} has no user`);
    return user;
  }

  #authenticated(request: FastifyRequest): User {
    const { authorization } = request.headers;
    if (authorization === undefined || authorization === '') throw new TurnoError('TURNO_TOKEN_MISSING');
    const token = /^Bearer +([\w~+/.-]+=*) *$/i.exec(authorization)?.[1];
    const user = token === undefined ? undefined : this.#options.authenticate(token);
    if (user === undefined) throw new TurnoError('TURNO_TOKEN_UNKNOWN');
    return user;
  }
}

function takesZip({ routeOptions: { method, url } }: FastifyRequest): boolean {
  return ROUTES.some((route) => route.takesZip && route.method === method && route.path === url);
}

function parseJson(body: Buffer): unknown {
  const text = utf8(body, 'body');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TurnoError('TURNO_BAD_JSON', { field: 'body', problem: (error as Error).message }, { cause: error });
  }
}

function allowedMethods(path: string): string[] {
  const methods: string[] = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  if (methods.length === 0) methods.push('GET');
  return methods.includes('GET') ? ['HEAD', ...methods] : methods;
}
