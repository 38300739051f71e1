/** Programs in a package: a file, or a directory of files that belong together. */

import { extname } from 'node:path';
import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';

export interface PackageProgram {
  /** Path of the file, or of the directory. */
  readonly name: string;
  /** Id of a language. */
  readonly language: string;
  /** Paths in the package, the main file first. */
  readonly files: readonly string[];
  /** What these begin with and their names do not, where they are compiled. */
  readonly root: string;
}

/** What validators may be in. */
const LANGUAGES: Readonly<Record<string, string>> = {
  '.c': 'c',
  '.cpp': 'cpp',
  '.cc': 'cpp',
  '.cxx': 'cpp',
  '.py': 'python',
};

/** Submissions may be in more languages: a server that lacks one says so when it is to run it. */
const MORE_LANGUAGES: Readonly<Record<string, string>> = {
  ...LANGUAGES,
  '.js': 'javascript',
  '.ts': 'typescript',
  '.java': 'java',
  '.go': 'go',
  '.rs': 'rust',
  '.sh': 'bash',
};

/** Files beside programs that are none. */
const COMPANION = /\.(h|hpp|hh|txt|md|ya?ml|json|in|ans)$|^(Makefile|\.gitignore)$/i;

/**
 * All programs directly in a folder, in the order of their names.
 * @throws TURNO_PACKAGE for what is in no language that can judge
 */
export function programsIn(files: PackageFiles, folder: string): PackageProgram[] {
  return programsOf(files, folder, LANGUAGES);
}

export function submissionsIn(files: PackageFiles, folder: string): PackageProgram[] {
  return programsOf(files, folder, MORE_LANGUAGES);
}

function programsOf(files: PackageFiles, folder: string, languages: Readonly<Record<string, string>>) {
  const prefix = `${folder}/`;
  const programs = new Map<string, string[]>();
  for (const path of [...files.keys()].sort()) {
    if (!path.startsWith(prefix)) continue;
    const rest = path.slice(prefix.length);
    const [name = ''] = rest.split('/');
    if (name === rest && COMPANION.test(name)) continue;
    programs.set(name, [...(programs.get(name) ?? []), path]);
  }
  return Array.from(programs, ([name, paths]) => programOf(`${prefix}${name}`, paths, languages));
}

function programOf(
  name: string,
  paths: readonly string[],
  languages: Readonly<Record<string, string>>,
): PackageProgram {
  const sources = paths.filter((path) => Object.hasOwn(languages, extname(path)));
  const main =
    sources.find((path) => /(^|\/)(main|validate|validator|checker|interactor)\.\w+$/i.test(path)) ?? sources[0];
  if (main === undefined) {
    throw packageError(name, `expected a program in one of ${Object.keys(languages).join(' ')}`);
  }
  const root = paths[0] === name ? name.slice(0, name.lastIndexOf('/') + 1) : `${name}/`;
  return {
    name,
    language: languages[extname(main)] ?? '',
    files: [main, ...paths.filter((path) => path !== main)],
    root,
  };
}
