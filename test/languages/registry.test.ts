/** Tool-chains are found as a shell finds them, asked who they are, and offered only when a cell could use them. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type Test, t } from 'tap';
import { go } from '../../src/languages/go.js';
import { java } from '../../src/languages/java.js';
import { javascript } from '../../src/languages/javascript.js';
import { operand } from '../../src/languages/language.js';
import { findLanguages, HANDLERS, languageOf, mountsOf } from '../../src/languages/registry.js';
import { rust } from '../../src/languages/rust.js';
import { findCompiler, findPython, findTool } from '../../src/languages/tool-chain.js';
import { typescript } from '../../src/languages/typescript.js';
import { MIB } from '../../src/units.js';

const PATH = process.env.PATH ?? '';
const MEMORY = 256 * MIB;

function script(t: Test, name: string, text: string): string {
  const directory = t.testdir({ [name]: `#!/bin/sh\n${text}\n` });
  chmodSync(join(directory, name), 0o755);
  return directory;
}

t.test('what is on this PATH is offered, with version and absolute path', async (t) => {
  const { offered } = await findLanguages(PATH);
  t.ok(offered.length > 0);
  for (const { tool } of offered) {
    t.match(tool.path, /^\//);
    t.match(tool.version, /^\d+\.\d+/);
  }
});

t.test('where no tool is, no language is', async (t) => {
  t.strictSame((await findLanguages(t.testdir())).offered, []);
  t.strictSame((await findLanguages('')).offered, []);
});

t.test('what is not offered has a reason', async (t) => {
  const { offered, absent } = await findLanguages(t.testdir());
  t.strictSame(offered, []);
  t.strictSame(
    absent.map(({ id }) => id),
    HANDLERS.map(({ id }) => id),
  );
  for (const { reason } of absent) t.match(reason, /^no \S+ on the PATH$/);
});

/** Where programs have nothing of their own: the tests themselves may lie below /tmp. */
function place(t: Test, directory: string, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(directory, 'turno-test-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return root;
}

t.test('a tool elsewhere brings its own file as a mount, unless programs have that place themselves', async (t) => {
  const seen = place(t, '/var/tmp', { lua: 'echo Lua 5.4.6' });
  t.match(await findTool('lua', seen, ['-v']), { version: '5.4.6', mounts: [join(seen, 'lua')] });
  const hidden = place(t, '/tmp', { lua: 'echo Lua 5.4.6' });
  t.match(await findTool('lua', hidden, ['-v']), { absent: /lua cannot be seen by programs/ });
  t.match(await findTool('lua', `${hidden}:${seen}`, ['-v']), { version: '5.4.6' });
});

t.test('of a Rust below a home only the compiler and its library are shown', async (t) => {
  const home = place(t, '/var/tmp', { 'bin/rustc': 'echo rustc 1.99.0', 'lib/std': '', secret: '' });
  const proxy = place(t, '/var/tmp', { rustc: `echo ${home}` });
  const tool = await rust.find(`${proxy}:/usr/bin`);
  t.match(tool, { path: join(home, 'bin/rustc'), version: '1.99.0' });
  t.strictSame('mounts' in tool && tool.mounts, [join(home, 'bin/rustc'), join(home, 'lib')]);
  t.match(await rust.find(proxy), { absent: /needs gcc to link: no gcc/ });
});

t.test('virtual machines are told what the memory limit leaves them, and that they may reserve', async (t) => {
  const tool = { ...NO_TOOL, parts: {} };
  t.ok(java.run(tool, 'Main.java', MEMORY).argv.includes('-Xmx192m'));
  t.ok(java.run(tool, 'Main.java', MEMORY).argv.includes('-Xss65536k'));
  t.ok(java.run(tool, 'Main.java', MEMORY, 512 * 1_024).argv.includes('-Xss512k'));
  t.ok(javascript.run(tool, 'main.js', MEMORY).argv.includes('--stack-size=64000'));
  t.ok(javascript.run(tool, 'main.js', MEMORY, 8 * MIB).argv.includes('--stack-size=6144'));
  t.ok(javascript.run(tool, 'main.js', MEMORY).argv.includes('--max-old-space-size=208'));
  t.ok(go.run(tool, 'main.go', MEMORY).env.includes(`GOMEMLIMIT=${240 * MIB}`));
  t.ok(javascript.run(tool, 'main.js', 4 * MIB).argv.includes('--max-old-space-size=16'));
  for (const one of [java, javascript, typescript, go]) t.equal(one.isVirtualMachine, true, one.id);
});

t.test('a relative entry of the PATH is not looked at', async (t) => {
  const directory = script(t, 'python3', 'printf "/opt/py/bin/python3\\n/opt/py\\n3.99.1\\n"');
  t.ok(await findPython('python3', directory));
  t.match(await findPython('python3', relative(process.cwd(), directory)), { absent: 'no python3 on the PATH' });
});

t.test('a compiler outside the system directories is not offered: a cell would lack its parts', async (t) => {
  t.match(await findCompiler('gcc', script(t, 'gcc', 'echo 99.0')), { absent: /gcc is no compiler of the system/ });
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
  t.match(await findPython('python3', directory), { absent: /has its library in \// });
});

t.test('a tool that fails or says nothing is passed over for the next on the PATH', async (t) => {
  const broken = script(t, 'python3', 'exit 3');
  const found = await findPython('python3', `${broken}:${PATH}`);
  t.strictSame(found, await findPython('python3', PATH));
});

t.test('a language that travelled as data is the same on the other side', async (t) => {
  for (const info of (await findLanguages(PATH)).offered) {
    const language = languageOf(structuredClone(info));
    t.equal(language.id, info.id);
    t.match(language.run('main', MEMORY).path, /^\//);
    t.ok(language.compilerIdentity.includes(info.tool.version));
  }
  const [info] = (await findLanguages(PATH)).offered;
  t.throws(() => languageOf({ id: '__proto__', name: '', extension: '', tool: info?.tool ?? NO_TOOL }), RangeError);
});

t.test('ids are unique, and mounts are named once', async (t) => {
  t.equal(new Set(HANDLERS.map(({ id }) => id)).size, HANDLERS.length);
  const tool = { ...NO_TOOL, mounts: ['/opt/a'] };
  const info = { id: 'x', name: '', extension: '', tool };
  t.strictSame(mountsOf([info, info]), ['/opt/a']);
});

t.test('another compiler, version or flag is another identity: no old executable is used for it', async (t) => {
  const infos = (await findLanguages(PATH)).offered.filter(({ id }) => id.startsWith('c'));
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

/** The others run in a cell only, where their compilers find what they need: verdicts.test.ts. */
const ANYWHERE = ['c', 'cpp', 'cpp17', 'cpp23', 'python', 'javascript', 'bash'];

for (const handler of HANDLERS.filter(({ id }) => ANYWHERE.includes(id))) {
  t.test(`${handler.id}: its self-test copies its input, byte for byte, with the tool-chain found here`, async (t) => {
    const [info] = (await findLanguages(PATH, [handler])).offered;
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
    const run = language.run(main, MEMORY);
    const path = compile ? join(cwd, compile.product) : run.path;
    const input = Buffer.from(Array.from({ length: 1_024 }, (_, index) => index % 256));
    t.strictSame(execFileSync(path, compile ? [] : run.argv.slice(1), { cwd, input }), input);
    t.strictSame(readFileSync(join(cwd, main), 'utf8'), language.selfTest);
  });
}

const NO_TOOL = { path: '/bin/false', version: '0', mounts: [] };
