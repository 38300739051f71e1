/**
 * What is said of tests, beside them: `testdata.yaml` of a directory (`test_group.yaml` in the newer version of the format) and of those
 * above it, and `NAME.yaml` of one test. A key holds below, unless a deeper file says it again.
 */

import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';
import { YamlMap } from './yaml-map.js';

/** As testdata.yaml calls them; test_group.yaml and NAME.yaml say `args` for `flags`. */
type FlagsKey = 'input_validator_flags' | 'output_validator_flags';
const NEWER: Readonly<Record<FlagsKey, string>> = {
  input_validator_flags: 'input_validator_args',
  output_validator_flags: 'output_validator_args',
};

const OLDER_KEYS = [
  'on_reject',
  'grading',
  'grader_flags',
  'accept_score',
  'reject_score',
  'range',
  ...Object.keys(NEWER),
];
const TEST_KEYS = [
  ...['args', 'input_validator_args', 'output_validator_args', 'full_feedback'],
  ...['input_visualizer_args', 'output_visualizer_args', 'hint', 'description'],
];
const GROUP_KEYS = [
  ...TEST_KEYS,
  'max_score',
  'score_aggregation',
  'require_pass',
  'static_validation_score',
  'static_validator_args',
];
/** Of both. */
const UNDONE = ['args', 'require_pass', 'static_validation_score', 'static_validator_args'];

export class TestSettings {
  readonly #files: PackageFiles;
  readonly #maps = new Map<string, YamlMap>();

  /** @throws TURNO_PACKAGE for keys nobody knows and for what is not done */
  constructor(files: PackageFiles) {
    this.#files = files;
    for (const path of files.keys()) {
      if (!/^data\/(.*\/)?(testdata|test_group)\.yaml$/.test(path)) continue;
      const map = this.#map(path.slice(0, path.lastIndexOf('/')));
      if (map.path !== path) throw packageError(path, `is of another version of the format than ${map.path}`);
      if (path.endsWith('test_group.yaml')) checkNewer(map, GROUP_KEYS);
      else checkOlder(map);
    }
  }

  /** @param at a directory, or a test: path of its input without `.in` */
  words(at: string, key: FlagsKey | 'grader_flags' | 'range' | 'accept_score'): string[] {
    const [map, name] = this.#holding(at, key) ?? [];
    return map && name ? map.words(name) : [];
  }

  /** Whether the first failure ends it; so if nothing is said. */
  isBroken(directory: string): boolean {
    const [map] = this.#holding(directory, 'on_reject') ?? [];
    return map?.text('on_reject') !== 'continue';
  }

  /** Whether who submits may see all of a test that is no sample. */
  isShown(test: string): boolean {
    const [map] = this.#holding(test, 'full_feedback') ?? [];
    return map?.flag('full_feedback') ?? false;
  }

  hasOwn(directory: string, key: string): boolean {
    return this.#map(directory).has(key);
  }

  /** The directory's own file, if it is of the newer version. */
  newer(directory: string): YamlMap | undefined {
    const map = this.#map(directory);
    return map.path.endsWith('/test_group.yaml') ? map : undefined;
  }

  /** The file that says it, for messages. */
  pathOf(at: string, key: string): string {
    const [map] = this.#holding(at, key) ?? [];
    return map?.path ?? at;
  }

  #holding(start: string, key: string): [YamlMap, string] | undefined {
    const names = [key, ...(Object.hasOwn(NEWER, key) ? [NEWER[key as FlagsKey]] : [])];
    for (let at = start; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      const map = this.#map(at);
      const name = names.find((one) => map.has(one));
      if (name !== undefined) return [map, name];
    }
    return undefined;
  }

  #map(at: string): YamlMap {
    const known = this.#maps.get(at);
    if (known !== undefined) return known;
    const isTest = this.#files.has(`${at}.in`);
    const [path = ''] = isTest
      ? [`${at}.yaml`]
      : FILES.map((name) => `${at}/${name}`).filter((one) => this.#files.has(one));
    const map = YamlMap.of(this.#files, path);
    if (isTest) checkNewer(map, TEST_KEYS);
    this.#maps.set(at, map);
    return map;
  }
}

const FILES = ['test_group.yaml', 'testdata.yaml'];

function checkOlder(map: YamlMap): void {
  map.refuseOthers(OLDER_KEYS);
  if (map.text('grading') === 'custom')
    throw packageError(map.path, 'grading: a grader program is not done, only default');
  map.oneOf('on_reject', ['break', 'continue']);
}

function checkNewer(map: YamlMap, keys: readonly string[]): void {
  map.refuseOthers(keys);
  for (const key of UNDONE) {
    const value = map.raw(key);
    if (map.has(key) && !(Array.isArray(value) && value.length === 0))
      throw packageError(map.path, `${key}: is not done`);
  }
  map.flag('full_feedback');
}
