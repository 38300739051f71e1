/** Every language turno knows, and those of them this machine has the tool-chain for. */

import type { Settings } from '../config.js';
import { bash } from './bash.js';
import { c } from './c.js';
import { cpp, cpp17, cpp23 } from './cpp.js';
import { handlerOf } from './definition.js';
import { executable } from './executable.js';
import { go } from './go.js';
import { java } from './java.js';
import { javascript } from './javascript.js';
import type { AbsentLanguage, Language, LanguageHandler, LanguageInfo } from './language.js';
import { preloadOf } from './preload.js';
import { python } from './python.js';
import { rust } from './rust.js';
import { findPython, pythonAt } from './tool-chain.js';
import { typescript } from './typescript.js';

export const HANDLERS: readonly LanguageHandler[] = [
  c,
  cpp,
  cpp17,
  cpp23,
  python,
  javascript,
  typescript,
  java,
  go,
  rust,
  bash,
];

/** Those too that a server offers only when it is told to. */
const ALL_HANDLERS: readonly LanguageHandler[] = [...HANDLERS, executable];

/** Ids a definition cannot have. */
export const OWN_IDS: readonly string[] = ALL_HANDLERS.map(({ id }) => id);

export interface FoundLanguages {
  readonly offered: readonly LanguageInfo[];
  readonly absent: readonly AbsentLanguage[];
}

/**
 * The languages of a server with these settings, and those of the definitions.
 * @throws TURNO_SETTING when the Python that was named is none, or cannot preload what it shall
 */
export async function languagesFor(
  settings: Pick<Settings, 'python' | 'pythonPreload' | 'allowExecutable'>,
  searchPath: string,
  defined: readonly LanguageHandler[] = [],
): Promise<FoundLanguages> {
  // By a bare name it is looked for like any other tool, and not offered when there is none.
  const isPath = settings.python.includes('/');
  const found = isPath ? await pythonAt(settings.python) : await findPython(settings.python, searchPath);
  const preload =
    'path' in found && settings.pythonPreload.length > 0
      ? await preloadOf(found.path, settings.pythonPreload)
      : undefined;
  const named = preload ? { ...found, preload } : found;
  const handlers = [...ALL_HANDLERS, ...defined]
    .filter((handler) => handler !== executable || settings.allowExecutable)
    .map((handler) => (handler === python ? { ...handler, find: async () => named } : handler));
  return findLanguages(searchPath, handlers);
}

/**
 * Which languages this machine can judge, in the order of `handlers`, and why not the others. Starts tools to ask for their
 * version.
 * @param searchPath a PATH: directories separated by colons
 */
export async function findLanguages(
  searchPath: string,
  handlers: readonly LanguageHandler[] = HANDLERS,
): Promise<FoundLanguages> {
  const offered: LanguageInfo[] = [];
  const absent: AbsentLanguage[] = [];
  const tools = await Promise.all(handlers.map(({ find }) => find(searchPath)));
  for (const [index, { id, name, extension, definition }] of handlers.entries()) {
    const tool = tools[index];
    if (tool === undefined) continue;
    if ('absent' in tool) absent.push({ id, name, reason: tool.absent });
    else offered.push({ id, name, extension, tool, ...(definition ? { definition } : {}) });
  }
  return { offered, absent };
}

/**
 * A language ready for use, from what travelled to this thread.
 * @throws RangeError when this build has no such language: the two sides are not of one build.
 */
export function languageOf(info: LanguageInfo, handlers: readonly LanguageHandler[] = ALL_HANDLERS): Language {
  const { definition, tool } = info;
  const handler = definition ? handlerOf(info.id, definition) : handlers.find(({ id }) => id === info.id);
  if (handler === undefined) throw new RangeError(`no language "${info.id}" in this build`);
  const sample = handler.compile?.(tool, '', [], false);
  return sample && handler.template
    ? { ...ready(info, handler, false), forTemplate: ready(info, handler, true) }
    : ready(info, handler, false);
}

function ready(info: LanguageInfo, handler: LanguageHandler, isForTemplate: boolean): Language {
  const { tool } = info;
  const { compile, template, arrange, outOfMemory, prepare } = handler;
  const sample = compile?.(tool, '', [], isForTemplate);
  const command = (main: string, others: readonly string[] = []) => {
    const made = compile?.(tool, main, others, isForTemplate);
    if (made === undefined) throw new RangeError(`${info.id} is not compiled`);
    return made;
  };
  return {
    ...info,
    selfTest: handler.selfTest,
    // The command stands for the flags: whoever changes them gets new executables.
    compilerIdentity: [info.id, tool.path, tool.version, ...(sample?.argv ?? []), ...(sample?.env ?? [])],
    ...(handler.isProgram ? { isProgram: true as const } : {}),
    run: (main, memoryBytes, stackBytes) => handler.run(tool, main, memoryBytes, stackBytes),
    arrange: (files) => arrange?.(files) ?? files,
    compileNeeds: handler.compileNeeds ?? {},
    isVirtualMachine: handler.isVirtualMachine ?? false,
    pipesOutput: handler.pipesOutput ?? false,
    isSameWarm: (paths) => handler.isSameWarm?.(paths, tool) ?? true,
    ...(outOfMemory ? { outOfMemory } : {}),
    ...(template ? { template } : {}),
    ...(prepare ? { prepare: prepare(tool) } : {}),
    ...(sample ? { compile: command } : {}),
  };
}

/** Directories and files cells need beside the system's, for all these languages together. */
export function mountsOf(languages: readonly LanguageInfo[]): string[] {
  return [...new Set(languages.flatMap(({ tool }) => tool.mounts))];
}
