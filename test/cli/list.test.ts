import { t } from 'tap';
import { asMuchAsFits } from '../../src/cli/list.js';

t.test('what is watched stays on the screen, from the top', async (t) => {
  const text = ['2 of 2 lanes busy', 'id  user', ...Array.from({ length: 100 }, (_, n) => `${n}  ada`)].join('\n');
  const shown = asMuchAsFits(text, { rows: 6, columns: 10 }).split('\n');
  t.same(shown, ['2 of 2 lan', 'id  user', '0  ada', '1  ada', '... and 98 more']);
  t.equal(asMuchAsFits('one\ntwo', { rows: 3, columns: 10 }), 'one\ntwo');
  t.equal(
    asMuchAsFits(text, { rows: 0, columns: 0 }).split('\n').length,
    23,
    'a screen that does not say how large it is',
  );
});
