/**
 * What a filter is. It reads the whole picture and writes the rows of one band, so that it may look beyond the band's edges;
 * a sample it writes depends on the samples around it alone, never on where the band begins. That, and one order of
 * floating-point operations for each sample, makes the picture the same to the byte for any number of bands.
 *
 * Beyond the edges of the picture its outermost pixels go on. Alpha is copied, unless a filter says otherwise.
 */

import type { Band } from '../bands.js';
import type { Picture, Samples } from '../picture.js';

export interface Filter {
  /** Of the picture it makes, from the one it gets. */
  readonly channels: (channels: number) => number;
  /** `onRow` is called after each row. */
  readonly apply: (input: Samples, output: Samples, picture: Picture, band: Band, onRow: () => void) => void;
}

export const sameChannels = (channels: number) => channels;

/** Grey, with alpha if there was some. */
export const greyChannels = (channels: number) => (channels % 2 === 0 ? 2 : 1);
