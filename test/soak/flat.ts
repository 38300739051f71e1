/**
 * Whether a series of samples stands still: the last third beside the one before it, by the median, or by the least where
 * samples are a saw: memory goes up until the next collection of garbage, and what was left after one is what was needed.
 */

export interface Flatness {
  readonly isFlat: boolean;
  readonly before: number;
  readonly after: number;
}

/**
 * @param samples in order of time; the first third is warming up and not looked at
 * @param tolerance growth that is still flat, as a part of what was before, and at least `atLeast`
 */
export function flatness(
  samples: readonly number[],
  tolerance: number,
  atLeast: number,
  by: 'median' | 'least' = 'median',
): Flatness {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new RangeError(`flatness: expected at least 3 samples, got ${samples.length}`);
  const of = by === 'least' ? (values: readonly number[]) => Math.min(...values) : median;
  const before = of(samples.slice(third, 2 * third));
  const after = of(samples.slice(-third));
  return { before, after, isFlat: after - before <= Math.max(atLeast, before * tolerance) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
