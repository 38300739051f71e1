/**
 * JavaScript, as `node main.js` would run it: CommonJS, or modules where node tells them by their syntax. The heap is what the
 * memory limit leaves beside node itself: V8 collects more eagerly near its own end, which it must know. Buffers lie outside
 * of that heap and are counted by the kernel.
 */

import { realpathSync } from 'node:fs';
import { heapMib, stackKib } from './heap.js';
import {
  CELL_ENVIRONMENT,
  type Command,
  type LanguageHandler,
  type NoToolChain,
  operand,
  type ToolChain,
} from './language.js';
import { executables, findTool, mountsFor } from './tool-chain.js';

/** What node uses before its first line, and V8 for its young generation and its code. */
const NODE_MIB = 48;

/** Of a stack, what V8 leaves to what it calls. */
const NATIVE_SHARE = 4;

/** @param main a path that cannot be taken for an option */
export function nodeCommand(path: string, main: string, memoryBytes: number, stackBytes: number): Command {
  const stack = stackKib(memoryBytes, stackBytes);
  const limits = [
    `--max-old-space-size=${heapMib(memoryBytes, NODE_MIB)}`,
    `--stack-size=${stackBytes === 0 ? Math.floor(stack / 1_024) * 1_000 : stack - Math.floor(stack / NATIVE_SHARE)}`,
  ];
  return { path, argv: ['node', ...limits, main], env: CELL_ENVIRONMENT };
}

/** V8's last words; abort() follows. */
export const NODE_OUT_OF_MEMORY = /^FATAL ERROR: .*(heap out of memory|Allocation failed|invalid table size)/m;

export const javascript: LanguageHandler = {
  id: 'javascript',
  name: 'JavaScript (Node.js)',
  extension: '.js',
  find,
  run: ({ path }, main, memoryBytes, stackBytes = 0) => nodeCommand(path, operand(main), memoryBytes, stackBytes),
  isVirtualMachine: true,
  outOfMemory: NODE_OUT_OF_MEMORY,
  selfTest: 'process.stdin.pipe(process.stdout);\n',
};

/** The node that runs turno need not be started to know its version. */
async function find(searchPath: string): Promise<ToolChain | NoToolChain> {
  for await (const candidate of executables('node', searchPath)) {
    const path = realpathSync(candidate);
    const { mounts } = mountsFor([path]);
    if (path === process.execPath && mounts) return { path, version: process.versions.node, mounts };
    break;
  }
  return findTool('node', searchPath, ['--version']);
}
