/**
 * TypeScript. Its types are erased and not checked, whichever of these does it; the first that is found:
 *
 *     node      itself, where it can (22.18, 23.6 and later): nothing is compiled. Only what can be erased: no `enum`
 *     esbuild   all files in one
 *     tsc       5.6 or later; its files are put into one by node, each a function that `require` finds by its path
 *
 * So a mistake in types is never a compile error, and a program behaves the same on every server. One of syntax is: CE, but RE
 * where node erases the types, since nothing is compiled there.
 */

import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { javascript, NODE_OUT_OF_MEMORY, nodeCommand } from './javascript.js';
import {
  CELL_ENVIRONMENT,
  type LanguageHandler,
  type NoToolChain,
  operand,
  PROGRAM,
  type ToolChain,
} from './language.js';
import { executables, findTool, mountsFor } from './tool-chain.js';

const OUT = '.turno-out';
const TSC = `--ignoreConfig --noCheck --module commonjs --target es2022 --rootDir . --outDir ${OUT}`.split(' ');
const ESBUILD = '--bundle --platform=node --format=cjs --target=es2022 --log-level=warning --outfile=program'.split(
  ' ',
);

/** Arguments: where tsc wrote to, the main file. Paths are those of the sources without their extension. */
const JOIN = `
const fs = require('fs'), path = require('path');
const [, out, main] = process.argv;
const name = (file) => file.replace(/\\.[cm]?[jt]s$/, '');
const files = fs.readdirSync(out, { recursive: true }).filter((file) => /\\.[cm]?js$/.test(file));
const bodies = files.map((file) =>
  JSON.stringify(name(file)) + ': function (module, exports, require) {' + fs.readFileSync(path.join(out, file), 'utf8') + '\\n}');
fs.writeFileSync('program', \`const path = require('path'), made = {}, bodies = {\${bodies.join(',\\n')}};
function load(from) {
  return (wanted) => {
    const file = path.posix.join(path.posix.dirname(from), wanted).replace(/\\\\.[cm]?[jt]s$/, '');
    const found = /^\\\\.\\\\.?(\\\\/|$)/.test(wanted) && [file, file + '/index'].find((one) => Object.hasOwn(bodies, one));
    if (!found) return require(wanted);
    if (!made[found]) bodies[found].call(undefined, made[found] = { exports: {} }, made[found].exports, load(found));
    return made[found].exports;
  };
}
load('main')(\${JSON.stringify('./' + name(path.normalize(main)))});
\`);`;

export const typescript: LanguageHandler = {
  id: 'typescript',
  name: 'TypeScript (types erased)',
  extension: '.ts',
  find,
  compile: ({ path, parts = {} }, main) => {
    const { esbuild, tsc, nativeTsc } = parts;
    if (esbuild) {
      return { path: esbuild, argv: ['esbuild', operand(main), ...ESBUILD], env: CELL_ENVIRONMENT, product: 'program' };
    }
    if (!tsc && !nativeTsc) return undefined;
    const compile = [...(nativeTsc ? [nativeTsc] : [path, tsc ?? '']), ...TSC, operand(main)];
    const env = [...CELL_ENVIRONMENT, `JOIN=${JOIN}`];
    const script = `node=$0 main=$1; shift; "$@" && exec "$node" -e "$JOIN" ${OUT} "$main"`;
    return { path: '/bin/sh', argv: ['sh', '-c', script, path, operand(main), ...compile], env, product: 'program' };
  },
  run: ({ path, parts }, main, memoryBytes, stackBytes = 0) => {
    if (parts) return nodeCommand(path, PROGRAM, memoryBytes, stackBytes);
    const { argv, ...command } = nodeCommand(path, operand(main), memoryBytes, stackBytes);
    return { ...command, argv: ['node', '--disable-warning=ExperimentalWarning', ...argv.slice(1)] };
  },
  isVirtualMachine: true,
  outOfMemory: NODE_OUT_OF_MEMORY,
  selfTest: 'const from: NodeJS.ReadStream = process.stdin;\nfrom.pipe(process.stdout);\n',
};

async function find(searchPath: string): Promise<ToolChain | NoToolChain> {
  const node = await javascript.find(searchPath);
  if ('absent' in node) return node;
  if (canStrip(node.version)) return node;
  const esbuild = await findTool('esbuild', searchPath, ['--version']);
  if ('path' in esbuild && !(await isScript(esbuild.path))) {
    return { ...withMounts(node, esbuild.mounts, esbuild.version), parts: { esbuild: esbuild.path } };
  }
  for await (const candidate of executables('tsc', searchPath)) {
    const tsc = await tscAt(await realpath(candidate));
    if (tsc) return { ...withMounts(node, tsc.mounts, tsc.version), parts: tsc.parts };
  }
  return {
    absent: `node ${node.version} cannot erase types (22.18 can), and no esbuild and no tsc of 5.6 or later is on the PATH`,
  };
}

function canStrip(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

function withMounts(node: ToolChain, mounts: readonly string[], version: string): ToolChain {
  return { path: node.path, version: `${version}, node ${node.version}`, mounts: [...node.mounts, ...mounts] };
}

/** The package a tsc belongs to; of TypeScript 7 the compiler is a program in a package beside it. */
async function tscAt(path: string) {
  const home = dirname(dirname(path));
  const text = await readFile(join(home, 'package.json'), 'utf8').catch(() => '{}'); // not in a package
  const { name, version = '' } = JSON.parse(text) as { name?: string; version?: string };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (name !== 'typescript' || major < 5 || (major === 5 && minor < 6)) return undefined;
  const native = join(dirname(home), `@typescript/typescript-${process.platform}-${process.arch}`, 'lib');
  const seen = mountsFor([major < 7 ? home : native]);
  if (!seen.mounts) return undefined;
  return { version, mounts: seen.mounts, parts: major < 7 ? { tsc: path } : { nativeTsc: join(native, 'tsc') } };
}

/** npm puts a script of node in the place of esbuild that looks for the real one in a tree a cell does not have. */
async function isScript(path: string): Promise<boolean> {
  return (await readFile(path)).subarray(0, 2).toString() === '#!';
}
