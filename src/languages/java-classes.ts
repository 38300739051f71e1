/**
 * Which classes a Java source has at its top level, as far as two things ask for it: javac wants a public class in a file of its
 * name, and a jar says which class is started. Nothing else is understood of the source; what is wrong in it javac says.
 */

import type { LanguageSource } from './language.js';

/** In the working directory of the compilation: which class is started. */
export const MANIFEST = '.turno-manifest';

/** A longer one is the name of no file: javac says what is wrong. */
const MAX_NAME_BYTES = 200;

interface TopLevelClass {
  readonly name: string;
  readonly isPublic: boolean;
  readonly hasMain: boolean;
}

const COMMENTS_AND_TEXTS = /\/\*[\s\S]*?\*\/|\/\/.*|"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
const NAME = '[\\p{L}_$][\\p{L}\\p{N}_$]*';
const MARKS = new RegExp(`[{};]|\\b(?:class|interface|enum|record)\\s+(${NAME})|\\bvoid\\s+main\\s*\\(`, 'gu');
const PACKAGE = new RegExp(`^\\s*(?:@.*\\s+)*package\\s+(${NAME}(?:\\s*\\.\\s*${NAME})*)\\s*;`, 'u');

/** Each file under the name of its public class, where that can be, and a manifest that names the class to start. */
export function arrangeClasses(files: readonly LanguageSource[]): LanguageSource[] {
  const taken = new Set(files.map(({ path }) => path));
  const arranged = files.map((file) => {
    if (!file.path.endsWith('.java')) return file;
    const path = pathOf(file.path, topLevelClasses(bareText(file)));
    const isName =
      Buffer.byteLength(path) <= MAX_NAME_BYTES && !files.some((other) => other.path.startsWith(`${path}/`));
    if (path === file.path || taken.has(path) || !isName) return file;
    taken.add(path);
    return { ...file, path };
  });
  const [main] = files;
  const manifest = Buffer.from(`Main-Class: ${main ? mainClass(bareText(main)) : 'Main'}\n`);
  return [...arranged, { path: MANIFEST, content: manifest }];
}

function pathOf(path: string, classes: readonly TopLevelClass[]): string {
  const name = classes.find(({ isPublic }) => isPublic)?.name;
  return name === undefined ? path : `${path.slice(0, path.lastIndexOf('/') + 1)}${name}.java`;
}

/** With its package. The first class with `main`; without one the first class, of which java says what it lacks. */
function mainClass(text: string): string {
  const classes = topLevelClasses(text);
  const { name = 'Main' } = classes.find(({ hasMain }) => hasMain) ?? classes[0] ?? {};
  const inside = PACKAGE.exec(text)?.[1]?.replace(/\s/g, '');
  return inside === undefined ? name : `${inside}.${name}`;
}

function bareText({ content }: LanguageSource): string {
  return Buffer.from(content).toString('utf8').replace(COMMENTS_AND_TEXTS, ' ');
}

function topLevelClasses(text: string): TopLevelClass[] {
  const classes: { name: string; isPublic: boolean; hasMain: boolean }[] = [];
  let depth = 0;
  let since = 0; // where the modifiers of what comes next begin
  for (const mark of text.matchAll(MARKS)) {
    const [word, name] = mark;
    if (word === '{') depth++;
    if (word === '}') depth--;
    const current = classes.at(-1);
    if (depth === 1 && word.startsWith('void') && current) current.hasMain = true;
    if (depth !== 0) continue;
    if (name !== undefined) {
      classes.push({ name, isPublic: /\bpublic\b/.test(text.slice(since, mark.index)), hasMain: false });
    } else since = mark.index;
  }
  return classes;
}
