/**
 * Splits a line into words as a shell does: quotes, a backslash before one character, `#` for the rest of the line. Nothing is
 * expanded.
 */

import { TurnoError } from '../errors.js';

/** Within double quotes a backslash before anything else stands for itself. */
const ESCAPED_IN_QUOTES = '"\\$`';

/** @throws TURNO_USAGE when a quote is not closed or the line ends in a backslash */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const letter = line.charAt(at);
    if (letter === '\\' && quote !== "'") {
      if (++at === line.length) throw new TurnoError('TURNO_USAGE', { problem: 'the line ends in a backslash' });
      if (quote !== undefined && !ESCAPED_IN_QUOTES.includes(line.charAt(at))) word += letter;
      word = (word ?? '') + line.charAt(at);
    } else if (quote !== undefined) {
      if (letter === quote) quote = undefined;
      else word += letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= ''; // '' is a word too
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === '#' && word === undefined) break;
    else word = (word ?? '') + letter;
  }
  if (quote !== undefined) throw new TurnoError('TURNO_USAGE', { problem: `a quote is not closed: ${quote}` });
  if (word !== undefined) words.push(word);
  return words;
}
