/** Bands: the rows of a picture, divided among processes. Pure. */

/** Rows `from` to `to`, without `to`. */
export interface Band {
  readonly from: number;
  readonly to: number;
}

/** At most `workers` bands, none empty, none more than a row longer than another; together all rows, in order. */
export function bandsOf(height: number, workers: number): Band[] {
  const count = Math.min(height, workers);
  const edge = (n: number) => Math.floor((n * height) / count);
  return Array.from({ length: count }, (_, n) => ({ from: edge(n), to: edge(n + 1) }));
}

/** A band with `overlap` rows more above and below, as far as there are any. */
export function widened({ from, to }: Band, overlap: number, height: number): Band {
  return { from: Math.max(0, from - overlap), to: Math.min(height, to + overlap) };
}
