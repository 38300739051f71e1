/** Each colour pushed away from its four neighbours': 5 times itself less each of them. */

import { hasAlpha, maxSample } from '../picture.js';
import { type Filter, sameChannels } from './filter.js';
import { copyAlpha } from './luma.js';

export const sharpen: Filter = {
  channels: sameChannels,
  apply: (input, output, picture, { from, to }, onRow) => {
    const { width, height, channels } = picture;
    const rowSamples = width * channels;
    const max = maxSample(picture);
    const last = rowSamples - channels;
    for (let y = from; y < to; y++) {
      const row = y * rowSamples;
      const above = Math.max(0, y - 1) * rowSamples;
      const below = Math.min(height - 1, y + 1) * rowSamples;
      for (let i = 0; i < rowSamples; i++) {
        const left = row + (i < channels ? i : i - channels);
        const right = row + (i < last ? i + channels : i);
        const around = (input[above + i] ?? 0) + (input[below + i] ?? 0) + (input[left] ?? 0) + (input[right] ?? 0);
        const value = 5 * (input[row + i] ?? 0) - around;
        output[row + i] = value < 0 ? 0 : Math.min(value, max);
      }
      if (hasAlpha(picture)) copyAlpha(input, row, channels, width, output, row, channels);
      onRow();
    }
  },
};
