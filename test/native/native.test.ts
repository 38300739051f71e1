/**
 * The cell's own tests, written in C (they play the host without Node), once for each backend this machine can have.
 *
 * They print TAP, so each is a subtest of this file.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';

const root = resolve(import.meta.dirname, '../../..');
const sources = join(root, 'test/native');
/** In /tmp, because an ordinary user must be able to execute what lies here, wherever the repository is. */
const directory = mkdtempSync('/tmp/turno-native-');
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
chmodSync(directory, 0o755);
/** What one backend's tests have compiled the next one's need too: three times 60 programs are 15 s. */
const TURNO_COMPILED = join(directory, 'compiled');
mkdirSync(TURNO_COMPILED);
chmodSync(TURNO_COMPILED, 0o1777);

const cell = join(directory, 'turno-cell');
copyFileSync(join(root, 'build/Release/turno-cell'), cell);
for (const half of ['template-python.so', 'template-program.so']) {
  copyFileSync(join(root, 'build/Release', half), join(directory, half));
}
const programs = [
  { name: 'the cell', path: compile('cell-test', 'test/native/host.c') },
  { name: 'templates', path: compile('warm-test', 'test/native/host.c') },
  { name: 'names a program has planted', path: compile('paths-test', 'test/native/host.c') },
  { name: 'turno_run.h', path: compile('run-test', 'native/cell/library/turno_run.c') },
];

function compile(name: string, partner: string): string {
  const out = join(directory, name);
  const inputs = [join(sources, `${name}.c`), join(root, partner)];
  const flags = ['-std=gnu17', '-D_GNU_SOURCE', '-O1', '-I', sources, '-I', join(root, 'native')];
  execFileSync('gcc', [...flags, ...inputs, '-o', out], { stdio: 'inherit' });
  return out;
}

const isRoot = process.getuid?.() === 0;
const hasGroupsV1 = existsSync('/sys/fs/cgroup/memory/tasks') && existsSync('/sys/fs/cgroup/pids/tasks');
const setpriv = existsSync('/usr/bin/setpriv');
const ordinaryUser = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];

const backends = [
  { name: 'root-v1', command: [], skip: isRoot && hasGroupsV1 ? false : 'needs root and cgroup v1' },
  { name: 'root-plain', command: [], skip: isRoot ? false : 'needs root' },
  {
    name: 'user',
    command: ordinaryUser,
    skip: isRoot && !setpriv ? 'needs setpriv to become an ordinary user' : false,
  },
];

for (const backend of backends) {
  for (const { name, path } of programs) {
    const [executable = path, ...args] = [...backend.command, path];
    t.spawn(executable, args, {
      name: `${name} with backend ${backend.name}`,
      skip: backend.skip,
      env: {
        ...process.env,
        TURNO_CELL: cell,
        TURNO_TEMPLATES: directory,
        TURNO_COMPILED,
        TURNO_BACKEND: backend.name,
      },
      cwd: directory,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }
}

const unsafe = compile('unsafe-test', 'test/native/host.c');
const unsafeUsers = [
  { name: 'root', command: [], skip: isRoot ? false : 'needs root' },
  { name: 'an ordinary user', command: ordinaryUser, skip: isRoot && !setpriv ? 'needs setpriv' : false },
];
for (const { name, command, skip } of unsafeUsers) {
  const [executable = unsafe, ...args] = [...command, unsafe];
  t.spawn(executable, args, {
    name: `a cell without a sandbox, as ${name}`,
    skip,
    env: { ...process.env, TURNO_CELL: cell, TURNO_COMPILED },
    cwd: directory,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

t.spawn(join(directory, 'paths-test'), [], {
  name: 'names a program has planted, without a sandbox',
  skip: isRoot ? false : 'needs root: canaries and programs must have different owners',
  env: { ...process.env, TURNO_CELL: cell, TURNO_COMPILED, TURNO_BACKEND: 'unsafe' },
  cwd: directory,
  stdio: ['ignore', 'pipe', 'ignore'],
});

interface Fact {
  readonly fact: string;
  readonly status: string;
  readonly costs: string;
  readonly remedy: string;
  readonly command: string;
}

const factsOf = (lines: string): Fact[] =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

t.test('turno-cell --check says what this machine can do, by trying it', async (t) => {
  const { status, stdout } = spawnSync(cell, ['--check'], { encoding: 'utf8' });
  const facts = factsOf(stdout);
  const worst = Math.max(...facts.map((fact) => ['PASS', 'CAUTION', 'FAIL'].indexOf(fact.status)));
  t.equal(status, worst, 'the exit status is that of the worst line');
  t.equal(facts[0]?.fact, 'kernel');
  for (const fact of facts.filter((one) => one.status !== 'PASS')) {
    t.ok(fact.costs && fact.remedy, `${fact.fact} says what it costs and what mends it`);
  }
});

/** Each in a mount namespace of its own: what is missing is missing nowhere else. */
const missing = [
  { what: 'the memory controller', fact: 'control groups', remove: 'umount /sys/fs/cgroup/memory' },
  { what: 'all controllers', fact: 'control groups', remove: 'umount -a -t cgroup,cgroup2' },
  {
    what: 'the right to write to one',
    fact: 'control groups',
    remove: 'mount -o remount,bind,ro /sys/fs/cgroup/memory',
  },
  { what: 'the cpu controller', fact: 'idle cpu group', remove: 'umount /sys/fs/cgroup/cpu' },
];
for (const { what, fact, remove } of missing) {
  const skip = isRoot && hasGroupsV1 && existsSync('/sys/fs/cgroup/cpu/tasks') ? false : 'needs root and cgroup v1';
  t.test(`${what} is missing: the command that check prints mends it`, { skip }, async (t) => {
    // No shell in between knows what the command is: it is read from the first check, as somebody would copy it.
    const script = `${remove}; "$1" --check; echo; read -r command; eval "$command" >&2; "$1" --check`;
    const shell = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', cell]);
    let said = '';
    for await (const part of shell.stdout) {
      const isBefore = !said.includes('\n\n');
      said += part;
      if (!isBefore || !said.includes('\n\n')) continue;
      const found = factsOf(said.slice(0, said.indexOf('\n\n'))).find((one) => one.fact === fact);
      t.match(found, { status: 'CAUTION', command: /^m/ });
      shell.stdin.end(`${found?.command}\n`);
    }
    const after = factsOf(said.slice(said.indexOf('\n\n') + 2));
    t.match(
      after.find((one) => one.fact === fact),
      { status: 'PASS', command: '' },
    );
  });
}
