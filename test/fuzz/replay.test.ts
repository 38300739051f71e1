/** What fuzzing has found worth keeping, once each, under address and undefined-behaviour sanitizers. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { t } from 'tap';

const root = resolve(import.meta.dirname, '../../..');
const corpus = join(root, 'test/fuzz/corpus');

t.test('a cell takes any bytes for a request, or refuses them, and touches nothing else', async (t) => {
  const replay = join(t.testdir(), 'replay');
  const sanitizers = ['-DREPLAY', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const sources = ['test/fuzz/control-fuzz.c', 'native/cell/control.c'].map((name) => join(root, name));
  const flags = ['-std=gnu17', '-D_GNU_SOURCE', '-g', '-O1', '-I', join(root, 'native')];
  execFileSync('gcc', [...flags, ...sanitizers, ...sources, '-o', replay], { stdio: 'inherit' });
  const inputs = readdirSync(corpus).map((name) => join(corpus, name));
  t.ok(inputs.length >= 34, `${inputs.length} inputs`);
  const { status, stdout, stderr } = spawnSync(replay, inputs, { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.match(stdout, `${inputs.length} inputs`);
});
