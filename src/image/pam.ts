/**
 * Pictures as programs in cells get and give them: netpbm's formats, which are a short text and then the raw samples.
 *
 *     P7                          to a program always PAM; from a program also P5 (grey) and P6 (RGB)
 *     # turno rows 98 to 202 of 300, band 100 to 200
 *     WIDTH 640
 *     HEIGHT 104                  of these rows: the band, and the overlap above and below it
 *     DEPTH 3                     samples a pixel: 1 grey, 2 with alpha, 3 RGB, 4 with alpha
 *     MAXVAL 255                  or 65535: two bytes a sample, the higher first
 *     TUPLTYPE RGB                GRAYSCALE, GRAYSCALE_ALPHA, RGB, RGB_ALPHA
 *     ENDHDR
 *     WIDTH x HEIGHT x DEPTH samples, row by row
 */

import type { Band } from './bands.js';
import { maxSample, type Picture, type Samples } from './picture.js';

const TUPLE_TYPES = ['GRAYSCALE', 'GRAYSCALE_ALPHA', 'RGB', 'RGB_ALPHA'] as const;
const LONGEST_HEADER_BYTES = 4_096;

/** @param rows of the picture that are sent, the band among them */
export function pamOf(samples: Samples, picture: Picture, rows: Band, band: Band): Buffer {
  const { width, height, channels } = picture;
  const header = [
    'P7',
    `# turno rows ${rows.from} to ${rows.to} of ${height}, band ${band.from} to ${band.to}`,
    `WIDTH ${width}`,
    `HEIGHT ${rows.to - rows.from}`,
    `DEPTH ${channels}`,
    `MAXVAL ${maxSample(picture)}`,
    `TUPLTYPE ${TUPLE_TYPES[channels - 1]}`,
    'ENDHDR\n',
  ].join('\n');
  const part = samples.subarray(rows.from * width * channels, rows.to * width * channels);
  const bytes = Buffer.allocUnsafe(header.length + part.byteLength);
  bytes.write(header, 'latin1');
  if (part instanceof Uint8Array) bytes.set(part, header.length);
  else for (const [index, sample] of part.entries()) bytes.writeUInt16BE(sample, header.length + 2 * index);
  return bytes;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly max: number;
  /** Where the samples begin. */
  readonly end: number;
}

/**
 * Takes the band out of what a program printed.
 * @param output the samples of the whole picture, into which the band's are written
 * @returns what is wrong with it; undefined when the band is in its place
 */
export function takePam(bytes: Buffer, output: Samples, picture: Picture, rows: Band, band: Band): string | undefined {
  const found = headerOf(bytes);
  if (found === undefined) {
    return `expected a picture with the header of P7, P6 or P5, got ${JSON.stringify(bytes.toString('latin1', 0, 20))}`;
  }
  const { width, channels } = picture;
  const wanted = { width, height: rows.to - rows.from, channels, max: maxSample(picture) };
  for (const key of ['width', 'height', 'channels', 'max'] as const) {
    if (found[key] !== wanted[key]) return `expected ${NAMES[key]} ${wanted[key]}, got ${found[key]}`;
  }
  const sampleBytes = output.BYTES_PER_ELEMENT;
  const rowBytes = width * channels * sampleBytes;
  const expected = wanted.height * rowBytes;
  if (bytes.length - found.end !== expected) {
    return `expected ${expected} bytes of samples, got ${bytes.length - found.end}`;
  }
  const from = found.end + (band.from - rows.from) * rowBytes;
  const part = bytes.subarray(from, from + (band.to - band.from) * rowBytes);
  const at = band.from * width * channels;
  if (output instanceof Uint8Array) output.set(part, at);
  else for (let i = 0; i < part.length / 2; i++) output[at + i] = part.readUInt16BE(2 * i);
  return undefined;
}

const NAMES = { width: 'WIDTH', height: 'HEIGHT', channels: 'DEPTH', max: 'MAXVAL' } as const;

function headerOf(bytes: Buffer): Header | undefined {
  const text = bytes.toString('latin1', 0, LONGEST_HEADER_BYTES);
  if (text.startsWith('P7\n')) return pamHeader(text);
  // A comment may stand between any two words; exactly one white space ends the last number.
  const gap = '(?:\\s|#[^\\n]*\\n)+';
  const [whole, kind, width, height, max] =
    new RegExp(`^P([56])${gap}(\\d+)${gap}(\\d+)${gap}(\\d+)\\s`).exec(text) ?? [];
  if (whole === undefined) return undefined;
  const size = { width: Number(width), height: Number(height), max: Number(max) };
  return { ...size, channels: kind === '6' ? 3 : 1, end: whole.length };
}

function pamHeader(text: string): Header | undefined {
  const [header] = /^P7\n(?:.*\n)*?ENDHDR\n/.exec(text) ?? [];
  if (header === undefined) return undefined;
  const number = (key: string) => Number(new RegExp(`^${key}\\s+(\\d+)\\s*$`, 'm').exec(header)?.[1] ?? Number.NaN);
  return {
    width: number('WIDTH'),
    height: number('HEIGHT'),
    channels: number('DEPTH'),
    max: number('MAXVAL'),
    end: header.length,
  };
}
