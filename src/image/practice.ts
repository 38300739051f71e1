/**
 * A process that has just started filters ten times slower than it will: V8 interprets a function, and compiles it beside, while it
 * is used. That takes some 10 ms whatever the band's size, in every process, so the shorter the bands are the more of the time it is.
 * Each process therefore practises on noise while the others start.
 */

import { filterOf } from './filters/filters.js';
import type { FilterStep } from './job.js';
import { type Picture, type Samples, sampleCount } from './picture.js';

/** For each filter: what V8 takes to compile it, and the least that is worth it. */
const PRACTICE_MS = 15;
/** A smaller picture is done in that time. */
const LEAST_SAMPLES = 4_000_000;
const WIDTH = 1_024;
const HEIGHT = 8;

/** @param steps with the picture before each of them */
export function practise(steps: readonly { readonly step: FilterStep; readonly picture: Picture }[]): void {
  for (const { step, picture } of steps) {
    if (sampleCount(picture) < LEAST_SAMPLES) continue;
    const noise = { ...picture, width: WIDTH, height: HEIGHT };
    const [input, output] = [samplesFor(noise), samplesFor(noise)];
    for (let i = 0; i < input.length; i++) input[i] = Math.imul(i, 2_654_435_761) >>> 16;
    const filter = filterOf(step.name, step);
    const endMs = performance.now() + PRACTICE_MS;
    while (performance.now() < endMs) filter.apply(input, output, noise, { from: 0, to: HEIGHT }, () => undefined);
  }
}

function samplesFor(picture: Picture): Samples {
  const count = sampleCount(picture);
  return picture.bits === 16 ? new Uint16Array(count) : new Uint8Array(count);
}
