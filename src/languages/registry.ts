/** Every language turno knows, and those of them this machine has the tool-chain for. */

import type { Settings } from '../config.js';
import { c } from './c.js';
import { cpp, cpp17, cpp23 } from './cpp.js';
import { executable } from './executable.js';
import type { Language, LanguageHandler, LanguageInfo } from './language.js';
import { python } from './python.js';
import { findPython, pythonAt } from './tool-chain.js';

export const HANDLERS: readonly LanguageHandler[] = [c, cpp, cpp17, cpp23, python];

/** Those too that a server offers only when it is told to. */
const ALL_HANDLERS: readonly LanguageHandler[] = [...HANDLERS, executable];

/**
 * The languages of a server with these settings.
 * @throws TURNO_SETTING when the Python that was named is none
 */
export async function languagesFor(
  settings: Pick<Settings, 'python' | 'allowExecutable'>,
  searchPath: string,
): Promise<LanguageInfo[]> {
  // By a bare name it is looked for like any other tool, and not offered when there is none.
  const isPath = settings.python.includes('/');
  const named = isPath ? await pythonAt(settings.python) : await findPython(settings.python, searchPath);
  const handlers = ALL_HANDLERS.map((handler) =>
    handler === python ? { ...handler, find: async () => named } : handler,
  );
  return findLanguages(searchPath, settings.allowExecutable ? handlers : handlers.slice(0, HANDLERS.length));
}

/**
 * The languages this machine can judge, in the order of `handlers`. Starts each tool once to ask for its version.
 * @param searchPath a PATH: directories separated by colons
 */
export async function findLanguages(
  searchPath: string,
  handlers: readonly LanguageHandler[] = HANDLERS,
): Promise<LanguageInfo[]> {
  const found = await Promise.all(
    handlers.map(async ({ id, name, extension, find }) => {
      const tool = await find(searchPath);
      return tool && { id, name, extension, tool };
    }),
  );
  return found.filter((info) => info !== undefined);
}

/**
 * A language ready for use, from what travelled to this thread.
 * @throws RangeError when this build has no such language: the two sides are not of one build.
 */
export function languageOf(info: LanguageInfo, handlers: readonly LanguageHandler[] = ALL_HANDLERS): Language {
  const handler = handlers.find(({ id }) => id === info.id);
  if (handler === undefined) throw new RangeError(`no language "${info.id}" in this build`);
  const { tool } = info;
  const { compile, template } = handler;
  const variant = (isForTemplate: boolean): Language => ({
    ...info,
    selfTest: handler.selfTest,
    // The command stands for the flags: whoever changes them gets new executables.
    compilerIdentity: [info.id, tool.path, tool.version, ...(compile?.(tool, '', [], isForTemplate).argv ?? [])],
    ...(handler.isProgram ? { isProgram: true as const } : {}),
    run: (main) => handler.run(tool, main),
    isSameWarm: handler.isSameWarm ?? (() => true),
    ...(template ? { template } : {}),
    ...(compile
      ? { compile: (main: string, others: readonly string[] = []) => compile(tool, main, others, isForTemplate) }
      : {}),
  });
  return compile && template ? { ...variant(false), forTemplate: variant(true) } : variant(false);
}

/** Directories cells need beside the system's, for all these languages together. */
export function mountsOf(languages: readonly LanguageInfo[]): string[] {
  return [...new Set(languages.flatMap(({ tool }) => tool.mounts))];
}
