/** Whether a series of samples stands still: the last third beside the one before it, by their medians. */

export interface Flatness {
  readonly isFlat: boolean;
  readonly before: number;
  readonly after: number;
}

/**
 * @param samples in order of time; the first third is warming up and not looked at
 * @param tolerance growth that is still flat, as a part of what was before, and at least `atLeast`
 */
export function flatness(samples: readonly number[], tolerance: number, atLeast: number): Flatness {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new RangeError(`flatness: expected at least 3 samples, got ${samples.length}`);
  const before = median(samples.slice(third, 2 * third));
  const after = median(samples.slice(-third));
  return { before, after, isFlat: after - before <= Math.max(atLeast, before * tolerance) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
