/** The package as a library: what package.json exports is there, and the example of the README runs. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { t } from 'tap';
import { startServer } from './start-server.js';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const INDEX = fileURLToPath(new URL('../src/index.js', import.meta.url));

t.test('every export of the package has its source, code and types alike', async (t) => {
  const { exports, bin } = JSON.parse(readFileSync(root('package.json'), 'utf8'));
  const source = (path: string) => root(path.replace('./dist/', 'src/').replace(/(\.d)?\.[jt]s$/, '.ts'));
  for (const name of ['.', './shm']) {
    for (const kind of ['types', 'default']) t.ok(existsSync(source(exports[name][kind])), exports[name][kind]);
  }
  t.ok(existsSync(source(`./${bin.turno}`)));
  t.type((await import(pathToFileURL(INDEX).href)).connect, 'function');
});

t.test('the example of the README is examples/library.mjs, and runs over each way in', async (t) => {
  const example = readFileSync(root('examples/library.mjs'), 'utf8');
  t.ok(readFileSync(root('README.md'), 'utf8').includes(example.trimEnd()));
  t.ok(example.trimEnd().split('\n').length <= 15);
  const directory = t.testdir({});
  const script = join(directory, 'example.mjs');
  // Where it is installed, the package is found by its name.
  writeFileSync(script, example.replace(`'turno'`, JSON.stringify(pathToFileURL(INDEX).href)));
  const server = await startServer(t, { args: ['--tcp-port', '0'] });
  for (const address of [server.url, server.address('tcp')]) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, address]);
    t.equal(stdout, 'AC AC AC AC\n', address);
  }
});
