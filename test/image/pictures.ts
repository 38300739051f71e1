/** Pictures for tests: made, and read back. */

import { loadSharp, type Sharp } from '../../src/image/sharp.js';

let loaded: Promise<Sharp> | undefined;
export const sharp = () => {
  loaded ??= loadSharp();
  return loaded;
};

const SPACES = { 8: { grey: 'b-w', colour: 'srgb' }, 16: { grey: 'grey16', colour: 'rgb16' } } as const;

export interface Made {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly bits?: 8 | 16;
  /** Of the file: its bits' grey or colour, unless told. */
  readonly space?: string;
  readonly format?: string;
}

/** The bytes of a picture file with samples that differ everywhere. */
export async function made({ width, height, channels, bits = 8, space, format = 'png' }: Made): Promise<Buffer> {
  const samples = new (bits === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  for (let i = 0; i < samples.length; i++) samples[i] = Math.imul(i + 1, 2_654_435_761) >>> 16;
  const pipeline = (await sharp())(samples, { raw: { width, height, channels } });
  const spaces = SPACES[bits];
  return pipeline
    .toColourspace(space ?? (channels < 3 ? spaces.grey : spaces.colour))
    .toFormat(format)
    .toBuffer();
}

/** What a file holds. */
export async function facts(path: string) {
  const { width, height, channels, depth, space } = await (await sharp())(path, { limitInputPixels: 1e9 }).metadata();
  return { width, height, channels, depth, space };
}

export async function samplesOf(path: string): Promise<Buffer> {
  const { data } = await (await sharp())(path, { limitInputPixels: 1e9 })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return data;
}
