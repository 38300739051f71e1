/** Messages as bytes: what goes in comes out, and bytes from outside are refused before anything is built from them. */

import fc from 'fast-check';
import { t } from 'tap';
import { TurnoError } from '../../src/errors.js';
import { pack, unpack } from '../../src/io/pack.js';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** Without -0, which JSON does not know either, and without the one key that msgpackr renames. */
const json = fc
  .jsonValue({ maxDepth: 8 })
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes('__proto__'));
const message = fc.record({ op: fc.string({ unit: 'grapheme' }), body: json, bytes: fc.uint8Array() });

/** Whether the bytes were refused, as all that is wrong must be. */
function isRefused(bytes: Uint8Array): boolean {
  try {
    unpack(Buffer.from(bytes));
    return false;
  } catch (error) {
    if (error instanceof TurnoError && error.code === 'TURNO_FRAME') return true;
    throw error;
  }
}

t.test(`what is packed is unpacked as it was (SEED=${seed})`, async (t) => {
  fc.assert(
    fc.property(message, ({ bytes, ...rest }) => {
      const found = unpack(pack({ ...rest, bytes: Buffer.from(bytes) })) as { bytes: Buffer };
      t.strictSame({ ...found, bytes: [...found.bytes] }, { ...rest, bytes: [...bytes] });
    }),
    { seed, numRuns: 200 },
  );
  t.strictSame(
    unpack(pack({ a: undefined, b: null })),
    { b: null },
    'a property that is undefined is none, as in JSON',
  );
  const large = {
    text: 'é'.repeat(100_000),
    list: Array.from({ length: 70_000 }, (_, i) => i),
    number: 2 ** 53 - 1,
    half: 0.1,
  };
  t.strictSame(unpack(pack(large)), large);
});

t.test(`a message cut at any byte, or with a byte behind it, is refused (SEED=${seed})`, async (t) => {
  fc.assert(
    fc.property(message, (value) => {
      const bytes = pack(value);
      for (let end = 0; end < bytes.length; end++) if (!isRefused(bytes.subarray(0, end))) return false;
      return isRefused(Buffer.concat([bytes, Buffer.of(0xc0)]));
    }),
    { seed, numRuns: 50 },
  );
  t.pass('every one');
});

t.test(`random bytes are refused, or are a value that can be packed again (SEED=${seed})`, async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      if (isRefused(bytes)) return true;
      const value = unpack(Buffer.from(bytes));
      return Buffer.isBuffer(pack(value));
    }),
    { seed, numRuns: 5_000 },
  );
  t.pass('every one');
});

const bad: Readonly<Record<string, readonly number[]>> = {
  'nothing at all': [],
  'an array of 4 billion elements in five bytes': [0xdd, 0xff, 0xff, 0xff, 0xff],
  'an array of 33 million elements in the first place of another': [0xdd, 0x02, 0, 0, 0, 0xdd, 0x02, 0, 0, 0],
  'a map of 4 billion entries': [0xdf, 0xff, 0xff, 0xff, 0xff],
  'a string longer than the message': [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61],
  'bytes longer than the message': [0xc6, 0x7f, 0xff, 0xff, 0xff, 0],
  'a map with a number as its key': [0x81, 0x01, 0x02],
  'an extension: a date': [0xd6, 0xff, 0, 0, 0, 0],
  'an extension of msgpackr: a pattern': [0xc7, 0x04, 0x78, 0x92, 0xa1, 0x61, 0xa0],
  'the byte that is never used': [0xc1],
  'a string that is not UTF-8': [0xa2, 0xc3, 0x28],
  'half of a surrogate pair': [0xa3, 0xed, 0xa0, 0x80],
  '17 levels of arrays': [...Array.from({ length: 17 }, () => 0x91), 0xc0],
  '100,000 levels of arrays': [...Array.from({ length: 100_000 }, () => 0x91), 0xc0],
};
for (const [name, bytes] of Object.entries(bad)) {
  t.test(`${name} is refused`, async (t) => {
    t.ok(isRefused(Uint8Array.from(bytes)));
  });
}

t.test('16 levels are taken', async (t) => {
  t.notOk(isRefused(Uint8Array.from([...Array.from({ length: 16 }, () => 0x91), 0xc0])));
});
