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
