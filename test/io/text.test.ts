/** Text that comes in is exact or refused; output that goes out is text, and exact beside it when it is none. */

import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { t } from 'tap';
import { outputFields } from '../../src/io/output.js';
import { base64Bytes, utf8 } from '../../src/io/text.js';

const offsetIn = (bytes: Uint8Array) => {
  try {
    utf8(Buffer.from(bytes), 'body');
    return undefined;
  } catch (error) {
    return Number(/at offset (\d+)/.exec((error as Error).message)?.[1]);
  }
};

t.test('bytes that are not UTF-8 are refused with the byte where it goes wrong', async (t) => {
  t.equal(offsetIn(Buffer.from('é\ufffd😀')), undefined);
  t.equal(offsetIn(Buffer.concat([Buffer.from('é\ufffd😀'), Uint8Array.of(0x61, 0xff)])), 10);
  t.equal(offsetIn(Uint8Array.of(0x61, 0xc3)), 1, 'a character cut off at the end');
  t.equal(offsetIn(Uint8Array.of(0x61, 0xed, 0xa0, 0x80)), 1, 'a surrogate');
  t.equal(offsetIn(Uint8Array.of(0xc0, 0x80)), 0, 'an overlong NUL');
});

t.test('the offset found is right for any bytes: all before it is UTF-8, with what follows it is not', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const offset = offsetIn(bytes);
      if (offset === undefined) return isUtf8(bytes);
      return isUtf8(bytes.subarray(0, offset)) && offset < bytes.length && !isUtf8(bytes);
    }),
    { verbose: true }, // prints the seed and the bytes when it fails
  );
});

t.test('base64 is taken exactly when it is what encoding its bytes gives', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.base64String(), fc.string()), (text) => {
      const isCanonical = Buffer.from(text, 'base64').toString('base64') === text;
      try {
        return base64Bytes(text, 'x').toString('base64') === text && isCanonical;
      } catch {
        return !isCanonical;
      }
    }),
    { verbose: true },
  );
});

t.test('output that is UTF-8 comes as text alone', async (t) => {
  t.strictSame(outputFields(Buffer.from('é\ufffd\n'), Buffer.alloc(0)), { stdout: 'é\ufffd\n', stderr: '' });
});

t.test('output that is not UTF-8 comes with U+FFFD, and exact as base64', async (t) => {
  const bytes = Uint8Array.of(0x61, 0xff, 0x62);
  t.strictSame(outputFields(bytes, bytes.subarray(1, 2)), {
    stdout: 'a\ufffdb',
    stdoutBase64: Buffer.from(bytes).toString('base64'),
    stderr: '\ufffd',
    stderrBase64: '/w==',
  });
});
