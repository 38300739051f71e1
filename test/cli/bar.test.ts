/** Progress bars leave the terminal as it is: nobody puts it right again when a command is interrupted. */

import { Writable } from 'node:stream';
import { t } from 'tap';
import { barOn } from '../../src/cli/bar.js';

t.test('a bar neither hides the cursor nor turns off line breaks, and fits the terminal', async (t) => {
  const written: string[] = [];
  const stream = Object.assign(
    new Writable({
      write(part: Buffer, _encoding, done) {
        written.push(part.toString());
        done();
      },
    }),
    { isTTY: true as const, columns: 60 },
  );
  const bar = barOn(stream, '{bar} {value}/{total} {text}');
  if (bar === undefined) throw new Error('no bar on a terminal');
  bar.start(10, 0, { text: 'x'.repeat(100) });
  bar.update(5);
  bar.render();
  bar.stop();
  const all = written.join('');
  t.match(all, /5\/10/);
  t.notMatch(all, /\[\?25l|\[\?7l/);
  t.ok(written.every((part) => part.length <= 60));
  t.equal(barOn(new Writable(), '{bar}'), undefined);
});
