/** `turno run`: a program in a cell of its own, without a server. And the manual pages and examples that go with it. */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DIRECTORY = t.testdir({
  'add.c':
    '#include <stdio.h>\nint main(int c, char **v) { int a; scanf("%d", &a); printf("%d %s\\n", a + 1, v[c - 1]); return a; }',
  'broken.c': 'int main(',
  'deep.c':
    'int f(int n) { volatile char a[1000]; a[0] = n; return n ? f(n - 1) + a[0] : 0; }\nint main(void) { return f(20000) == 1; }',
  'echo.py': 'import sys\nprint(input(), sys.argv[1:])',
  'loop.c': 'int main(void) { for (;;); }',
  script: '#!/bin/sh\necho from a script; kill -SEGV $$\n',
});

function run(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'run', ...args], {
    input,
    encoding: 'utf8',
    cwd: DIRECTORY,
    env: { PATH: process.env.PATH },
  });
  return { status, stdout, stderr };
}

t.test('a C file is compiled and run; its exit code is the command’s', async (t) => {
  t.match(run(['add.c', '--', '--last'], '4'), {
    status: 4,
    stdout: '5 --last\n',
    stderr: /exit code 4; CPU 0\.\d+ s/,
  });
});

t.test('a Python file is run with its arguments', async (t) => {
  t.match(run(['echo.py', 'x', '--', '-y'], 'hi\n'), {
    status: 0,
    stdout: "hi ['x', '-y']\n",
    stderr: /^turno: ended/,
  });
});

t.test('anything else is executed as it is, and a signal is told', async (t) => {
  t.match(run(['script']), { status: 139, stdout: 'from a script\n', stderr: /ended by SIGSEGV/ });
});

t.test('a limit ends it, and JSON says which', async (t) => {
  const { status, stderr } = run(['--cpu', '100ms', '--memory', '16M', '--json', 'loop.c']);
  t.equal(status, 137);
  t.match(JSON.parse(stderr), { verdict: 'TLE', cause: { limit: 'cpu', allowed: 100, unit: 'ms' }, signal: 9 });
});

t.test('stack and open files have limits, too', async (t) => {
  t.match(run(['deep.c']), { status: 0, stderr: /^turno: ended/ });
  t.match(run(['--stack', '1M', 'deep.c']), { status: 139, stderr: /ended by SIGSEGV/ });
  t.match(run(['--open-files', '50', '/bin/sh', '--', '-c', 'ulimit -n']), { status: 0, stdout: '50\n' });
  t.match(run(['--stack', '63K', 'deep.c']), { status: 2, stderr: /--stack: expected at least 64K, got 63K/ });
  t.match(run(['--open-files', '3', 'deep.c']), { status: 2, stderr: /--open-files: expected at least 4, got 3/ });
});

t.test('limits behind the file count, too, and what nobody knows is refused', async (t) => {
  const { status, stderr } = run(['loop.c', '--cpu', '100ms', '--json']);
  t.equal(status, 137);
  t.match(JSON.parse(stderr), { verdict: 'TLE', cause: { limit: 'cpu', allowed: 100 } });
  t.match(run(['echo.py', '--memry', '64M']), { status: 2, stdout: '', stderr: /unknown option '--memry'.*--memory/s });
});

t.test('what the compiler refuses, what is not there, and what is not understood', async (t) => {
  t.match(run(['broken.c']), { status: 1, stdout: '', stderr: /broken\.c:1.*error/s });
  t.match(run(['nowhere']), { status: 125, stderr: /nowhere.*TURNO_SYSTEM/ });
  t.match(run(['--cpu', '2', 'add.c']), { status: 2, stderr: /--cpu: expected a time such as 500ms.*got "2"/ });
  t.match(run(['--memory', '1M', 'add.c']), { status: 2, stderr: /at least 4M/ });
  t.match(run(['--language', 'cobol', 'add.c']), { status: 125, stderr: /expected one of c, / });
});

t.test('whoever reads its output may leave', async (t) => {
  const command = `yes | "${process.execPath}" "${MAIN}" run /bin/cat | head -1`;
  t.match(spawnSync('sh', ['-c', command], { encoding: 'utf8' }), { stdout: 'y\n', stderr: /SIGPIPE/ });
});

t.test('the manual pages are well-formed and name every option', async (t) => {
  const page = readFileSync(join(ROOT, 'docs/man/turno-run.1'), 'utf8').replaceAll('\\-', '-');
  const { stdout } = spawnSync(process.execPath, [MAIN, 'run', '--help'], { encoding: 'utf8' });
  for (const [option] of stdout.matchAll(/^ +(--[a-z-]+)/gm)) {
    if (option.trim() !== '--help') t.ok(page.includes(option.trim()), option.trim());
  }
  const header = readFileSync(join(ROOT, 'native/cell/turno_run.h'), 'utf8');
  const manual = readFileSync(join(ROOT, 'docs/man/turno_run.3'), 'utf8');
  for (const [, limit] of header.matchAll(/^ {2}uint(?:64|32)_t (\w+); +\/\* (?:\d+|0 =)/gm)) t.match(manual, limit);
  if (!existsSync('/usr/bin/groff')) return t.comment('groff is not installed');
  for (const name of ['turno-run.1', 'turno_run.3']) {
    const groff = spawnSync('groff', ['-man', '-t', '-ww', '-z', join(ROOT, 'docs/man', name)], { encoding: 'utf8' });
    t.match(groff, { status: 0, stderr: '' }, name);
  }
});

t.test('the example in C builds against the library and runs a program', async (t) => {
  const copy = join(t.testdir(), 'c');
  cpSync(join(ROOT, 'examples/c'), copy, { recursive: true });
  const made = spawnSync('make', [`ROOT=${ROOT}`, 'run'], { cwd: copy, encoding: 'utf8' });
  t.match(made, { status: 0, stderr: /exit 0, signal 0;.*exit -1, signal 9, CPU limit/s });
});
