/** Checkers: a table of what is the same and what is not, and where a difference begins. */

import { t } from 'tap';
import { type CheckerChoice, checkerOf } from '../../../src/judging/checkers/checker.js';
import { exact } from '../../../src/judging/checkers/exact.js';
import { float } from '../../../src/judging/checkers/float.js';
import { token } from '../../../src/judging/checkers/token.js';
import { unorderedLines } from '../../../src/judging/checkers/unordered-lines.js';

const E = { kind: 'exact' } as const;
const T = { kind: 'token' } as const;
const F = (epsilon: number) => ({ kind: 'float', epsilon }) as const;
const A = (absoluteEpsilon: number) => ({ kind: 'float', absoluteEpsilon, relativeEpsilon: 0 }) as const;
const R = (relativeEpsilon: number) => ({ kind: 'float', absoluteEpsilon: 0, relativeEpsilon }) as const;
const C = { kind: 'case-insensitive' } as const;
const U = { kind: 'unordered-lines' } as const;
const bytes = (text: string | Uint8Array) => (typeof text === 'string' ? Buffer.from(text) : text);
const binary = (...values: number[]) => Uint8Array.from(values);

type Case = readonly [
  name: string,
  choice: CheckerChoice,
  got: string | Uint8Array,
  expected: string | Uint8Array,
  isSame: boolean,
];

