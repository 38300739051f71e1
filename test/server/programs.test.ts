/** What an administrator may add: executables, a Python of his own, directories to read. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { startServer } from '../start-server.js';

/** Not below /tmp: programs have one of their own. */
const directory = mkdtempSync('/var/tmp/turno-programs-');
t.teardown(() => rmSync(directory, { recursive: true }));

t.test('executables, a virtual environment and a mount, as the settings say', async (t) => {
  const venv = join(directory, 'venv');
  execFileSync('/usr/bin/python3', ['-m', 'venv', '--without-pip', venv]);
  const version = execFileSync(join(venv, 'bin/python'), ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
  const packages = join(venv, 'lib', `python${version.toString().trim()}`, 'site-packages');
  writeFileSync(join(packages, 'local_module.py'), 'answer = 42\n');
  const books = join(directory, 'books');
  mkdirSync(books);
  writeFileSync(join(books, 'one.txt'), 'a book\n');

  const args = [
    '--allow-executable',
    '--python',
    join(venv, 'bin/python'),
    '--mount',
    books,
    '--mount',
    `${books}:/opt/b`,
  ];
  const server = await startServer(t, { args });
  t.match(server.startLine, /executable/);
  const token = await server.register('ada');
  const executable = (content: Buffer, more = {}) =>
    server.judge(token, {
      language: 'executable',
      files: [{ path: 'program', content: content.toString('base64'), encoding: 'base64' }],
      ...more,
    });

  await t.test('a static ELF file is run as it is', async (t) => {
    const source = join(directory, 'main.c');
    writeFileSync(
      source,
      '#include <stdio.h>\nint main(int c, char **v) { int a; scanf("%d", &a); printf("%d %s\\n", a + 1, v[1]); }',
    );
    execFileSync('gcc', ['-static', '-o', join(directory, 'main'), source]);
    const reply = await executable(readFileSync(join(directory, 'main')), { stdin: '41', args: ['x'] });
    t.match(reply, { verdict: 'AC', stdout: '42 x\n', compile: null });
  });

  await t.test('a script is run by what its first line names, for each test', async (t) => {
    const tests = [
      { stdin: 'b\na\n', expected: 'a\nb\n' },
      { stdin: '2\n1\n', expected: '1\n2\n' },
    ];
    t.match(await executable(Buffer.from('#!/bin/sh\nsort\n'), { tests }), { verdict: 'AC' });
  });

  await t.test('what is neither is no program', async (t) => {
    t.match(await executable(Buffer.from('hello')), { verdict: 'RE', exitCode: 126 });
  });

  await t.test('Python is that of the environment, with its modules', async (t) => {
    const source = 'import sys, local_module\nprint(local_module.answer, sys.prefix != sys.base_prefix)';
    t.match(await server.judge(token, { language: 'python', source }), { verdict: 'AC', stdout: '42 True\n' });
  });

  await t.test('what is mounted can be read, and not written', async (t) => {
    const source = `
print(open('${books}/one.txt').read() + open('/opt/b/one.txt').read())
try: open('/opt/b/two.txt', 'w')
except OSError as error: print(error.strerror)`;
    const stdout = 'a book\na book\n\nRead-only file system\n';
    t.match(await server.judge(token, { language: 'python', source }), { verdict: 'AC', stdout });
  });
});

t.test('wrong settings are refused at the start', async (t) => {
  const mount = await startServer(t, { args: ['--mount', '/etc'] }).catch((error) => error);
  t.match(mount.log, /\/etc is refused.*TURNO_SETTING/s);
  const python = await startServer(t, { args: ['--python', '/bin/true'] }).catch((error) => error);
  t.match(python.log, /--python: \/bin\/true is no Python interpreter/);
});
