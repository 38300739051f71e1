/** Pictures as programs get and give them. */

import { t } from 'tap';
import { pamOf, takePam } from '../../src/image/pam.js';
import type { Picture } from '../../src/image/picture.js';

const RGB: Picture = { width: 2, height: 4, channels: 3, bits: 8 };
const SAMPLES = Uint8Array.from({ length: 24 }, (_, n) => n);
const ROWS = { from: 0, to: 3 };
const BAND = { from: 1, to: 2 };

function taken(text: string | Buffer, picture = RGB, output: Uint8Array | Uint16Array = new Uint8Array(24)) {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  return { problem: takePam(bytes, output, picture, ROWS, BAND), output };
}

t.test('what a program copies comes back in its place, without the overlap', async (t) => {
  const pam = pamOf(SAMPLES, RGB, ROWS, BAND);
  t.match(
    pam.toString('latin1'),
    /^P7\n# turno rows 0 to 3 of 4, band 1 to 2\nWIDTH 2\nHEIGHT 3\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n/,
  );
  const { problem, output } = taken(pam);
  t.equal(problem, undefined);
  t.strictSame(
    output,
    Uint8Array.from(SAMPLES, (value, at) => (at >= 6 && at < 12 ? value : 0)),
  );
});

t.test('16 bits are sent the higher byte first', async (t) => {
  const deep: Picture = { width: 1, height: 3, channels: 1, bits: 16 };
  const pam = pamOf(Uint16Array.of(1, 0x1234, 65_535), deep, ROWS, BAND);
  t.strictSame([...pam.subarray(-6)], [0, 1, 0x12, 0x34, 255, 255]);
  t.strictSame(taken(pam, deep, new Uint16Array(3)).output, Uint16Array.of(0, 0x1234, 0));
});

t.test('P6 and P5 are taken too, with comments', async (t) => {
  t.equal(taken(`P6\n# by hand\n2 3 255\n${'x'.repeat(18)}`).problem, undefined);
  t.equal(taken(`P5 2 3\n255\n${'x'.repeat(6)}`, { ...RGB, channels: 1 }, new Uint8Array(8)).problem, undefined);
});

t.test('anything else is told, and nothing is written', async (t) => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /expected a picture with the header.*got ""/],
    ['P7\nWIDTH 2\n', /header/],
    [`P6 3 3 255\n${'x'.repeat(27)}`, /expected WIDTH 2, got 3/],
    [`P6 2 1 255\n${'x'.repeat(6)}`, /expected HEIGHT 3, got 1/],
    [`P5 2 3 255\n${'x'.repeat(6)}`, /expected DEPTH 3, got 1/],
    [`P6 2 3 65535\n${'x'.repeat(36)}`, /expected MAXVAL 255, got 65535/],
    [`P6 2 3 255\n${'x'.repeat(17)}`, /expected 18 bytes of samples, got 17/],
    [`P7\nHEIGHT 3\nENDHDR\n`, /expected WIDTH 2, got NaN/],
  ];
  for (const [text, problem] of wrong) {
    const found = taken(text);
    t.match(found.problem, problem);
    t.ok(found.output.every((sample) => sample === 0));
  }
});
