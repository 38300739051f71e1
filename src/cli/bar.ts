/**
 * The one kind of progress bar: on stderr, and only where that is a terminal. The terminal stays as it is, with its cursor and
 * its line breaks: a command that is interrupted, or killed, could not put it right again.
 */

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
  const steady = { clearOnComplete: true, hideCursor: false, linewrap: true };
  return new SingleBar({ format, stream, ...steady, ...options }, Presets.shades_classic);
}
