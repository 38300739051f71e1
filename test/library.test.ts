/** The package as a library: what package.json exports is there, and the example of the README runs. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

t.test('every type of what a client is asked and answers is exported', async (t) => {
  const client = readFileSync(root('src/io/client.ts'), 'utf8');
  const exported: readonly string[] = readFileSync(root('src/index.ts'), 'utf8').match(/\w+/g) ?? [];
  const lists = [...client.matchAll(/import type \{([^}]*)\} from '\.\/(?:reply-)?schema\.js'/g)];
  const names: readonly string[] = lists.flatMap(([, list = '']) => list.match(/\w+/g) ?? []);
  t.ok(names.length > 10);
  for (const name of names) t.ok(exported.includes(name), name);
});

t.test('the example of the README is examples/library.mjs, and runs over each way in', async (t) => {
  const example = readFileSync(root('examples/library.mjs'), 'utf8');
  t.ok(readFileSync(root('README.md'), 'utf8').includes(example.trimEnd()));
  t.ok(example.trimEnd().split('\n').length <= 15);
  const directory = t.testdir({});
  const script = join(directory, 'example.mjs');
  // Where it is installed, the package is found by its name.
  writeFileSync(script, example.replace(`'turno'`, JSON.stringify(pathToFileURL(INDEX).href)));
  const short = mkdtempSync(join(tmpdir(), 'turno-'));
  t.teardown(() => rmSync(short, { recursive: true, force: true }));
  const server = await startServer(t, { args: ['--tcp-port', '0', '--signals', 'on', '--socket', join(short, 's')] });
  for (const address of [server.url, ...(['tcp', 'unix', 'signal'] as const).map((way) => server.address(way))]) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, address]);
    t.equal(stdout, 'AC AC AC AC\n', address);
  }
});
