/**
 * What the package format has, turno does not do, and would make a submission be judged by other rules if it were passed over:
 * it is refused. So is a key that looks like a known one mistyped; keys that mean nothing to a judge (author, source, a key of
 * somebody's tools) are passed over.
 */

import { nearest } from '../nearest.js';
import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';
import type { YamlMap } from './yaml-map.js';

/** Those a judge goes by. */
const KEYS = ['name', 'type', 'validation', 'validator_flags', 'limits', 'languages', 'constants', 'turno'];
/** Those it does not, which are no mistyped ones of the others. */
const OTHERS = [
  ...[
    'problem_format_version',
    'uuid',
    'version',
    'author',
    'credits',
    'source',
    'source_url',
    'license',
    'rights_owner',
  ],
  ...['embargo_until', 'keywords', 'allow_file_writing', 'allow_writing_files', 'libraries', 'grading', 'scoring'],
];

const LIMITS = [
  ...['time_limit', 'time_multiplier', 'time_multipliers', 'time_resolution', 'time_safety_margin', 'memory', 'output'],
  ...['validation_time', 'validation_memory', 'validation_output', 'compilation_time', 'compilation_memory', 'code'],
];

/** Directories whose files would take part in the judging. */
const DIRECTORIES: Readonly<Record<string, string>> = {
  graders: 'a grader program',
  include: 'code that is included with submissions',
  static_validator: 'a static validator',
};

/** @throws TURNO_PACKAGE */
export function refuseUndone(files: PackageFiles, yaml: YamlMap): void {
  for (const key of yaml.keys.filter((one) => !KEYS.includes(one) && !OTHERS.includes(one))) {
    const meant = LIMITS.includes(key) ? `limits: ${key}` : nearest(key, [...KEYS, ...OTHERS]);
    if (meant === undefined || OTHERS.includes(meant)) continue;
    throw packageError(yaml.path, `unknown key "${key}". Did you mean "${meant}"?`);
  }
  yaml.map('limits').refuseOthers(LIMITS);
  for (const key of ['grading', 'scoring']) {
    if (yaml.map(key).text('objective') === 'min') {
      throw packageError(yaml.path, `${key}: objective: the most points are the best score here, found "min"`);
    }
  }
  if (yaml.words('languages').some((word) => word !== 'all')) {
    throw packageError(yaml.path, 'languages: that only some languages are allowed is not done, only all');
  }
  if (yaml.map('constants').keys.length > 0) throw packageError(yaml.path, 'constants: replacing them is not done');
  for (const [directory, what] of Object.entries(DIRECTORIES)) {
    if ([...files.keys()].some((path) => path.startsWith(`${directory}/`))) {
      throw packageError(directory, `${what} is not done`);
    }
  }
}
