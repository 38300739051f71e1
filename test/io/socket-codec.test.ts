/** Messages of a socket in threads: which go there, and what comes back. */

import { t } from 'tap';
import { TurnoError } from '../../src/errors.js';
import { pack } from '../../src/io/pack.js';
import { PoolCodec } from '../../src/io/socket-codec.js';

const SMALL = { op: 'ping' };
const LARGE = [
  { source: 'x'.repeat(20_000) },
  { content: Buffer.alloc(20_000, 7) },
  { tests: Array.from({ length: 6_000 }, (_, i) => ({ stdin: `${i}` })) },
];

t.test('large messages go through threads, both ways, and come out as they were', async (t) => {
  const codec = new PoolCodec(1);
  // What comes from a thread has its memory for itself; what was written here shares it with other messages.
  const isFromThread = (bytes: Buffer) => bytes.buffer.byteLength === bytes.length;
  const small = await codec.encode(SMALL);
  t.equal(isFromThread(small), false);
  t.same(await codec.decode(small), SMALL);
  for (const value of LARGE) {
    const bytes = await codec.encode(value);
    t.equal(isFromThread(bytes), true);
    t.same(await codec.decode(bytes), value);
  }
  // A Buffer becomes a plain array of bytes on the way out of a thread.
  const content = await codec.decode(pack(LARGE[1]));
  t.equal(Buffer.isBuffer((content as { content: unknown }).content), false);
  const broken = Buffer.concat([pack(LARGE[0]), Buffer.from([0])]);
  await t.rejects(codec.decode(broken), { code: 'TURNO_FRAME' });
  t.ok(await codec.decode(broken).catch((error: unknown) => error instanceof TurnoError));
  await codec.stop();
});
