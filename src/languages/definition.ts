/**
 * A language as a file of the data directory, `languages/ID.json` (docs/languages.md): the same as a handler, said as data. It
 * is read and checked by the primary and travels to the threads as it is.
 */

import { MIB, NS_PER_MS } from '../units.js';
import type { LanguageDefinition } from './definition-schema.js';
import { heapMib } from './heap.js';
import { CELL_ENVIRONMENT, type Command, type LanguageHandler, operand, PROGRAM } from './language.js';
import { findTool, mountsFor } from './tool-chain.js';

/** What stands in a command for something else. `{sources}` is an argument of its own and becomes several. */
export const PLACEHOLDERS = ['tool', 'main', 'sources', 'program', 'memoryMiB', 'heapMiB'] as const;

/** The handler a definition stands for. */
export function handlerOf(id: string, definition: LanguageDefinition): LanguageHandler {
  const { name, extension, compile, run, version = ['--version'], ownMemoryMiB = 0, outOfMemory } = definition;
  const isVirtualMachine = definition.family === 'virtual-machine';
  return {
    id,
    name,
    extension,
    definition,
    find: async (searchPath) => {
      const tool = await findTool(definition.tool, searchPath, version);
      if ('absent' in tool) return tool;
      const seen = mountsFor([...tool.mounts, ...(definition.mounts ?? [])]);
      return seen.mounts ? { ...tool, mounts: seen.mounts } : { absent: seen.absent };
    },
    run: ({ path }, main, memoryBytes) => {
      const memory = { memoryMiB: Math.floor(memoryBytes / MIB), heapMiB: heapMib(memoryBytes, ownMemoryMiB) };
      return commandOf(run, { tool: path, main: operand(main), program: PROGRAM, ...memory }, []);
    },
    ...(compile
      ? {
          compile: ({ path }, main, others) => {
            const { product = 'program' } = compile;
            const sources = [main, ...others.filter((other) => other.endsWith(extension))].map(operand);
            return { ...commandOf(compile, { tool: path, main: operand(main), program: product }, sources), product };
          },
          compileNeeds: needsOf(compile.limits),
        }
      : {}),
    ...(isVirtualMachine ? { isVirtualMachine } : {}),
    ...(outOfMemory === undefined ? {} : { outOfMemory: new RegExp(outOfMemory, 'm') }),
    ...(definition.pipesOutput ? { pipesOutput: true } : {}),
    selfTest: definition.selfTest ?? '',
  };
}

function commandOf(
  { command, env = {} }: { readonly command: readonly string[]; readonly env?: Readonly<Record<string, string>> },
  values: Readonly<Record<string, string | number>>,
  sources: readonly string[],
): Command {
  const filled = (text: string) => text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  const argv = command.flatMap((argument) => (argument === '{sources}' ? sources : [filled(argument)]));
  const own = Object.entries(env).map(([name, value]) => `${name}=${filled(value)}`);
  const names = new Set(Object.keys(env));
  const environment = [...CELL_ENVIRONMENT.filter((entry) => !names.has(entry.slice(0, entry.indexOf('=')))), ...own];
  return { path: argv[0] ?? '', argv, env: environment };
}

function needsOf(limits: NonNullable<LanguageDefinition['compile']>['limits'] = {}) {
  const { cpuTimeMs, wallTimeMs, memoryMiB, processes } = limits;
  return {
    ...(cpuTimeMs === undefined ? {} : { cpuNs: cpuTimeMs * NS_PER_MS }),
    ...(wallTimeMs === undefined ? {} : { wallNs: wallTimeMs * NS_PER_MS }),
    ...(memoryMiB === undefined ? {} : { memoryBytes: memoryMiB * MIB }),
    ...(processes === undefined ? {} : { processes }),
  };
}