const cases: readonly Case[] = [
  // exact
  ['the same bytes', E, '1 2\n', '1 2\n', true],
  ['two empty outputs', E, '', '', true],
  ['another digit', E, '1 3\n', '1 2\n', false],
  ['a missing final newline', E, '1', '1\n', false],
  ['an additional final newline', E, '1\n', '1', false],
  ['CRLF for LF', E, '1\r\n', '1\n', false],
  ['a trailing blank', E, '1 \n', '1\n', false],
  ['nothing for something', E, '', '1\n', false],
  ['something for nothing', E, '1\n', '', false],
  ['the same binary bytes', E, binary(0, 255, 254, 0), binary(0, 255, 254, 0), true],
  ['binary bytes that are both U+FFFD as text', E, binary(0xff), binary(0xfe), false],
  ['a NUL more', E, binary(65, 0), binary(65), false],
  ['composed and decomposed é', E, '\u00e9', 'e\u0301', false],
  ['a byte order mark', E, '\ufeff1', '1', false],
  // token
  ['the same tokens', T, '1 2 3\n', '1 2 3\n', true],
  ['two empty outputs', T, '', '', true],
  ['nothing and white space only', T, '', ' \n\t\r\n', true],
  ['white space only and nothing', T, '\n\n', '', true],
  ['a missing final newline', T, '1', '1\n', true],
  ['CRLF for LF', T, '1\r\n2\r\n', '1\n2\n', true],
  ['trailing blanks', T, '1  \n2\t\n', '1\n2\n', true],
  ['leading blanks', T, '   1\n', '1\n', true],
  ['lines for blanks', T, '1\n2\n3', '1 2 3', true],
  ['form feed and vertical tab as white space', T, '1\f2\v3', '1 2 3', true],
  ['a no-break space is no white space', T, '1\u00a02', '1 2', false],
  ['a token too few', T, '1 2', '1 2 3', false],
  ['a token too many', T, '1 2 3', '1 2', false],
  ['tokens run together', T, '12', '1 2', false],
  ['another case', T, 'Yes', 'YES', false],
  ['1.0 for 1', T, '1.0', '1', false],
  ['leading zeros', T, '01', '1', false],
  ['a NUL inside a token', T, binary(49, 0), binary(49), false],
  ['the same binary tokens', T, binary(255, 32, 254), binary(255, 10, 254), true],
  ['other binary tokens', T, binary(255), binary(254), false],
  ['nothing for something', T, '', '1', false],
  ['something for nothing', T, '1', '', false],
  ['a prefix of a token', T, 'abc', 'abcd', false],
  // float
  ['the same number', F(1e-6), '0.5', '0.5', true],
  ['other notations of one number', F(0), '5e-1 +1 .5 1.', '0.5 1 0.50 1.0', true],
  ['within epsilon, absolutely', F(1e-6), '0.0000009', '0', true],
  ['beyond epsilon, absolutely', F(1e-6), '0.0000011', '0', false],
  ['within epsilon, relative to a large number', F(1e-6), '1000000.9', '1000000', true],
  ['beyond epsilon, relative to a large number', F(1e-6), '1000001.1', '1000000', false],
  ['epsilon is relative to what is expected, not to what came', F(0.1), '1.105', '1', false],
  ['exactly epsilon', F(0.5), '1.5', '1', true],
  ['just within 1e-9', F(1e-9), '0.0000000009999', '0', true],
  ['just beyond 1e-9', F(1e-9), '0.0000000010001', '0', false],
  ['epsilon 0 wants equality', F(0), '0.1', '0.10000001', false],
  ['zero and minus zero', F(0), '-0.0', '0', true],
  ['NaN for NaN, whatever its case and sign', F(1e-6), 'nan -NaN', 'NaN nan', true],
  ['NaN for a number', F(1), 'nan', '0', false],
  ['a number for NaN', F(1), '0', 'nan', false],
  ['inf for infinity', F(1e-6), 'inf +Infinity', 'Infinity inf', true],
  ['inf for minus inf', F(1), 'inf', '-inf', false],
  ['a huge number for inf', F(1), '1e308', 'inf', false],
  ['inf for a huge number', F(1), 'inf', '1e308', false],
  ['a number that overflows is no number but infinity', F(1), '1e999', '1e308', false],
  ['words are compared as words', F(1), 'yes 1.0', 'yes 1', true],
  ['another word', F(1), 'no', 'yes', false],
  ['a word for a number', F(1), 'one', '1', false],
  ['hexadecimal is no number', F(1), '0x10', '16', false],
  ['a decimal comma is no number', F(1), '1,0', '1.0', false],
  ['a number with something behind', F(1), '1.0f', '1.0', false],
  [
    'integers beyond 2^53 are the same only digit by digit or within epsilon',
    F(0),
    '9007199254740993',
    '9007199254740993',
    true,
  ],
  ['CRLF and missing final newline', F(1e-6), '1.0\r\n2.0', '1\n2\n', true],
  ['a number too few', F(1e-6), '1.0', '1 2', false],
  ['a number too many', F(1e-6), '1.0 2.0', '1', false],
  ['a token of a megabyte is no number', F(1), '1'.repeat(1_000_000), '1', false],
  ['absolute only: a relative difference does not help', A(1e-6), '1000000.9', '1000000', false],
  ['absolute only: just within 1e-9', A(1e-9), '7.0000000009', '7', true],
  ['absolute only: just beyond 1e-9', A(1e-9), '7.0000000011', '7', false],
  ['relative only: within', R(1e-6), '1000000.9', '1000000', true],
  ['relative only: beyond', R(1e-6), '1000001.1', '1000000', false],
  ['relative only: nothing is near zero', R(1e-6), '1e-300', '0', false],
  ['relative only: a small number must be as near', R(1e-6), '1.00001e-9', '1e-9', false],
  ['relative only: NaN is NaN', R(0), 'nan', 'nan', true],
  ['the case of words counts', F(1e-6), 'yes 1', 'YES 1', false],
  [
    'the case of words does not count where that is asked for',
    { ...F(1e-6), ignoreCase: true },
    'yes 1.0',
    'YES 1',
    true,
  ],
  // case-insensitive
  ['another case', C, 'Yes nO', 'YES NO', true],
  ['white space as token', C, 'yes\r\nno', 'Yes No\n', true],
  ['two empty outputs', C, '', '', true],
  ['another word', C, 'yes', 'yet', false],
  ['a longer word', C, 'yess', 'yes', false],
  ['what only looks like a letter by one bit', C, '@[`{', '`{@[', false],
  ['letters beyond ASCII keep their case', C, '\u00c9', '\u00e9', false],
  ['binary bytes', C, binary(0xc1), binary(0xe1), false],
  ['a huge word', C, 'A'.repeat(1_000_000), 'a'.repeat(1_000_000), true],
  // unordered-lines
  ['the same order', U, '1\n2\n', '1\n2\n', true],
  ['another order', U, '2\n1\n', '1\n2\n', true],
  ['another order, CRLF, no final newline, blanks', U, '3 4\r\n 1  2', '1 2\n3 4\n', true],
  ['blank lines', U, '\n\n2\n\n1\n\n', '1\n2\n', true],
  ['two empty outputs', U, '', '\n', true],
  ['a line twice that is wanted once', U, '1\n1\n2\n', '1\n2\n', false],
  ['a line once that is wanted twice', U, '1\n2\n', '1\n2\n1\n', false],
  ['one twice for another', U, '1\n1\n2\n', '1\n2\n2\n', false],
  ['another order within a line', U, '2 1\n', '1 2\n', false],
  ['nothing for something', U, '', '1\n', false],
  ['binary lines that are both U+FFFD as text', U, binary(0xff, 10), binary(0xfe, 10), false],
  ['a huge line', U, `${'a'.repeat(1_000_000)}\nb`, `b\n${'a'.repeat(1_000_000)}`, true],
];

