/**
 * A submission's progress as server-sent events, for HTTP: the operation `progress` asked again and again, by the server
 * itself, while somebody listens.
 *
 *     event: start   {"tests": 100}       so many may come
 *     event: test    a result
 *     event: anew    {}                   begun once more, after a failure of the server: forget the results so far
 *     event: done    the whole reply, as GET /v1/submissions/ID has it; the stream ends
 *     event: error   {"error": {...}}     the server ends, say; the stream ends too
 *
 * A client that goes away ends the loop at its next event or look: nothing else was made for it.
 */

import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { TurnoError } from '../errors.js';
import { errorReply } from './answers.js';
import type { Call, Operations } from './operations.js';
import type { ProgressReply } from './reply-schema.js';

const LOOK_MS = 40;
/** A comment now and then tells proxies, and this loop, whether anybody is still there. */
const SIGN_OF_LIFE_MS = 15_000;

/** Rejects, before anything is sent, when the submission cannot be shown to who asks. */
export async function eventStream(operations: Operations, call: Call): Promise<Readable> {
  const first = (await operations.run('progress', call)) as ProgressReply;
  return Readable.from(events(operations, call, first), { objectMode: false });
}

async function* events(operations: Operations, call: Call, first: ProgressReply): AsyncGenerator<string> {
  let saidMs = performance.now();
  try {
    yield ': turno\n\n'; // the headers go out with the first bytes: a client knows that it is listened to
    for (let part = first; ; ) {
      const text = told(part);
      if (text !== '') {
        yield text;
        saidMs = performance.now();
      }
      if (part.state === 'done') break;
      await setTimeout(LOOK_MS);
      if (performance.now() - saidMs > SIGN_OF_LIFE_MS) {
        yield ':\n\n';
        saidMs = performance.now();
      }
      part = (await operations.run('progress', { ...call, query: { after: part.cursor } })) as ProgressReply;
    }
    yield event('done', await operations.run('show', { id: call.id, user: call.user }));
  } catch (error) {
    if (!(error instanceof TurnoError)) throw error;
    yield event('error', errorReply(error));
  }
}

function told({ isAnew, tests, results }: ProgressReply): string {
  const parts = [];
  if (isAnew) parts.push(event('anew', {}));
  if (tests !== null) parts.push(event('start', { tests }));
  for (const result of results) parts.push(event('test', result));
  return parts.join('');
}

function event(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
