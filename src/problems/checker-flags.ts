/** `validator_flags` of the default output validator, as one of turno's checkers. */

import type { CheckerChoice } from '../judging/checkers/checker.js';
import { packageError } from './package-error.js';

const TOLERANCES = ['float_tolerance', 'float_relative_tolerance', 'float_absolute_tolerance'];

/**
 * @param path where the flags stand, for messages
 * @throws TURNO_PACKAGE for flags it does not have
 */
export function checkerByFlags(path: string, flags: readonly string[]): CheckerChoice {
  const refuse = (problem: string) => packageError(path, `validator_flags: ${problem}`);
  const words = [...flags];
  const given = new Set<string>();
  let absoluteEpsilon = 0;
  let relativeEpsilon = 0;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (TOLERANCES.includes(word)) {
      const text = words.shift() ?? '';
      const epsilon = /^[\d.]+(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
      if (!(epsilon >= 0 && epsilon <= 1)) throw refuse(`${word}: expected a number from 0 to 1, found "${text}"`);
      if (word !== 'float_relative_tolerance') absoluteEpsilon = epsilon;
      if (word !== 'float_absolute_tolerance') relativeEpsilon = epsilon;
      given.add('float');
    } else if (word === 'case_sensitive' || word === 'space_change_sensitive') given.add(word);
    else throw refuse(`the default validator has no flag "${word}"`);
  }
  const isCaseSensitive = given.has('case_sensitive');
  if (given.has('space_change_sensitive')) {
    if (isCaseSensitive && !given.has('float')) return { kind: 'exact' };
    throw refuse('space_change_sensitive is done only together with case_sensitive, and without tolerances');
  }
  if (!given.has('float')) return { kind: isCaseSensitive ? 'token' : 'case-insensitive' };
  return { kind: 'float', absoluteEpsilon, relativeEpsilon, ...(isCaseSensitive ? {} : { ignoreCase: true }) };
}
