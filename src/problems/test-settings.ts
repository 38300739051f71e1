/** `testdata.yaml` of a directory of tests and of those above it: a key holds below, unless a deeper file says it again. */

import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';
import { YamlMap } from './yaml-map.js';

const KEYS = ['on_reject', 'grading', 'grader_flags', 'accept_score', 'reject_score', 'range'];
const MORE_KEYS = ['input_validator_flags', 'output_validator_flags'];

export class TestSettings {
  readonly #files: PackageFiles;
  readonly #maps = new Map<string, YamlMap>();

  /** @throws TURNO_PACKAGE for keys nobody knows and for what is not done */
  constructor(files: PackageFiles) {
    this.#files = files;
    for (const path of files.keys()) {
      if (!/^data\/(.*\/)?testdata\.yaml$/.test(path)) continue;
      const map = this.#map(path.slice(0, path.lastIndexOf('/')));
      map.refuseOthers([...KEYS, ...MORE_KEYS]);
      if (map.text('grading') === 'custom')
        throw packageError(path, 'grading: a grader program is not done, only default');
      map.oneOf('on_reject', ['break', 'continue']);
    }
  }

  words(directory: string, key: string): string[] {
    return this.#holding(directory, key)?.words(key) ?? [];
  }

  /** Whether the first failure ends it; so if nothing is said. */
  isBroken(directory: string): boolean {
    return this.#holding(directory, 'on_reject')?.text('on_reject') !== 'continue';
  }

  hasOwn(directory: string, key: string): boolean {
    return this.#map(directory).has(key);
  }

  /** The file that says it, for messages. */
  pathOf(directory: string, key: string): string {
    return this.#holding(directory, key)?.path ?? directory;
  }

  #holding(directory: string, key: string): YamlMap | undefined {
    for (let at = directory; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      if (this.#map(at).has(key)) return this.#map(at);
    }
    return undefined;
  }

  #map(directory: string): YamlMap {
    const map = this.#maps.get(directory) ?? YamlMap.of(this.#files, `${directory}/testdata.yaml`);
    this.#maps.set(directory, map);
    return map;
  }
}
