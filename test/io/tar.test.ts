/** Archives are read by the tar of the system: what goes in comes out. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { MAX_PATH_BYTES } from '../../src/io/schema.js';
import { tar } from '../../src/io/tar.js';

t.test('the files come out of the archive as they went in', async (t) => {
  const files = [
    { path: 'main.c', content: Buffer.from('int main(void) { return 0; }\n') },
    { path: 'empty', content: Buffer.alloc(0) },
    { path: 'lib/512', content: Buffer.alloc(512, 7) },
    { path: 'lib/513', content: Buffer.alloc(513, 255) },
    { path: `d/${'é'.repeat(MAX_PATH_BYTES / 2 - 1)}`, content: Buffer.from('the longest name') },
  ];
  const out = join(t.testdir(), 'out');
  mkdirSync(out);
  writeFileSync(join(out, '..', 'files.tar'), tar(files, 0));
  execFileSync('tar', ['xf', '../files.tar'], { cwd: out });
  for (const { path, content } of files) t.strictSame(readFileSync(join(out, path)), content);
});

t.test('a path that does not fit the header is an error, never cut', async (t) => {
  t.throws(() => tar([{ path: 'x'.repeat(MAX_PATH_BYTES + 1), content: Buffer.alloc(0) }], 0), RangeError);
});
