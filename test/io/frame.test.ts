/** Frames: the same however the bytes are cut, and nothing is believed after a header that is wrong. */

import fc from 'fast-check';
import { t } from 'tap';
import { CLIENT_KINDS, type Frame, FrameReader, frameHeader, HEADER_BYTES, Kind } from '../../src/io/frame.js';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const LIMIT = 1_000;

const frame = fc.record({
  kind: fc.constantFrom(...CLIENT_KINDS),
  id: fc.nat({ max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
});

function bytesOf({ kind, id, payload }: Frame): Buffer {
  return Buffer.concat([frameHeader(kind, id, payload.length), payload]);
}

function readAll(pieces: readonly Buffer[]): string[] {
  const reader = new FrameReader(CLIENT_KINDS, LIMIT);
  return pieces.flatMap((piece) => [...reader.read(piece)].map(text));
}

function text({ kind, id, payload }: Frame): string {
  return `${kind} ${id} ${payload.toString('hex')}`;
}

t.test(`frames are the same, cut at each byte and in pieces (SEED=${seed})`, async (t) => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 30 })), (frames, sizes) => {
      const all = Buffer.concat(frames.map(bytesOf));
      const expected = frames.map(text);
      t.strictSame(readAll([all]), expected, 'as a whole');
      t.strictSame(readAll(Array.from(all, (byte) => Buffer.of(byte))), expected, 'byte by byte');
      for (let at = 0; at <= all.length; at++) {
        if (readAll([all.subarray(0, at), all.subarray(at)]).length !== frames.length) t.fail(`cut at ${at}`);
      }
      const pieces: Buffer[] = [];
      let rest = all;
      for (let i = 0; rest.length > 0; i++) {
        const size = sizes.length === 0 ? 7 : (sizes[i % sizes.length] ?? 7);
        pieces.push(rest.subarray(0, size));
        rest = rest.subarray(size);
      }
      t.strictSame(readAll(pieces), expected, 'in pieces');
    }),
    { seed, numRuns: 40 },
  );
});

t.test('a frame that is not whole gives nothing, and is known to be under way', async (t) => {
  const reader = new FrameReader(CLIENT_KINDS, LIMIT);
  const whole = bytesOf({ kind: Kind.request, id: 1, payload: Buffer.from('abc') });
  t.same([...reader.read(whole.subarray(0, -1))], []);
  t.equal(reader.isWithin, true);
  t.equal([...reader.read(whole.subarray(-1))].length, 1);
  t.equal(reader.isWithin, false);
});

const broken: Readonly<Record<string, [change: (header: Buffer) => void, message: RegExp]>> = {
  'of a kind the other side does not send': [(header) => header.writeUInt8(Kind.answer, 4), /kind 4/],
  'of no kind': [(header) => header.writeUInt8(0, 4), /kind 0/],
  'with reserved bytes that are not zero': [(header) => header.writeUInt8(1, 6), /reserved/],
  'with a payload beyond the maximum': [
    (header) => header.writeUInt32LE(LIMIT + 1, 0),
    /1001 bytes, expected at most 1000/,
  ],
  'of HTTP': [(header) => header.write('GET / HTTP/1.1'.slice(0, HEADER_BYTES)), /kind 47/],
};
for (const [name, [change, problem]] of Object.entries(broken)) {
  t.test(`a frame ${name} is refused, and what came before it is given out`, async (t) => {
    const good = bytesOf({ kind: Kind.request, id: 1, payload: Buffer.from('abc') });
    const bad = frameHeader(Kind.request, 2, 0);
    change(bad);
    const frames = new FrameReader(CLIENT_KINDS, LIMIT).read(Buffer.concat([good, bad]));
    t.match(frames.next().value, { id: 1 });
    t.throws(() => frames.next(), { code: 'TURNO_FRAME', message: problem });
  });
}

t.test('the maximum may be raised between two frames of the same piece', async (t) => {
  const reader = new FrameReader(CLIENT_KINDS, 3);
  const hello = bytesOf({ kind: Kind.hello, id: 0, payload: Buffer.from('abc') });
  const request = bytesOf({ kind: Kind.request, id: 1, payload: Buffer.from('abcd') });
  const frames = reader.read(Buffer.concat([hello, request]));
  frames.next();
  reader.maxPayloadBytes = 4;
  t.match(frames.next().value, { id: 1 });
});
