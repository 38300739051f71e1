/** Files on this machine as the files of a submission. */

import { readFileSync } from 'node:fs';
import { basename, dirname, extname, relative, sep } from 'node:path';
import { TurnoError } from '../errors.js';
import type { LanguageReply } from '../io/reply-schema.js';
import type { SubmissionBody } from '../io/schema.js';

type Files = NonNullable<SubmissionBody['files']>;

/**
 * The main file under its own name, so that a compiler's messages name it; others relative to its directory.
 * @throws TURNO_USAGE for a file that lies elsewhere or cannot be read
 */
export function filesOf(main: string, others: readonly string[]): { main: string; files: Files } {
  const root = dirname(main);
  const files = [main, ...others].map((file) => {
    const path = file === main ? basename(main) : relative(root, file).split(sep).join('/');
    if (path.startsWith('../')) {
      throw new TurnoError('TURNO_USAGE', {
        problem: `${file}: expected a file below ${root}, where the main file is.`,
      });
    }
    // base64 carries every file as it is, UTF-8 or not.
    return { path, content: bytesOfFile(file).toString('base64'), encoding: 'base64' as const };
  });
  return { main: basename(main), files };
}

/** @param path `-` is standard input */
export function bytesOfFile(path: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TurnoError('TURNO_USAGE', { problem: `${path}: cannot be read (${code}).` }, { cause: error });
  }
}

/** The first language of the server with this extension. */
export function languageOfFile(file: string, languages: LanguageReply['languages']): string {
  const extension = extname(file);
  const found = languages.find((language) => language.extension === extension);
  if (found !== undefined) return found.id;
  const known = languages.map(({ id, extension: its }) => `${id} (${its})`).join(', ');
  throw new TurnoError('TURNO_USAGE', {
    problem: `${file}: no language of this server has the extension "${extension}". --language names one of ${known}.`,
  });
}
