/** The one kind of progress bar: on stderr, and only where that is a terminal. */

import { type Options, Presets, SingleBar } from 'cli-progress';
import type { Context } from './context.js';

export type Bar = SingleBar;

/**
 * @param format with `{bar}`, `{value}`, `{total}` and names of one's own
 * @param options where it is not the usual one, which vanishes at its end
 * @returns undefined where nobody would see it
 */
export function barOn(stream: Context['err'], format: string, options: Options = {}): SingleBar | undefined {
  if (stream.isTTY !== true) return undefined;
  return new SingleBar({ format, stream, clearOnComplete: true, hideCursor: true, ...options }, Presets.shades_classic);
}
