/** Every colour its opposite. */

import { hasAlpha, maxSample } from '../picture.js';
import { type Filter, sameChannels } from './filter.js';

export const invert: Filter = {
  channels: sameChannels,
  apply: (input, output, picture, { from, to }, onRow) => {
    const rowSamples = picture.width * picture.channels;
    const max = maxSample(picture);
    const alphaAt = hasAlpha(picture) ? picture.channels - 1 : -1;
    for (let y = from; y < to; y++) {
      const end = (y + 1) * rowSamples;
      for (let i = y * rowSamples; i < end; i++) output[i] = max - (input[i] ?? 0);
      if (alphaAt > 0) for (let i = y * rowSamples + alphaAt; i < end; i += picture.channels) output[i] = input[i] ?? 0;
      onRow();
    }
  },
};
