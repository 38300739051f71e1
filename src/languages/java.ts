/**
 * Java: javac, then all classes in one jar, which is the program. A file may be called as it likes: it goes to javac under the
 * name of its public class, and the class with `main` is found in the main file (java-classes.ts).
 *
 * The machine gets the serial collector (one core is what a program has), no shared performance file, the class data archive of
 * the JDK, a heap of what the memory limit leaves beside the machine itself, and a stack for deep recursion.
 */

import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { heapMib, stackKib } from './heap.js';
import { arrangeClasses, MANIFEST } from './java-classes.js';
import {
  CELL_ENVIRONMENT,
  type LanguageHandler,
  type NoToolChain,
  operand,
  PROGRAM,
  type ToolChain,
} from './language.js';
import { executables, mountsFor } from './tool-chain.js';

/** What the machine uses beside its heap: classes, compiled code, threads. */
const MACHINE_MIB = 64;
const ALWAYS = ['-XX:+UseSerialGC', '-XX:-UsePerfData', '-Xshare:auto'];
/** For tools that run for a moment only: the second compiler would cost more than it gains. */
const TOOL = [...ALWAYS, '-XX:TieredStopAtLevel=1', '-Xmx512m'].map((flag) => `-J${flag}`);
const CLASSES = '.turno-classes';

export const java: LanguageHandler = {
  id: 'java',
  name: 'Java (OpenJDK)',
  extension: '.java',
  find,
  arrange: arrangeClasses,
  compile: ({ parts }, main, others) => {
    const sources = [main, ...others.filter((other) => other.endsWith('.java'))].map(operand);
    const compile = [parts?.javac ?? 'javac', ...TOOL, '-encoding', 'UTF-8', '-d', CLASSES, ...sources];
    const pack = `"$0" ${TOOL.join(' ')} -c -f program -m ${MANIFEST} -0 -C ${CLASSES} .`;
    const argv = ['sh', '-c', `"$@" && exec ${pack}`, parts?.jar ?? 'jar', ...compile];
    return { path: '/bin/sh', argv, env: CELL_ENVIRONMENT, product: 'program' };
  },
  run: ({ path }, _main, memoryBytes, stackBytes = 0) => {
    const heap = heapMib(memoryBytes, MACHINE_MIB);
    const limits = [`-Xmx${heap}m`, `-Xms${Math.min(heap, 32)}m`, `-Xss${stackKib(memoryBytes, stackBytes)}k`];
    return { path, argv: ['java', ...ALWAYS, ...limits, '-jar', PROGRAM], env: CELL_ENVIRONMENT };
  },
  isVirtualMachine: true,
  pipesOutput: true,
  outOfMemory:
    /^(Exception in thread .*|Caused by: )?java\.lang\.OutOfMemoryError: (Java heap|GC over|Metaspace|Direct)/m,
  selfTest:
    'class Echo { public static void main(String[] a) throws Exception { System.in.transferTo(System.out); } }\n',
};

/** A JDK says its version in a file, which is quicker than starting it. Debian keeps its settings in /etc. */
async function find(searchPath: string): Promise<ToolChain | NoToolChain> {
  let reason = 'no javac on the PATH';
  for await (const candidate of executables('javac', searchPath)) {
    const javac = await realpath(candidate);
    const home = dirname(dirname(javac));
    const text = await readFile(join(home, 'release'), 'utf8').catch(() => ''); // not in a JDK
    const version = /^JAVA_VERSION="(\d[^"]*)"/m.exec(text)?.[1];
    const seen = mountsFor([home]);
    if (version && seen.mounts) {
      const settings = dirname(await realpath(join(home, 'lib/jvm.cfg')).catch(() => home));
      const mounts = settings.startsWith('/etc/') ? [...seen.mounts, settings] : seen.mounts;
      return { path: join(home, 'bin/java'), version, mounts, parts: { javac, jar: join(home, 'bin/jar') } };
    }
    reason = seen.absent ?? `${candidate} is not in a JDK: there is no ${join(home, 'release')}`;
  }
  return { absent: reason };
}
