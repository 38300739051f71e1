/** A decoded picture: rows from top to bottom, pixels from left to right, the samples of a pixel side by side. */

/** Of 8 bits, or of 16 when the picture has more than 8. */
export type Samples = Uint8Array | Uint16Array;

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: number;
  /** Of a sample. */
  readonly bits: 8 | 16;
}

export function hasAlpha({ channels }: Pick<Picture, 'channels'>): boolean {
  return channels % 2 === 0;
}

/** The largest sample. */
export function maxSample({ bits }: Pick<Picture, 'bits'>): number {
  return bits === 16 ? 65_535 : 255;
}

export function sampleCount({ width, height, channels }: Picture): number {
  return width * height * channels;
}
