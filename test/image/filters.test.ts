/** Filters on samples: what they make, and that it is the same for any bands. */

import { t } from 'tap';
import { bandsOf, widened } from '../../src/image/bands.js';
import type { Filter } from '../../src/image/filters/filter.js';
import { FILTER_NAMES, type FilterName, filterOf } from '../../src/image/filters/filters.js';
import { type Picture, type Samples, sampleCount } from '../../src/image/picture.js';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

function empty(picture: Picture): Samples {
  return picture.bits === 16 ? new Uint16Array(sampleCount(picture)) : new Uint8Array(sampleCount(picture));
}

function applied(filter: Filter, input: Samples, picture: Picture, workers: number): Samples {
  const output = empty({ ...picture, channels: filter.channels(picture.channels) });
  let rows = 0;
  for (const band of bandsOf(picture.height, workers)) filter.apply(input, output, picture, band, () => rows++);
  t.equal(rows, picture.height, 'every row is told of');
  return output;
}

const filterNamed = (name: FilterName, radius = 3) => filterOf(name, { radius });

function filtered(name: FilterName, picture: Picture, samples: readonly number[], radius = 1): number[] {
  const input = empty(picture);
  input.set(samples);
  return [...applied(filterNamed(name, radius), input, picture, 1)];
}

t.test(`the same to the byte for any number of bands (SEED=${SEED})`, async (t) => {
  const random = randomly(SEED);
  for (const name of FILTER_NAMES) {
    for (let round = 0; round < 12; round++) {
      const bits = round % 2 === 0 ? 8 : 16;
      const size = () => 1 + Math.floor(random() * 40);
      const picture: Picture = { width: size(), height: size(), channels: 1 + (round % 4), bits };
      const input = empty(picture).map(() => Math.floor(random() * 2 ** bits));
      const filter = filterNamed(name, 1 + Math.floor(random() * 8));
      const whole = applied(filter, input, picture, 1);
      for (const workers of [2, 3, 7, 64]) {
        const { width, height, channels } = picture;
        const said = `${name}, ${workers} workers, ${width}x${height}x${channels}, ${bits} bits`;
        t.strictSame(applied(filter, input, picture, workers), whole, said);
      }
    }
  }
});

t.test('colours, and alpha beside them', async (t) => {
  const rgba: Picture = { width: 2, height: 1, channels: 4, bits: 8 };
  const two = [255, 0, 100, 7, 10, 20, 30, 255];
  t.strictSame(filtered('invert', rgba, two), [0, 255, 155, 7, 245, 235, 225, 255]);
  t.strictSame(filtered('grayscale', rgba, two), [61, 7, 19, 255], 'brightness, and alpha');
  const deep: Picture = { width: 1, height: 1, channels: 3, bits: 16 };
  t.strictSame(filtered('invert', deep, [0, 65_535, 1]), [65_535, 0, 65_534]);
  t.strictSame(filtered('grayscale', deep, [65_535, 65_535, 65_535]), [65_535], 'white stays white');
});

t.test('what has no edges stays as it is', async (t) => {
  const picture: Picture = { width: 9, height: 7, channels: 3, bits: 8 };
  const flat = Array.from({ length: sampleCount(picture) }, () => 200);
  t.strictSame(filtered('blur', picture, flat, 5), flat);
  t.strictSame(filtered('sharpen', picture, flat), flat);
  t.strictSame(new Set(filtered('edges', picture, flat)), new Set([0]));
});

t.test('an edge is found, sharpened and blurred', async (t) => {
  const picture: Picture = { width: 4, height: 1, channels: 1, bits: 8 };
  const step = [100, 100, 110, 110];
  t.strictSame(filtered('edges', picture, step), [0, 40, 40, 0]);
  t.strictSame(filtered('sharpen', picture, step), [100, 90, 120, 110]);
  t.strictSame(filtered('blur', picture, step), [100, 101, 109, 110]);
  t.strictSame(filtered('sharpen', picture, [0, 200, 0, 255]), [0, 255, 0, 255], 'within the bounds');
});

t.test('the colour of what cannot be seen does not bleed', async (t) => {
  const picture: Picture = { width: 2, height: 1, channels: 4, bits: 8 };
  const [, , , alpha, ...rest] = filtered('blur', picture, [255, 0, 0, 0, 0, 0, 255, 255]);
  t.ok((alpha ?? 0) > 0 && (alpha ?? 0) < 128, 'alpha is blurred itself');
  t.strictSame(rest.slice(0, 3), [0, 0, 255], 'red was invisible');
});

t.test('bands cover all rows once, as evenly as can be; the overlap ends where the picture does', async (t) => {
  t.strictSame(bandsOf(10, 3), [
    { from: 0, to: 3 },
    { from: 3, to: 6 },
    { from: 6, to: 10 },
  ]);
  t.equal(bandsOf(2, 8).length, 2, 'none is empty');
  t.strictSame(widened({ from: 3, to: 6 }, 2, 7), { from: 1, to: 7 });
});