for (const [name, choice, got, expected, isSame] of cases) {
  t.test(`${choice.kind}: ${name}: ${isSame ? 'the same' : 'a difference'}`, async (t) => {
    const difference = checkerOf(choice)(bytes(got), bytes(expected));
    if (isSame) t.equal(difference, undefined);
    else t.match(difference, /^line \d+, column \d+: expected .+, found .+$/);
  });
}

t.test('a difference is told where it begins', async (t) => {
  t.strictSame(token(bytes('1 2\n3 five\n'), bytes('1 2\n3 4\n')), { line: 2, column: 3, expected: '4', got: 'five' });
  t.strictSame(exact(bytes('ab\ncd\n'), bytes('ab\ncD\n')), { line: 2, column: 2, expected: 'D\n', got: 'd\n' });
  t.strictSame(float(bytes('1\n2.5\n'), bytes('1\n2\n'), { absoluteEpsilon: 0.1, relativeEpsilon: 0 }), {
    line: 2,
    column: 1,
    expected: '2',
    got: '2.5',
  });
});

t.test('of unordered lines the first that is not wanted is told, and what is missing', async (t) => {
  const compare = (got: string, expected: string) => unorderedLines(bytes(got), bytes(expected));
  t.strictSame(compare('b\nx\n', 'a\nb\n'), { line: 2, column: 1, expected: 'a', got: 'x' });
  t.strictSame(compare('b\n', 'a\nb\n'), { line: 2, column: 1, expected: 'a', got: null });
  t.strictSame(compare('b\n\na\nb', 'a\nb\n'), { line: 4, column: 1, expected: null, got: 'b' });
});

t.test('an output that ends too soon or too late says so', async (t) => {
  t.match(token(bytes('1\n'), bytes('1\n2\n')), { line: 2, column: 1, expected: '2', got: null });
  t.match(token(bytes('1\n2\n'), bytes('1\n')), { line: 2, column: 1, expected: null, got: '2' });
  t.match(exact(bytes('1'), bytes('1\n')), { line: 1, column: 2, expected: '\n', got: null });
  t.equal(checkerOf(T)(bytes(''), bytes('x')), 'line 1, column 1: expected "x", found the end of the output');
});

t.test('an excerpt is short, and bytes that are no text are shown as what they are', async (t) => {
  const long = token(bytes('a'.repeat(10_000)), bytes('b'));
  t.equal(long?.got, `${'a'.repeat(32)}...`);
  t.equal(exact(binary(0x41, 0xff), binary(0x41, 0xfe))?.got, '\\xff');
});

t.test('a huge line is compared to its end', async (t) => {
  const got = Buffer.alloc(20_000_000, 'a');
  const expected = Buffer.from(got);
  t.equal(exact(got, expected), undefined);
  t.equal(token(got, expected), undefined);
  expected[19_999_999] = 0x62;
  t.match(exact(got, expected), { line: 1, column: 20_000_000 });
  t.match(token(got, expected), { line: 1, column: 1 });
});
