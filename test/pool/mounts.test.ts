/** Which directories of the host programs may be given to read. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { TurnoError } from '../../src/errors.js';
import { checkedMounts } from '../../src/pool/mounts.js';

/** Not below /tmp, which is refused as a whole. */
const directory = mkdtempSync('/var/tmp/turno-mounts-');
t.teardown(() => rmSync(directory, { recursive: true }));
const data = join(directory, 'data');
const books = join(directory, 'books');
for (const path of [data, join(data, 'sources'), books]) mkdirSync(path);
symlinkSync('/etc', join(directory, 'innocent'));

const refusal = (mount: string) => {
  try {
    checkedMounts([mount], data);
    return undefined;
  } catch (error) {
    return error instanceof TurnoError && error.code === 'TURNO_SETTING' ? error.message : error;
  }
};

t.test('a directory is mounted at its own path, or at another', async (t) => {
  t.strictSame(checkedMounts([books, `${books}:/opt/books/`], data), [`${books}:${books}`, `${books}:/opt/books`]);
});

const dangerous = [
  '/',
  '/etc',
  '/etc/ssl',
  '/home',
  '/home/ada',
  '/root',
  '/proc',
  '/proc/1',
  '/sys',
  '/dev',
  '/run',
  '/var',
];
for (const path of dangerous) {
  t.test(`${path} is refused`, async (t) =>
    t.match(refusal(path), new RegExp(`--mount ${path}: .*(refused|not there)`)),
  );
}

t.test('the data directory is refused, with all in it and all above it, and so is a link to /etc', async (t) => {
  t.match(refusal(data), /it is in the data directory/);
  t.match(refusal(join(data, 'sources')), /it is in the data directory/);
  t.match(refusal(directory), /the data directory is in it/);
  t.match(refusal(join(directory, 'innocent')), /\/etc is refused/);
});

t.test('what a cell has of its own is not covered', async (t) => {
  for (const inside of ['/', '/box', '/usr/lib/x', '/tmp/x', '/opt/../etc', '/dev/shm']) {
    t.match(refusal(`${books}:${inside}`), /refused as the place inside/, inside);
  }
});

t.test('what cannot be read as a mount, or is not there', async (t) => {
  t.match(refusal('books'), /expected HOST or HOST:INSIDE/);
  t.match(refusal(`${books}:opt`), /expected HOST or HOST:INSIDE/);
  t.match(refusal(`${books}:/opt/a:ro`), /expected HOST or HOST:INSIDE/);
  t.match(refusal('/nowhere/at/all'), /not there \(ENOENT\)/);
});
