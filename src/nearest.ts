/** The nearest known name to one that was mistyped, for messages that refuse it. */

/** Names further away than this share of their length are no typing mistake. */
const FARTHEST = 0.4;

/** @returns the known name with the fewest edits, or undefined when none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // A name of megabytes is no mistake either, and the table below would be as large.
  if (name.length > 64) return undefined;
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (best === undefined || edits < best.edits) best = { candidate, edits };
  }
  if (best === undefined) return undefined;
  return best.edits <= Math.max(1, Math.floor(best.candidate.length * FARTHEST)) ? best.candidate : undefined;
}

/** `. Did you mean "limits"?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const candidate = nearest(name, known);
  return candidate === undefined ? '' : `. Did you mean "${candidate}"?`;
}

/** Insertions, deletions, substitutions and swaps of neighbours, each one edit. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
