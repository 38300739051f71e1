/** Tool-chains are found as a shell finds them, asked who they are, and offered only when a cell could use them. */

import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Test, t } from 'tap';
import { operand } from '../../src/languages/language.js';
import { findLanguages, HANDLERS, languageOf, mountsOf } from '../../src/languages/registry.js';
import { findCompiler, findPython } from '../../src/languages/tool-chain.js';

const PATH = process.env.PATH ?? '';

function script(t: Test, name: string, text: string): string {
  const directory = t.testdir({ [name]: `#!/bin/sh\n${text}\n` });
  chmodSync(join(directory, name), 0o755);
  return directory;
}

t.test('what is on this PATH is offered, with version and absolute path', async (t) => {
  const found = await findLanguages(PATH);
  t.ok(found.length > 0);
  for (const { tool } of found) {
    t.match(tool.path, /^\//);
    t.match(tool.version, /^\d+\.\d+/);
  }
});

t.test('where no tool is, no language is', async (t) => {
  t.strictSame(await findLanguages(t.testdir()), []);
  t.strictSame(await findLanguages(''), []);
});

t.test('a relative entry of the PATH is not looked at', async (t) => {
  const directory = script(t, 'python3', 'printf "/opt/py/bin/python3\\n/opt/py\\n3.99.1\\n"');
  t.ok(await findPython('python3', directory));
  t.equal(await findPython('python3', relative(process.cwd(), directory)), undefined);
});

t.test('a compiler outside the system directories is not offered: a cell would lack its parts', async (t) => {
  t.equal(await findCompiler('gcc', script(t, 'gcc', 'echo 99.0')), undefined);
});

t.test('a python outside the system directories brings its prefix as a mount', async (t) => {
  const directory = script(t, 'python3', 'printf "/opt/py/bin/python3\\n/opt/py\\n3.99.1\\n"');
  t.strictSame(await findPython('python3', directory), {
    path: '/opt/py/bin/python3',
    version: '3.99.1',
    mounts: ['/opt/py'],
  });
});

t.test('a python that would have the whole host mounted is not offered', async (t) => {
  const directory = script(t, 'python3', 'printf "/bin/../python3\\n/\\n3.99.1\\n"');
  t.equal(await findPython('python3', directory), undefined);
});

t.test('a tool that fails or says nothing is passed over for the next on the PATH', async (t) => {
  const broken = script(t, 'python3', 'exit 3');
  const found = await findPython('python3', `${broken}:${PATH}`);
  t.strictSame(found, await findPython('python3', PATH));
});

t.test('a language that travelled as data is the same on the other side', async (t) => {
  for (const info of await findLanguages(PATH)) {
    const language = languageOf(structuredClone(info));
    t.equal(language.id, info.id);
    t.match(language.run('main').path, /^\//);
    t.ok(language.compilerIdentity.includes(info.tool.version));
  }
  const [info] = await findLanguages(PATH);
  t.throws(() => languageOf({ id: '__proto__', name: '', extension: '', tool: info?.tool ?? NO_TOOL }), RangeError);
});

t.test('ids are unique, and mounts are named once', async (t) => {
  t.equal(new Set(HANDLERS.map(({ id }) => id)).size, HANDLERS.length);
  const tool = { ...NO_TOOL, mounts: ['/opt/a'] };
  const info = { id: 'x', name: '', extension: '', tool };
  t.strictSame(mountsOf([info, info]), ['/opt/a']);
});

t.test('another compiler, version or flag is another identity: no old executable is used for it', async (t) => {
  const infos = (await findLanguages(PATH)).filter(({ id }) => id.startsWith('c'));
  const identities = infos.map((info) => languageOf(info).compilerIdentity.join('\n'));
  t.equal(new Set(identities).size, identities.length, 'C and the editions of C++ differ');
  for (const info of infos) {
    const newer = { ...info, tool: { ...info.tool, version: '99' } };
    t.notSame(languageOf(newer).compilerIdentity, languageOf(info).compilerIdentity);
  }
});

t.test('a file name that looks like an option is no option', async (t) => {
  t.strictSame(['-o.c', '@x', 'a-b.c'].map(operand), ['./-o.c', './@x', 'a-b.c']);
});

for (const handler of HANDLERS) {
  t.test(`${handler.id}: its self-test copies its input, byte for byte, with the tool-chain found here`, async (t) => {
    const [info] = await findLanguages(PATH, [handler]);
    if (info === undefined) {
      t.pass(`no tool-chain for ${handler.id} on this PATH`, { skip: 'not installed here' });
      return;
    }
    const language = languageOf(info);
    const cwd = t.testdir();
    const main = `-main${handler.extension}`; // also tests that such a name is no option
    writeFileSync(join(cwd, main), language.selfTest);
    const compile = language.compile?.(main);
    if (compile) execFileSync(compile.path, compile.argv.slice(1), { cwd });
    const run = language.run(main);
    const path = compile ? join(cwd, compile.product) : run.path;
    const input = Buffer.from(Array.from({ length: 1_024 }, (_, index) => index % 256));
    t.strictSame(execFileSync(path, compile ? [] : run.argv.slice(1), { cwd, input }), input);
    t.strictSame(readFileSync(join(cwd, main), 'utf8'), language.selfTest);
  });
}

const NO_TOOL = { path: '/bin/false', version: '0', mounts: [] };
