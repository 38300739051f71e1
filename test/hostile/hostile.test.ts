/**
 * Every attack of this directory against a cell of each backend, and, with root and cgroup v1, against cells without the
 * protection that the attack is about. run-attacks.c does the work and prints TAP; attack.h says how an attack is written.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';

const root = resolve(import.meta.dirname, '../../..');
const directory = mkdtempSync('/tmp/turno-hostile-');
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
t.setTimeout(600_000);
chmodSync(directory, 0o755);

/** In full (npm run test:hostile-warm) every attack is run warm, and against a cell without the protection it is about. */
const isFull = process.env.HOSTILE_WARM === 'all';
const native = join(root, 'native');
const cell = join(directory, 'turno-cell');
const weakCell = join(directory, 'turno-cell-weak');
const runner = join(directory, 'run-attacks');
const half = join(directory, 'template-program.so');
copyFileSync(join(root, 'build/Release/turno-cell'), cell);
copyFileSync(join(root, 'build/Release/template-program.so'), half);

const sources = readdirSync(join(native, 'cell')).filter((name) => name.endsWith('.c'));
if (isFull) gcc(weakCell, ['-DTURNO_WEAK', '-static', ...sources.map((name) => join(native, 'cell', name))]);
const tests = join(root, 'test');
gcc(runner, ['-I', join(tests, 'native'), join(tests, 'hostile/run-attacks.c'), join(tests, 'native/host.c')]);

function gcc(out: string, args: readonly string[]): void {
  execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O1', '-I', native, ...args, '-o', out], { stdio: 'inherit' });
}

/** Copied, so that an ordinary user can read them wherever the repository is. */
const attacks = join(directory, 'attacks');
mkdirSync(attacks);
for (const name of readdirSync(join(tests, 'hostile'))) {
  if (/\.[ch]$/.test(name)) copyFileSync(join(tests, 'hostile', name), join(attacks, name));
}
const files = readdirSync(attacks).filter((name) => name.endsWith('.c') && name !== 'run-attacks.c');

t.test('there are at least 80 attacks', async (t) => {
  t.ok(files.length >= 80, `${files.length} attacks`);
});

const isRoot = process.getuid?.() === 0;
const hasGroupsV1 = existsSync('/sys/fs/cgroup/memory/tasks') && existsSync('/sys/fs/cgroup/pids/tasks');
const setpriv = existsSync('/usr/bin/setpriv');
const ordinaryUser = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];

const backends = [
  { name: 'root-v1', weak: weakCell, command: [], skip: isRoot && hasGroupsV1 ? false : 'needs root and cgroup v1' },
  { name: 'root-plain', weak: '', command: [], skip: isRoot ? false : 'needs root' },
  { name: 'user', weak: '', command: ordinaryUser, skip: isRoot && !setpriv ? 'needs setpriv' : false },
];

/** Those that could reach a template, or what comes after it. */
const NEAR_TEMPLATES = /^(early-|kill-|pid-1-|leave-|imitate|cpu-of|fork-bomb\.|stop-self)/;
const warmFiles = isFull ? files : files.filter((file) => NEAR_TEMPLATES.test(file));

t.spawn(runner, warmFiles, {
  name: 'attacks from a template, and on it',
  skip: backends[0]?.skip ?? false,
  env: { ...process.env, TURNO_CELL: cell, TURNO_BACKEND: 'root-v1', TURNO_TEMPLATE: half },
  cwd: attacks,
  timeout: 300_000,
  stdio: ['ignore', 'pipe', 'ignore'],
});

for (const { name, weak, command, skip } of backends) {
  const [executable = runner, ...args] = [...command, runner, ...files];
  const env = {
    ...process.env,
    TURNO_CELL: cell,
    TURNO_WEAK_CELL: isFull ? weak : '',
    TURNO_BACKEND: name,
    TURNO_UNSEEN_TEMPLATE: half,
  };
  t.spawn(executable, args, {
    name: `attacks on a cell with backend ${name}`,
    skip,
    env,
    cwd: attacks,
    timeout: 300_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
