/**
 * sharp, which decodes and encodes pictures. It is an optional dependency: loaded at the first use, and the part of it that is
 * used is written down here, so that turno can be built where it is missing.
 */

import { TurnoError } from '../errors.js';
import type { Samples } from './picture.js';

export interface Metadata {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Of a sample: `uchar`, `ushort`, `float` ... */
  readonly depth: string;
  /** Colour space: `srgb`, `b-w`, `cmyk`, `rgb16` ... */
  readonly space: string;
}

interface Pipeline {
  metadata(): Promise<Metadata>;
  autoOrient(): Pipeline;
  toColourspace(name: string): Pipeline;
  raw(options: { depth: 'uchar' | 'ushort' }): Pipeline;
  toFormat(name: string): Pipeline;
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Buffer;
    info: { width: number; height: number; channels: number };
  }>;
  toBuffer(): Promise<Buffer>;
}

export interface Sharp {
  (input: string, options: { limitInputPixels: number }): Pipeline;
  (input: Samples, options: { raw: { width: number; height: number; channels: number } }): Pipeline;
}

/** @throws TURNO_SHARP_MISSING */
export async function loadSharp(name = 'sharp'): Promise<Sharp> {
  try {
    return ((await import(name)) as { default: Sharp }).default;
  } catch (cause) {
    const [problem] = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n');
    throw new TurnoError('TURNO_SHARP_MISSING', { problem }, { cause });
  }
}
