/**
 * Bad input on the wire, at a running server: frames that were changed at random, and frames cut at each byte. Each ends
 * with an answer, an error or a bye and a closed connection; the server stays what it was, and a good client beside is
 * served throughout. FRAMES=10000 (npm run test:wire) looks at memory too.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import fc from 'fast-check';
import { t } from 'tap';
import { connect } from '../../src/io/connect.js';
import { CLIENT_KINDS, FrameReader, HEADER_BYTES, Kind } from '../../src/io/frame.js';
import { checkPacked } from '../../src/io/pack.js';
import { frame, RawSocket } from '../raw-socket.js';
import { flatness } from '../soak/flat.js';
import { ownMemoryKib } from '../soak/samples.js';
import { startServer } from '../start-server.js';

const FRAMES = Number(process.env.FRAMES ?? 400);
const AT_ONCE = 16;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const HELLO = { language: 'python', source: 'print("hello")', stdin: 'x', args: ['a'], limits: { cpuTimeMs: 100 } };

function goodFrames(token: string): Buffer[] {
  return [
    frame(Kind.hello, 0, { protocol: 1, token }),
    frame(Kind.request, 1, { op: 'ping' }),
    frame(Kind.request, 2, { op: 'languages' }),
    frame(Kind.request, 3, { op: 'list', query: { limit: 3 } }),
    frame(Kind.request, 4, { op: 'submit', query: { wait: false }, body: HELLO }),
    frame(Kind.request, 5, { op: 'show', id: '0'.repeat(32) }),
    frame(Kind.request, 6, {
      op: 'submit',
      body: { language: 'c', files: [{ path: 'a.c', content: '' }], tests: [{}] },
    }),
    frame(Kind.request, 7, { op: 'register', body: { name: 'a' } }),
  ];
}

/** One change of a frame: at a place, given as a part of its length. */
const change = fc.record({
  kind: fc.constantFrom('flip', 'byte', 'insert', 'remove', 'repeat', 'cut', 'length', 'head'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
});
const mutation = fc.record({ base: fc.nat(), changes: fc.array(change, { minLength: 1, maxLength: 4 }) });
type Change = ReturnType<typeof sample>[number]['changes'][number];

function sample() {
  return fc.sample(mutation, { seed, numRuns: FRAMES });
}

function changed(bytes: Buffer, { kind, at, bytes: other }: Change): Buffer {
  const place = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  const [first = 0] = other;
  const copy = Buffer.from(bytes);
  switch (kind) {
    case 'flip':
      if (copy.length > 0) copy[place] = (copy[place] ?? 0) ^ (1 << (first % 8));
      return copy;
    case 'byte':
      if (copy.length > 0) copy[place] = first;
      return copy;
    case 'insert':
      return Buffer.concat([before, other, after]);
    case 'remove':
      return Buffer.concat([before, after.subarray(other.length)]);
    case 'repeat':
      return Buffer.concat([bytes, after]);
    case 'cut':
      return before;
    case 'length': // what it says of itself is wrong, the rest is right
      if (copy.length >= 4) copy.writeUInt32LE(first < 128 ? first : (copy.readUInt32LE(0) + first) >>> 0, 0);
      return copy;
    case 'head': // right in its frame, wrong in its message
      if (copy.length > HEADER_BYTES) copy.set(other.subarray(0, copy.length - HEADER_BYTES), HEADER_BYTES);
      return copy;
  }
}

/** What a reader makes of bytes in two pieces, as a text to be compared. */
function reading(pieces: readonly Buffer[]): string {
  const reader = new FrameReader(CLIENT_KINDS, 1 << 20);
  const seen: string[] = [];
  try {
    for (const piece of pieces) {
      for (const { kind, id, payload } of reader.read(piece)) {
        seen.push(`${kind} ${id} ${payload.toString('hex')}`);
        try {
          checkPacked(payload);
        } catch (error) {
          seen.push((error as Error).message);
        }
      }
    }
  } catch (error) {
    seen.push((error as Error).message);
  }
  return seen.join('\n');
}

/** TCP connections of a process: those of cells are Unix sockets. */
function connections(pid: number): number {
  const table = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trimEnd().split('\n').slice(1);
  const tcp = new Set(table.map((line) => line.trim().split(/\s+/)[9]));
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && tcp.has(inode);
    } catch {
      return false; // closed while we looked
    }
  }).length;
}

t.test(`${FRAMES} changed frames, and good ones cut at each byte (SEED=${seed})`, async (t) => {
  const server = await startServer(t, { args: ['--tcp-port', '0', '--max-queued', '100000'] });
  const address = server.address('tcp');
  const token = await server.register('eve');
  const good = await connect(address, { token: await server.register('ada') });
  t.teardown(() => good.close());
  const [front = 0] = server.fronts;
  const frames = goodFrames(token);
  const [hello = Buffer.alloc(0)] = frames;
  await good.ping();
  await server.idle();
  const before = connections(front);

  /** Sends all, says that this is all, and waits until the server has closed. */
  const send = async (...parts: readonly Buffer[]) => {
    const raw = new RawSocket(address);
    raw.write(...parts);
    raw.socket.end();
    const kinds = (await raw.rest()).map(({ kind }) => kind); // throws when the server sends what is no frame
    await good.ping();
    return kinds;
  };

  const cuts = frames.flatMap((one, index) =>
    Array.from({ length: one.length }, (_, at) => [...(index === 0 ? [] : [hello]), one.subarray(0, at)]),
  );
  const step = FRAMES >= 10_000 ? 1 : 7; // the short run looks at each seventh place
  await inTurns(
    cuts.filter((_, i) => i % step === 0),
    (parts) => send(...parts),
  );
  for (const one of frames.slice(1)) {
    const whole = await send(hello, one);
    t.strictSame(whole.length, 2, 'a good one is answered');
  }

  const looks: number[] = [];
  const mutants = sample().map(({ base, changes }) => {
    const index = base % frames.length;
    return { index, bytes: changes.reduce(changed, frames[index] ?? hello) };
  });
  let done = 0;
  await inTurns(mutants, async ({ index, bytes }) => {
    const kinds = await send(...(index === 0 ? [] : [hello]), bytes);
    if (kinds.some((kind) => kind === Kind.hello || kind === Kind.request)) t.fail('no frame of a server');
    if (++done % 100 === 0) looks.push(ownMemoryKib(front));
  });
  for (const { bytes } of mutants.slice(0, 2_000)) {
    const whole = reading([bytes]);
    for (let at = 1; at < bytes.length; at++) {
      if (reading([bytes.subarray(0, at), bytes.subarray(at)]) !== whole)
        t.fail(`cut at ${at}: ${bytes.toString('hex')}`);
    }
  }

  t.strictSame(server.fronts, [front], 'the same front as before');
  t.notMatch(server.log, /TURNO_INTERNAL/, 'nothing that was not expected');
  await server.idle();
  await until(() => connections(front) <= before);
  t.pass('no connection is left');
  if (FRAMES < 10_000) return; // too few looks
  const { before: warm, after: end, isFlat } = flatness(looks, 0.05, 0, 'least');
  t.comment(`memory of the front, least of the second and of the last third: ${warm} and ${end} KiB`);
  t.ok(isFlat, `memory grew from ${warm} to ${end} KiB`);
});

async function inTurns<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const work = async () => {
    for (const item of { [Symbol.iterator]: () => rest }) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}
