/** Which checker a request asks for, as one function. */

import { unreachable } from '../../errors.js';
import { type Difference, describe } from './difference.js';
import { exact } from './exact.js';
import { float, type Tolerance } from './float.js';
import { sameWhateverCase } from './letter-case.js';
import { token } from './token.js';
import { unorderedLines } from './unordered-lines.js';

export const CHECKER_KINDS = ['exact', 'token', 'case-insensitive', 'float', 'unordered-lines'] as const;

export type CheckerChoice =
  | { readonly kind: 'exact' }
  | { readonly kind: 'token' }
  /** As `token`, but A and a are the same letter. */
  | { readonly kind: 'case-insensitive' }
  /** `epsilon` is both tolerances at once. */
  | ({ readonly kind: 'float'; readonly epsilon?: number; readonly ignoreCase?: true } & Partial<Tolerance>)
  | { readonly kind: 'unordered-lines' };

/** @returns what is wrong with an output, as text that says where it begins, or undefined when it is right. */
export type Check = (got: Uint8Array, expected: Uint8Array) => string | undefined;

export function checkerOf(choice: CheckerChoice): Check {
  const compare = comparisonOf(choice);
  return (got, expected) => {
    const difference = compare(got, expected);
    return difference && describe(difference);
  };
}

function comparisonOf(choice: CheckerChoice): (got: Uint8Array, expected: Uint8Array) => Difference | undefined {
  switch (choice.kind) {
    case 'exact':
      return exact;
    case 'token':
      return token;
    case 'case-insensitive':
      return (got, expected) => token(got, expected, sameWhateverCase);
    case 'float': {
      const { epsilon = 0, absoluteEpsilon = epsilon, relativeEpsilon = epsilon } = choice;
      const isSameWord = choice.ignoreCase ? sameWhateverCase : undefined;
      return (got, expected) => float(got, expected, { absoluteEpsilon, relativeEpsilon }, isSameWord);
    }
    case 'unordered-lines':
      return unorderedLines;
    default:
      return unreachable(choice);
  }
}
