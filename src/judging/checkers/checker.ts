/** Which checker a request asks for, as one function. */

import { unreachable } from '../../errors.js';
import { type Difference, describe } from './difference.js';
import { exact } from './exact.js';
import { float } from './float.js';
import { token } from './token.js';

export type CheckerChoice =
  | { readonly kind: 'exact' }
  | { readonly kind: 'token' }
  | { readonly kind: 'float'; readonly epsilon: number };

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
    case 'float':
      return (got, expected) => float(got, expected, choice.epsilon);
    default:
      return unreachable(choice);
  }
}
