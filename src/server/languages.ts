/**
 * The languages of a server: turno's own, and those that are files of its data directory (language-files.ts). Looked for at the
 * start and at `reload`. A file that makes no sense is an error, and then nothing changes; a language whose tool is not there is
 * only not offered.
 */

import { join, resolve } from 'node:path';
import type { Settings } from '../config.js';
import { namesIn } from '../io/store.js';
import { type FoundLanguages, languagesFor } from '../languages/registry.js';

/** @throws TURNO_LANGUAGE for a file that makes no sense, TURNO_SETTING for a Python that is none */
export async function loadLanguages(settings: Settings, searchPath: string): Promise<FoundLanguages> {
  const data = resolve(settings.data);
  const directory = join(data, 'languages');
  const names = namesIn(directory).filter((name) => name.endsWith('.json'));
  if (names.length === 0) return languagesFor(settings, searchPath);
  // Loaded only where there are some: schemas and what checks them are half of what a primary would load.
  const { languageIn } = await import('./language-files.js');
  const defined = names.sort().map((name) => languageIn(directory, name, data));
  return languagesFor(settings, searchPath, defined);
}
