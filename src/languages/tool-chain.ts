/**
 * Finds tool-chains on the PATH and asks them who they are.
 *
 * Commands are looked up as a shell would, and started once, outside any sandbox: they are the administrator's own. What a
 * name resolves to may be a wrapper that reads its owner's home (pyenv's shims, ccache), so a tool is asked where it really
 * is, and a cell gets that.
 */

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { TurnoError } from '../errors.js';
import type { ToolChain } from './language.js';

const execute = promisify(execFile);

/** A tool that says nothing for so long is not offered. */
const ANSWER_WITHIN_MS = 10_000;

/** What every cell has anyway. */
const SYSTEM_DIRECTORIES = ['/usr', '/bin', '/lib', '/lib32', '/lib64', '/libx32'];

/** gcc, g++ and whatever answers as they do. Only one in a system directory: elsewhere its parts cannot be known. */
export async function findCompiler(command: string, searchPath: string): Promise<ToolChain | undefined> {
  for await (const candidate of executables(command, searchPath)) {
    const path = await realpath(candidate);
    // ccache and distcc go by the compiler's name: their own binary, called by its real name, is no compiler.
    if (!isOfTheSystem(path) || /ccache|distcc/.test(path)) continue;
    const version = await answer(path, ['-dumpfullversion', '-dumpversion']);
    if (version !== undefined) return { path, version, mounts: [] };
  }
  return undefined;
}

/** CPython: asked for its executable and its prefix, which a cell gets when it is outside the system's directories. */
export async function findPython(command: string, searchPath: string): Promise<ToolChain | undefined> {
  const question =
    'import os, sys; print(os.path.realpath(sys.executable)); print(os.path.realpath(sys.base_prefix)); ' +
    'print("%d.%d.%d" % sys.version_info[:3])';
  for await (const candidate of executables(command, searchPath)) {
    const said = await answer(candidate, ['-I', '-c', question]);
    const [path = '', prefix = '', version = ''] = said?.split('\n') ?? [];
    if (!isAbsolute(path) || !isAbsolute(prefix) || version === '') continue;
    const outside = [path, prefix].filter((one) => !isOfTheSystem(one));
    if (prefix === '/' || (outside.includes(path) && !path.startsWith(`${prefix}/`))) continue;
    return { path, version, mounts: outside.includes(prefix) ? [prefix] : [] };
  }
  return undefined;
}

/**
 * The Python an administrator names: an interpreter, or the one of a virtual environment, which a cell gets with its
 * packages. It is known by the path it was started by, so that path is kept as it is.
 * @throws TURNO_SETTING
 */
export async function pythonAt(path: string): Promise<ToolChain> {
  const refuse = (problem: string) => new TurnoError('TURNO_SETTING', { name: '--python', problem });
  if (!isAbsolute(path)) throw refuse(`expected an absolute path of a Python interpreter, got ${JSON.stringify(path)}`);
  const question =
    'import os, sys; print(sys.prefix); print(os.path.realpath(sys.base_prefix)); ' +
    'print(os.path.realpath(sys.executable)); print("%d.%d.%d" % sys.version_info[:3])';
  const said = await answer(path, ['-I', '-c', question]);
  const [prefix = '', base = '', real = '', version = ''] = said?.split('\n') ?? [];
  if (version === '') throw refuse(`${path} is no Python interpreter that answers. Expected e.g. VENV/bin/python`);
  // The interpreter may be a link out of the environment; what it links to must be there too.
  const mounts = [prefix, base, real].filter((one) => !isOfTheSystem(one));
  const outer = mounts.filter((one) => !mounts.some((other) => one !== other && one.startsWith(`${other}/`)));
  if (outer.includes('/')) throw refuse(`${path} has / for its prefix`);
  const hidden = outer.find((one) => one.startsWith('/tmp/'));
  if (hidden !== undefined)
    throw refuse(`${hidden} cannot be seen by programs, which have a /tmp of their own: move it`);
  return { path, version, mounts: [...new Set(outer)] };
}

function isOfTheSystem(path: string): boolean {
  // /usr/local is part of /usr for a cell too.
  return SYSTEM_DIRECTORIES.some((directory) => path === directory || path.startsWith(`${directory}/`));
}

/** Every executable of this name along the search path, in its order. Relative entries are not trusted. */
async function* executables(command: string, searchPath: string): AsyncGenerator<string> {
  for (const directory of searchPath.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = join(directory, command);
    if (await isExecutable(path)) yield path;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // not there, or not for us: the next directory may have it
  }
}

async function answer(path: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await execute(path, [...args], { timeout: ANSWER_WITHIN_MS });
    return stdout.trim() || undefined;
  } catch {
    return undefined; // a tool that cannot even answer is as good as none
  }
}
