/**
 * The checksum of the journal, of responses and of mailboxes: 32 bits, fast in JavaScript and in C. Rows and users have
 * another (native/addon/sum.h), which only the addon makes.
 * native/addon/records.cc has the same, for the hot paths; a test compares them.
 *
 * Four lanes, because one would wait for its own multiplication at every word. Each step is a bijection of the lane, so a
 * change of one word always changes the sum; the shift lets high bits reach low ones, or two flipped top bits would cancel.
 */

const LANE_B = 0x1b873593;
const LANE_C = 0x38495ab5;
const LANE_D = 0x5bd1e995;

function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** Of `count` words from `from`; `start` carries the seed, or the sum of what came before. */
export function mixWords(words: Int32Array, from: number, count: number, start: number): number {
  let a = start;
  let b = LANE_B;
  let c = LANE_C;
  let d = LANE_D;
  let word = from;
  const end = from + count;
  for (; word < end - 3; word += 4) {
    a = mix(a, words[word] ?? 0);
    b = mix(b, words[word + 1] ?? 0);
    c = mix(c, words[word + 2] ?? 0);
    d = mix(d, words[word + 3] ?? 0);
  }
  for (; word < end; word++) a = mix(a, words[word] ?? 0);
  return mix(mix(mix(a, b), c), d);
}
