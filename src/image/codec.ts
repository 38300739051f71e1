/**
 * Picture files to samples and back.
 *
 * CMYK and other spaces become sRGB, grey stays grey, alpha stays. More than 8 bits become 16; those are kept by PNG and TIFF,
 * the other formats get 8. Of several pages or frames the first counts; the orientation the camera noted is applied.
 */

import { accessSync, constants } from 'node:fs';
import { extname } from 'node:path';
import { TurnoError } from '../errors.js';
import { type Picture, type Samples, sampleCount } from './picture.js';
import type { Sharp } from './sharp.js';

/** Formats that can hold 16 bits a sample. */
const DEEP_FORMATS: readonly string[] = ['png', 'tiff'];
/** What is written, by the ending of the name. */
const FORMATS: Readonly<Record<string, string>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.tif': 'tiff',
  '.tiff': 'tiff',
  '.gif': 'gif',
  '.avif': 'avif',
};

export interface Decoded {
  readonly picture: Picture;
  readonly samples: Samples;
}

/** @throws TURNO_IMAGE for a file that cannot be read, is no picture, or has more than `maxPixels` */
export async function decode(sharp: Sharp, path: string, maxPixels: number): Promise<Decoded> {
  try {
    accessSync(path, constants.R_OK);
    const anySize = { limitInputPixels: Number.MAX_SAFE_INTEGER };
    const { width, height, channels, depth, space } = await sharp(path, anySize).metadata();
    if (width * height > maxPixels) throw tooLarge(path, width, height, maxPixels);
    const isDeep = depth !== 'uchar' && depth !== 'char';
    // Grey with alpha is decoded as colour: as grey, sharp would give the first channel only.
    const isGrey = channels === 1 && (space === 'b-w' || space === 'grey16');
    const { data, info } = await sharp(path, { limitInputPixels: maxPixels })
      .autoOrient()
      .toColourspace(isDeep ? (isGrey ? 'grey16' : 'rgb16') : isGrey ? 'b-w' : 'srgb')
      .raw({ depth: isDeep ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const picture: Picture = {
      width: info.width,
      height: info.height,
      channels: info.channels,
      bits: isDeep ? 16 : 8,
    };
    return { picture, samples: samplesOf(data, picture) };
  } catch (error) {
    throw readingFailed(error, path);
  }
}

function samplesOf(data: Buffer, picture: Picture): Samples {
  const count = sampleCount(picture);
  if (data.length !== count * (picture.bits / 8)) {
    throw new TypeError(`${data.length} bytes decoded, expected ${count} samples of ${picture.bits} bits`);
  }
  if (picture.bits === 8) return data;
  const whole = data.byteOffset % 2 === 0 ? data : Buffer.from(new Uint8Array(data));
  return new Uint16Array(whole.buffer, whole.byteOffset, count);
}

function tooLarge(path: string, width: number, height: number, maxPixels: number): TurnoError {
  const problem = `${width}x${height} are ${width * height} pixels, at most ${maxPixels} are taken (--max-megapixels)`;
  return new TurnoError('TURNO_IMAGE', { path, problem });
}

function readingFailed(error: unknown, path: string): Error {
  if (error instanceof TurnoError || error instanceof TypeError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const problem = code === undefined ? `no picture that can be decoded (${message})` : `cannot be read (${code})`;
  return new TurnoError('TURNO_IMAGE', { path, problem }, { cause: error });
}

/** The format a file name asks for. @throws TURNO_IMAGE when it is none that is written */
export function formatOf(path: string): string {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  const problem = `expected a name ending in one of ${Object.keys(FORMATS).join(', ')}`;
  throw new TurnoError('TURNO_IMAGE', { path, problem });
}

/** @throws TURNO_IMAGE for what the format cannot hold, such as a side too long for it */
export async function encode(
  sharp: Sharp,
  { width, height, channels, bits }: Picture,
  samples: Samples,
  format: string,
  path: string,
): Promise<Buffer> {
  try {
    const pipeline = sharp(samples, { raw: { width, height, channels } });
    const isDeep = bits === 16 && DEEP_FORMATS.includes(format);
    const space = isDeep ? (channels < 3 ? 'grey16' : 'rgb16') : channels < 3 ? 'b-w' : 'srgb';
    return await pipeline.toColourspace(space).toFormat(format).toBuffer();
  } catch (cause) {
    const problem = `cannot be encoded as ${format} (${(cause as Error).message})`;
    throw new TurnoError('TURNO_IMAGE', { path, problem }, { cause });
  }
}
