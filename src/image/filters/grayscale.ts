/** Brightness without colour. */

import { hasAlpha } from '../picture.js';
import { type Filter, greyChannels } from './filter.js';
import { copyAlpha, putLuma } from './luma.js';

export const grayscale: Filter = {
  channels: greyChannels,
  apply: (input, output, picture, { from, to }, onRow) => {
    const { width, channels } = picture;
    const outChannels = greyChannels(channels);
    for (let y = from; y < to; y++) {
      const at = y * width * channels;
      const out = y * width * outChannels;
      putLuma(input, at, channels, width, output, out, outChannels);
      if (hasAlpha(picture)) copyAlpha(input, at, channels, width, output, out, outChannels);
      onRow();
    }
  },
};
