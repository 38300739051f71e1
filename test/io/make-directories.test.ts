/** Directories with those above them. */

import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { makeDirectories } from '../../src/io/make-directories.js';

t.test('those that are missing are made, for their owner only; those that are there stay as they are', async (t) => {
  const root = t.testdir({});
  const path = join(root, 'a/b/c');
  makeDirectories(path);
  makeDirectories(path);
  for (const one of ['a', 'a/b', 'a/b/c']) t.equal(statSync(join(root, one)).mode & 0o777, 0o700, one);
  mkdirSync(join(root, 'open'), { mode: 0o755 });
  symlinkSync('open', join(root, 'link'));
  makeDirectories(join(root, 'link'));
  t.equal(statSync(join(root, 'open')).mode & 0o777, 0o755);
});

t.test(
  'what cannot be made is an error: a file in the way, and a place like /proc, where Node itself never ends',
  async (t) => {
    const root = t.testdir({});
    writeFileSync(join(root, 'file'), '');
    t.throws(() => makeDirectories(join(root, 'file')), { code: 'EEXIST' });
    t.throws(() => makeDirectories(join(root, 'file/below')), { code: 'ENOTDIR' });
    for (const path of ['/proc/x', '/proc/x/y']) t.throws(() => makeDirectories(path), { code: 'ENOENT' }, path);
  },
);
