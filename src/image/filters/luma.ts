/** How bright a pixel is: the weights of ITU-R BT.709, in 256ths. */

import type { Samples } from '../picture.js';

const RED = 54;
const GREEN = 183;
const BLUE = 19;

/**
 * Writes the brightness of `count` pixels, one beside the other.
 * @param at first sample of the first pixel
 * @param stride between two places in `into`
 */
export function putLuma(
  input: Samples,
  at: number,
  channels: number,
  count: number,
  into: Samples | Int32Array,
  from: number,
  stride: number,
): void {
  let i = at;
  let o = from;
  if (channels < 3) {
    for (let x = 0; x < count; x++, i += channels, o += stride) into[o] = input[i] ?? 0;
    return;
  }
  for (let x = 0; x < count; x++, i += channels, o += stride) {
    into[o] = (RED * (input[i] ?? 0) + GREEN * (input[i + 1] ?? 0) + BLUE * (input[i + 2] ?? 0) + 128) >> 8;
  }
}

/** Copies alpha, the last sample of each pixel, in a row of `count` pixels. */
export function copyAlpha(
  input: Samples,
  at: number,
  channels: number,
  count: number,
  output: Samples,
  to: number,
  outChannels: number,
): void {
  let i = at + channels - 1;
  let o = to + outChannels - 1;
  for (let x = 0; x < count; x++, i += channels, o += outChannels) output[o] = input[i] ?? 0;
}
