/** Where two outputs begin to differ, and how that is told. */

/** Bytes of each side that are shown: enough to see what it is, too few to give away a secret test. */
const EXCERPT_BYTES = 32;

export interface Difference {
  /** In what the program wrote, from 1. */
  readonly line: number;
  /** In bytes, from 1. */
  readonly column: number;
  /** null = the output should have ended here. */
  readonly expected: string | null;
  /** null = the output ended here. */
  readonly got: string | null;
}

/** A stretch of bytes, or undefined where there are none left. */
export type Span = { readonly start: number; readonly end: number } | undefined;

/** @param at offset into `got` where the difference begins; its length for an output that is too short. */
export function differenceAt(
  got: Uint8Array,
  at: number,
  gotSpan: Span,
  expected: Uint8Array,
  expectedSpan: Span,
): Difference {
  const before = Buffer.from(got.buffer, got.byteOffset, at);
  let line = 1;
  let lineStart = 0;
  for (let end = before.indexOf(10); end >= 0; end = before.indexOf(10, end + 1)) {
    line++;
    lineStart = end + 1;
  }
  return {
    line,
    column: at - lineStart + 1,
    expected: expectedSpan ? excerpt(expected, expectedSpan) : null,
    got: gotSpan ? excerpt(got, gotSpan) : null,
  };
}

/** `line 2, column 5: expected "42", found "43"` */
export function describe({ line, column, expected, got }: Difference): string {
  const wanted = expected === null ? 'the end of the output' : JSON.stringify(expected);
  const found = got === null ? 'the end of the output' : JSON.stringify(got);
  return `line ${line}, column ${column}: expected ${wanted}, found ${found}`;
}

/** Bytes that are no text are shown as `\xff`: U+FFFD would look the same for all of them. */
function excerpt(bytes: Uint8Array, { start, end }: NonNullable<Span>): string {
  const part = bytes.subarray(start, Math.min(end, start + EXCERPT_BYTES));
  const more = end > start + EXCERPT_BYTES ? '...' : '';
  const text = Buffer.from(part)
    .toString('utf8')
    .replace(/\ufffd$/, more ? '' : '\ufffd');
  if (!text.includes('\ufffd')) return text + more;
  const escaped = Array.from(part, (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return escaped.join('') + more;
}
