import { t } from 'tap';
import { splitWords } from '../../src/shell/words.js';

t.test('a line is split as a shell splits it', async (t) => {
  for (const [line, words] of [
    ['', []],
    ['  list  ', ['list']],
    ['exec a\tb', ['exec', 'a', 'b']],
    ['a "b c" \'d "e"\'', ['a', 'b c', 'd "e"']],
    ['a"b"c\'d\'', ['abcd']],
    ['"" \'\'', ['', '']],
    ['a\\ b \\" \\#', ['a b', '"', '#']],
    ['list # and more', ['list']],
    ['a#b', ['a#b']],
    ["'a\\n'", ['a\\n']],
    ['"a\\n" "\\"" "\\\\" "\\$HOME" "\\`"', ['a\\n', '"', '\\', '$HOME', '`']],
  ] as const) {
    t.same(splitWords(line), words, line);
  }
});

t.test('what does not end is refused', async (t) => {
  for (const line of ['"a', "'a", 'a\\', '"a\\']) t.throws(() => splitWords(line), { code: 'TURNO_USAGE' }, line);
});
