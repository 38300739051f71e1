/**
 * Go, without cgo: the program is static. Go compiles its own library too, once for each cache, which takes ten seconds and more;
 * so the packages that programs mostly import are compiled once (`prepare`) and every compilation begins with a copy of that
 * cache. What is imported beyond them is compiled with the program. There is no network: modules cannot be fetched.
 */

import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MIB, NS_PER_S } from '../units.js';
import { heapMib } from './heap.js';
import {
  CELL_ENVIRONMENT,
  type LanguageHandler,
  type NoToolChain,
  operand,
  PREPARED,
  PROGRAM,
  type ToolChain,
} from './language.js';
import { executables, mountsFor } from './tool-chain.js';

const CACHE = '/tmp/go-cache';
const GO_ENVIRONMENT = [
  ...CELL_ENVIRONMENT,
  `GOCACHE=${CACHE}`,
  'GOPATH=/tmp/go',
  'GOFLAGS=-mod=mod',
  'GOPROXY=off',
  'GOTOOLCHAIN=local',
  'GOTELEMETRY=off',
  'CGO_ENABLED=0',
];
const COMMON_PACKAGES = [
  ...['bufio', 'bytes', 'cmp', 'container/heap', 'container/list', 'container/ring', 'context', 'errors', 'fmt', 'io'],
  ...['maps', 'math', 'math/big', 'math/bits', 'math/cmplx', 'math/rand', 'os', 'regexp', 'slices', 'sort', 'strconv'],
  ...['strings', 'sync', 'sync/atomic', 'time', 'unicode', 'unicode/utf8'],
];
/** What the runtime uses beside its heap, for goroutines' stacks and its own tables. */
const RUNTIME_MIB = 16;

const BUILD = `mkdir ${CACHE}; [ -f ${PREPARED} ] && tar -xf ${PREPARED} -C ${CACHE} && rm ${PREPARED}; exec "$@"`;
const PREPARE = `mkdir ${CACHE} && "$@" && tar -cf ${PREPARED} -C ${CACHE} .`;

export const go: LanguageHandler = {
  id: 'go',
  name: 'Go',
  extension: '.go',
  find,
  compile: ({ path }, main, others) => {
    // A package is a directory: files of others are found by their import.
    const directory = main.slice(0, main.lastIndexOf('/') + 1);
    const isOfMain = (file: string) =>
      file.endsWith('.go') && file.slice(0, file.lastIndexOf('/') + 1) === directory && !file.endsWith('_test.go');
    const build = [path, 'build', '-buildvcs=false', '-ldflags=-s -w', '-o', 'program'];
    const argv = ['sh', '-c', BUILD, 'sh', ...build, ...[main, ...others.filter(isOfMain)].map(operand)];
    return { path: '/bin/sh', argv, env: GO_ENVIRONMENT, product: 'program' };
  },
  prepare: ({ path }) => {
    const argv = ['sh', '-c', PREPARE, 'sh', path, 'build', ...COMMON_PACKAGES];
    return { path: '/bin/sh', argv, env: GO_ENVIRONMENT, product: PREPARED };
  },
  // The go command starts a compiler for each package, each with threads of its own.
  compileNeeds: { processes: 256, cpuNs: 60 * NS_PER_S, wallNs: 120 * NS_PER_S },
  run: (_tool, _main, memoryBytes) => {
    const env = [...CELL_ENVIRONMENT, `GOMEMLIMIT=${heapMib(memoryBytes, RUNTIME_MIB) * MIB}`];
    return { path: PROGRAM, argv: [PROGRAM], env };
  },
  isVirtualMachine: true,
  pipesOutput: true,
  outOfMemory: /^(fatal error: )?runtime: (out of memory|cannot allocate memory)/m,
  selfTest: 'package main\n\nimport (\n\t"io"\n\t"os"\n)\n\nfunc main() { io.Copy(os.Stdout, os.Stdin) }\n',
};

/** Its root has the version in a file: asking the tool would start the version a project of its owner wants. */
async function find(searchPath: string): Promise<ToolChain | NoToolChain> {
  let reason = 'no go on the PATH';
  for await (const candidate of executables('go', searchPath)) {
    const path = await realpath(candidate);
    const root = dirname(dirname(path));
    const text = await readFile(join(root, 'VERSION'), 'utf8').catch(() => ''); // a wrapper: not what a cell can use
    const version = /^go(\d\S*)/.exec(text)?.[1];
    const seen = mountsFor([root]);
    if (version && seen.mounts) return { path, version, mounts: seen.mounts };
    reason = seen.absent ?? `${candidate} is not in a Go root: there is no ${join(root, 'VERSION')}`;
  }
  return { absent: reason };
}
