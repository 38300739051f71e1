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
import type { NoToolChain, ToolChain } from './language.js';

const execute = promisify(execFile);

/** A tool that says nothing for so long is not offered. */
const ANSWER_WITHIN_MS = 10_000;

const VERSION = /\d+(\.\d+)+/;

/** What every cell has anyway. */
const SYSTEM_DIRECTORIES = ['/usr', '/bin', '/lib', '/lib32', '/lib64', '/libx32'];

/** Where a cell has something of its own: what the host has there cannot be shown. */
const HIDDEN = ['/tmp', '/box', '/exe', '/dev', '/proc', '/sys'];

/** A tool that needs nothing but its own file and the system's libraries. @param asked arguments that make it say its version */
export async function findTool(
  command: string,
  searchPath: string,
  asked: readonly string[],
): Promise<ToolChain | NoToolChain> {
  let reason = `no ${command} on the PATH`;
  for await (const candidate of executables(command, searchPath)) {
    const path = await realpath(candidate);
    const seen = mountsFor([path]);
    const version = seen.mounts && VERSION.exec((await answer(candidate, asked)) ?? '')?.[0];
    if (version) return { path, version, mounts: seen.mounts };
    reason = seen.absent ?? `${candidate} does not say its version`;
  }
  return { absent: reason };
}

/** What a cell needs of these files and directories beside the system's, or why it cannot have it. */
export function mountsFor(
  paths: readonly string[],
): { readonly mounts: string[]; readonly absent?: never } | { readonly mounts?: never; readonly absent: string } {
  const outside = [...new Set(paths)].filter((path) => !isOfTheSystem(path));
  const hidden = outside.find((path) => HIDDEN.some((directory) => isIn(path, directory)));
  if (hidden === undefined) return { mounts: outside };
  return { absent: `${hidden} cannot be seen by programs, which have that directory for themselves` };
}

/** gcc, g++ and whatever answers as they do. Only one in a system directory: elsewhere its parts cannot be known. */
export async function findCompiler(command: string, searchPath: string): Promise<ToolChain | NoToolChain> {
  let reason = `no ${command} on the PATH`;
  for await (const candidate of executables(command, searchPath)) {
    const path = await realpath(candidate);
    // ccache and distcc go by the compiler's name: their own binary, called by its real name, is no compiler.
    reason = `${candidate} is no compiler of the system's directories`;
    if (!isOfTheSystem(path) || /ccache|distcc/.test(path)) continue;
    const version = await answer(path, ['-dumpfullversion', '-dumpversion']);
    if (version !== undefined) return { path, version, mounts: [] };
    reason = `${candidate} does not say its version`;
  }
  return { absent: reason };
}

/** CPython: asked for its executable and its prefix, which a cell gets when it is outside the system's directories. */
export async function findPython(command: string, searchPath: string): Promise<ToolChain | NoToolChain> {
  let reason = `no ${command} on the PATH`;
  const question =
    'import os, sys; print(os.path.realpath(sys.executable)); print(os.path.realpath(sys.base_prefix)); ' +
    'print("%d.%d.%d" % sys.version_info[:3])';
  for await (const candidate of executables(command, searchPath)) {
    const said = await answer(candidate, ['-I', '-c', question]);
    const [path = '', prefix = '', version = ''] = said?.split('\n') ?? [];
    reason = `${candidate} does not say where it is`;
    if (!isAbsolute(path) || !isAbsolute(prefix) || version === '') continue;
    reason = `${candidate} has its library in ${prefix}, which cannot be shown to programs`;
    const outside = [path, prefix].filter((one) => !isOfTheSystem(one));
    if (prefix === '/' || (outside.includes(path) && !path.startsWith(`${prefix}/`))) continue;
    return { path, version, mounts: outside.includes(prefix) ? [prefix] : [] };
  }
  return { absent: reason };
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
  return SYSTEM_DIRECTORIES.some((directory) => isIn(path, directory));
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Every executable of this name along the search path, in its order. Relative entries are not trusted. */
export async function* executables(command: string, searchPath: string): AsyncGenerator<string> {
  if (isAbsolute(command) && (await isExecutable(command))) yield command;
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

/** What a tool prints when it is asked, or undefined. */
export async function answer(path: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await execute(path, [...args], { timeout: ANSWER_WITHIN_MS });
    return stdout.trim() || undefined;
  } catch {
    return undefined; // a tool that cannot even answer is as good as none
  }
}
