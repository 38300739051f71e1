/**
 * Modules that a warm Python has imported already (`--python-preload numpy`): the template (native/template/python.c) imports
 * them once, and every run forked from it has them at once.
 *
 * What a program could tell is kept as small as it can be. A submission with a file that would have been imported in place
 * of one of them, or of what they import themselves, is run fresh. Libraries of linear algebra start threads when they are
 * imported, and a fork has only one: so all Python programs of such a server get one thread for them, warm or fresh.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TurnoError } from '../errors.js';

const execute = promisify(execFile);

const ANSWER_WITHIN_MS = 30_000;
/** The limit of a template that is being made, in native/cell/watch.c, less what CPython and its files need themselves. */
const MAX_BYTES = 200 * 2 ** 20;

/** Plain data, part of a tool-chain. */
export interface Preload {
  /** As they were asked for. */
  readonly modules: readonly string[];
  /** First parts of the names of all that is imported with them, sorted. */
  readonly names: readonly string[];
  /** How much more of it is resident than of an interpreter without: once a cell that runs Python. */
  readonly memoryBytes: number;
}

/** In the environment of every Python program, where modules are preloaded. */
export const ONE_THREAD = ['OPENBLAS_NUM_THREADS=1', 'OMP_NUM_THREADS=1', 'MKL_NUM_THREADS=1'] as const;

/** Imports nothing of its own that CPython has not at its start, or it would not be seen to come with a module. */
const QUESTION = `
import os, sys
def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')
before, bytes_before = set(sys.modules), resident()
for name in sys.argv[1:]:
    __import__(name)
names = {name.split('.')[0] for name in set(sys.modules) - before | set(sys.argv[1:])}
threads = len(os.listdir('/proc/self/task'))
print()
print('{"names": ["%s"], "memoryBytes": %d, "threads": %d}' % ('", "'.join(sorted(names)), max(0, resident() - bytes_before), threads))
`;

/**
 * Imports the modules once, outside any sandbox, and says what they bring and take.
 * @param python absolute path of the interpreter
 * @throws TURNO_SETTING when one is no name of a module, cannot be imported, leaves a thread running, or is too large
 */
export async function preloadOf(python: string, modules: readonly string[]): Promise<Preload> {
  const refuse = (problem: string, cause?: unknown) =>
    new TurnoError('TURNO_SETTING', { name: '--python-preload', problem }, { cause });
  const odd = modules.find((name) => !/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(name));
  if (odd !== undefined) throw refuse(`expected a name such as numpy or xml.etree, got ${JSON.stringify(odd)}`);
  const env = Object.fromEntries(ONE_THREAD.map((entry) => entry.split('=')));
  const { stdout } = await execute(python, ['-c', QUESTION, ...modules], {
    timeout: ANSWER_WITHIN_MS,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...env },
  }).catch((error: Error & { stderr?: string }) => {
    const last = error.stderr?.trim().split('\n').at(-1) ?? error.message;
    throw refuse(`${python} cannot import ${modules.join(', ')}: ${last}`, error);
  });
  const { names, memoryBytes, threads } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  if (threads !== 1)
    throw refuse(`${modules.join(', ')} left ${threads - 1} threads running, which no fork takes along`);
  if (memoryBytes > MAX_BYTES) {
    throw refuse(`${modules.join(', ')} takes ${memoryBytes >> 20} MiB, at most ${MAX_BYTES >> 20} can be preloaded`);
  }
  return { modules, names, memoryBytes };
}

/** Whether a submission of these files would import one of its own in place of what is preloaded. */
export function isShadowed({ names }: Preload, paths: readonly string[]): boolean {
  return paths.some((path) => names.includes((path.split('/')[0] ?? '').replace(/\..*$/, '')));
}
