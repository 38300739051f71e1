/**
 * Gaussian blur, as two passes: along the rows, then down the columns over the 2 x radius + 1 rows around. The standard
 * deviation is half the radius. Where there is alpha, a colour counts as much as it can be seen: otherwise the colour of
 * invisible pixels would bleed into their neighbours.
 */

import { hasAlpha, maxSample, type Picture, type Samples } from '../picture.js';
import { type Filter, sameChannels } from './filter.js';

/** @param radius in pixels, from 1 */
export function blur(radius: number): Filter {
  const weights = weightsOf(radius);
  return {
    channels: sameChannels,
    apply: (input, output, picture, { from, to }, onRow) => {
      const { width, height, channels } = picture;
      const rowSamples = width * channels;
      const padded = new Float32Array((width + 2 * radius) * channels);
      const taps = weights.length;
      const rows = Array.from({ length: taps }, () => new Float32Array(rowSamples));
      const rowOf = (y: number) => rows[(y + taps) % taps] ?? padded;
      const load = (y: number) => {
        putPadded(input, picture, Math.min(height - 1, Math.max(0, y)), padded, radius);
        along(padded, channels, weights, rowOf(y));
      };
      const sums = new Float32Array(rowSamples);
      for (let y = from - radius; y < from + radius; y++) load(y);
      for (let y = from; y < to; y++) {
        load(y + radius);
        sums.fill(0);
        for (let k = 1; k <= radius; k++) addPair(sums, rowOf(y - k), rowOf(y + k), weights[radius + k] ?? 0);
        addPair(sums, rowOf(y), rowOf(y), (weights[radius] ?? 0) / 2);
        store(sums, picture, output, y * rowSamples);
        onRow();
      }
    },
  };
}

function weightsOf(radius: number): Float32Array {
  const sigma = radius / 2;
  const raw = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(raw, (weight) => weight / sum);
}

/** A row with `radius` pixels more at each end, its colours times their alpha (0 to 1). */
function putPadded(input: Samples, picture: Picture, y: number, into: Float32Array, radius: number): void {
  const { width, channels } = picture;
  const rowSamples = width * channels;
  const edge = radius * channels;
  into.set(input.subarray(y * rowSamples, (y + 1) * rowSamples), edge);
  if (hasAlpha(picture)) {
    const max = maxSample(picture);
    for (let i = edge; i < edge + rowSamples; i += channels) {
      const alpha = (into[i + channels - 1] ?? 0) / max;
      for (let c = 0; c < channels - 1; c++) into[i + c] = (into[i + c] ?? 0) * alpha;
    }
  }
  for (let i = edge - 1; i >= 0; i--) into[i] = into[i + channels] ?? 0;
  for (let i = edge + rowSamples; i < into.length; i++) into[i] = into[i - channels] ?? 0;
}

function along(padded: Float32Array, channels: number, weights: Float32Array, into: Float32Array): void {
  const radius = (weights.length - 1) / 2;
  const middle = weights[radius] ?? 0;
  for (let i = 0; i < into.length; i++) {
    let left = i + radius * channels;
    let right = left;
    let sum = middle * (padded[left] ?? 0);
    for (let k = 1; k <= radius; k++) {
      left -= channels;
      right += channels;
      sum += (weights[radius + k] ?? 0) * ((padded[left] ?? 0) + (padded[right] ?? 0));
    }
    into[i] = sum;
  }
}

/** Two rows as far above as below have the same weight: half the multiplications, half the stores. */
function addPair(sums: Float32Array, above: Float32Array, below: Float32Array, weight: number): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + weight * ((above[i] ?? 0) + (below[i] ?? 0));
}

/** Rounds into samples; colours are divided by their alpha again. */
function store(sums: Float32Array, picture: Picture, output: Samples, at: number): void {
  const { channels } = picture;
  const max = maxSample(picture);
  if (hasAlpha(picture)) {
    for (let i = 0; i < sums.length; i += channels) {
      const alpha = (sums[i + channels - 1] ?? 0) / max;
      for (let c = 0; c < channels - 1; c++) sums[i + c] = alpha > 0 ? (sums[i + c] ?? 0) / alpha : 0;
    }
  }
  for (let i = 0; i < sums.length; i++) {
    const value = Math.floor((sums[i] ?? 0) + 0.5);
    output[at + i] = Math.min(value, max);
  }
}
