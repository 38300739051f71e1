/** Tokens on disk: only their owner can read them, and no accident loses them. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { Credentials } from '../../src/cli/credentials.js';

const mode = (path: string) => statSync(path).mode & 0o777;

t.test('a token is kept for its server, readable by its owner only', async (t) => {
  const directory = join(t.testdir(), 'config', 'turno');
  const credentials = new Credentials(directory);
  t.equal(credentials.of('http://a'), undefined);
  credentials.keep('http://a', { name: 'ada', token: '1' });
  credentials.keep('http://b', { name: 'bob', token: '2' });
  t.strictSame(new Credentials(directory).of('http://a'), { name: 'ada', token: '1' });
  t.strictSame(new Credentials(directory).of('http://b'), { name: 'bob', token: '2' });
  t.equal(new Credentials(directory).of('__proto__'), undefined);
  t.equal(mode(credentials.path), 0o600);
  t.equal(mode(directory), 0o700);
});

for (const content of ['', 'no json', '[]', 'null', '{"http://a": "token"}', '{"http://a": {"name": 1}}']) {
  t.test(`a file with ${JSON.stringify(content)} is refused and left as it is`, async (t) => {
    const directory = t.testdir({ 'tokens.json': content });
    const credentials = new Credentials(directory);
    t.throws(() => credentials.of('http://a'), { code: 'TURNO_SETTING' });
    t.throws(() => credentials.keep('http://a', { name: 'ada', token: '1' }), { code: 'TURNO_SETTING' });
    t.equal(readFileSync(credentials.path, 'utf8'), content);
  });
}

t.test('a file that others could read is closed to them when it is written again', async (t) => {
  const directory = t.testdir({});
  writeFileSync(join(directory, 'tokens.json'), '{}', { mode: 0o644 });
  new Credentials(directory).keep('http://a', { name: 'ada', token: '1' });
  t.equal(mode(join(directory, 'tokens.json')), 0o600);
});
