/** How fast the brightness changes: the length of Sobel's gradient, in grey. Three rows of brightness are kept at a time. */

import { hasAlpha, maxSample, type Picture, type Samples } from '../picture.js';
import { type Filter, greyChannels } from './filter.js';
import { copyAlpha, putLuma } from './luma.js';

export const edges: Filter = {
  channels: greyChannels,
  apply: (input, output, picture, { from, to }, onRow) => {
    const { width, height, channels } = picture;
    const outChannels = greyChannels(channels);
    const max = maxSample(picture);
    const rows = [0, 1, 2].map(() => new Int32Array(width + 2));
    const rowOf = (y: number) => rows[(y + 3) % 3] ?? new Int32Array();
    const load = (y: number) => putPadded(input, picture, Math.min(height - 1, Math.max(0, y)), rowOf(y));
    load(from - 1);
    load(from);
    for (let y = from; y < to; y++) {
      load(y + 1);
      const out = y * width * outChannels;
      gradient(rowOf(y - 1), rowOf(y), rowOf(y + 1), width, max, output, out, outChannels);
      if (hasAlpha(picture)) copyAlpha(input, y * width * channels, channels, width, output, out, outChannels);
      onRow();
    }
  },
};

/** A row of brightness with one pixel more at each end. */
function putPadded(input: Samples, { width, channels }: Picture, y: number, into: Int32Array): void {
  putLuma(input, y * width * channels, channels, width, into, 1, 1);
  into[0] = into[1] ?? 0;
  into[width + 1] = into[width] ?? 0;
}

function gradient(
  above: Int32Array,
  row: Int32Array,
  below: Int32Array,
  width: number,
  max: number,
  output: Samples,
  from: number,
  stride: number,
): void {
  // The eight pixels around, which move to the left with each step.
  let nw = above[0] ?? 0;
  let n = above[1] ?? 0;
  let w = row[0] ?? 0;
  let here = row[1] ?? 0;
  let sw = below[0] ?? 0;
  let s = below[1] ?? 0;
  for (let x = 0, o = from; x < width; x++, o += stride) {
    const ne = above[x + 2] ?? 0;
    const e = row[x + 2] ?? 0;
    const se = below[x + 2] ?? 0;
    const across = ne + 2 * e + se - nw - 2 * w - sw;
    const down = sw + 2 * s + se - nw - 2 * n - ne;
    const length = Math.round(Math.sqrt(across * across + down * down));
    output[o] = Math.min(length, max);
    nw = n;
    n = ne;
    w = here;
    here = e;
    sw = s;
    s = se;
  }
}
