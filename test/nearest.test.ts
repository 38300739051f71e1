/** Nearest names: helpful for a mistyped one, silent for anything else. */

import { t } from 'tap';
import { didYouMean, nearest } from '../src/nearest.js';

const known = ['stdin', 'source', 'limits', 'language', 'cpuTimeMs'];

for (const [typed, meant] of [
  ['stdni', 'stdin'],
  ['sorce', 'source'],
  ['Limits', 'limits'],
  ['langauge', 'language'],
  ['cpuTime', 'cpuTimeMs'],
] as const) {
  t.test(`"${typed}" is near "${meant}"`, async (t) => t.equal(nearest(typed, known), meant));
}

t.test('two neighbours swapped are one mistake, even in the shortest of names', async (t) => {
  t.equal(nearest('sl', ['ls']), 'ls');
  t.equal(nearest('xy', ['ls']), undefined);
});

t.test('a name that is near nothing gets no suggestion', async (t) => {
  t.equal(nearest('__proto__', known), undefined);
  t.equal(nearest('x', []), undefined);
  t.equal(nearest('s'.repeat(1_000_000), known), undefined);
  t.equal(didYouMean('quite another thing', known), '');
});
