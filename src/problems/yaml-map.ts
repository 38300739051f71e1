/** A YAML file of a package as a map whose values are asked for by type: what is wrong is told with file and key. */

import { createRequire } from 'node:module';
import { packageError } from './package-error.js';
import type { PackageFiles } from './package-files.js';

/** Loaded when a package is read: every thread of a server comes by here, and few ever read one. */
const loaded = createRequire(import.meta.url);
const parse = (text: string): unknown => (loaded('yaml') as typeof import('yaml')).parse(text);

export class YamlMap {
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(path: string, values: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.#values = values;
  }

  /** An absent or empty file has no keys. @throws TURNO_PACKAGE when it is no YAML, or no map */
  static of(files: PackageFiles, path: string): YamlMap {
    const bytes = files.get(path);
    if (bytes === undefined) return new YamlMap(path, {});
    let value: unknown;
    try {
      value = parse(Buffer.from(bytes).toString('utf8')) ?? {};
    } catch (error) {
      const [line = ''] = (error as Error).message.split('\n');
      throw packageError(path, `is no YAML: ${line}`, error);
    }
    if (typeof value !== 'object' || Array.isArray(value)) throw packageError(path, 'expected a map of keys to values');
    return new YamlMap(path, value as Record<string, unknown>);
  }

  get keys(): string[] {
    return Object.keys(this.#values);
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  raw(key: string): unknown {
    return this.#values[key];
  }

  text(key: string): string | undefined {
    const value = this.#values[key];
    if (!this.has(key)) return undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw this.error(key, 'text');
  }

  /** Words separated by blanks, or a list of them. */
  words(key: string): string[] {
    const value = this.#values[key];
    if (Array.isArray(value) && value.every((word) => ['string', 'number'].includes(typeof word))) {
      return value.map(String);
    }
    return (this.text(key) ?? '').split(/\s+/).filter((word) => word !== '');
  }

  oneOf<const Word extends string>(key: string, words: readonly Word[]): Word | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found === undefined) throw this.error(key, `one of ${words.join(', ')}`);
    return found;
  }

  positive(key: string): number | undefined {
    const value = this.#values[key];
    if (!this.has(key)) return undefined;
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    throw this.error(key, 'a number above 0');
  }

  whole(key: string): number | undefined {
    const value = this.positive(key);
    if (value === undefined || Number.isSafeInteger(value)) return value;
    throw this.error(key, 'a whole number above 0');
  }

  flag(key: string): boolean | undefined {
    const value = this.#values[key];
    if (!this.has(key)) return undefined;
    if (typeof value === 'boolean') return value;
    throw this.error(key, 'true or false');
  }

  map(key: string): YamlMap {
    const value = this.#values[key];
    if (!this.has(key)) return new YamlMap(this.path, {});
    if (typeof value === 'object' && !Array.isArray(value)) {
      return new YamlMap(`${this.path}: ${key}`, value as Record<string, unknown>);
    }
    throw this.error(key, 'a map');
  }

  refuseOthers(known: readonly string[]): void {
    const unknown = Object.keys(this.#values).find((key) => !known.includes(key));
    if (unknown !== undefined) throw packageError(this.path, `unknown key "${unknown}"; there are ${known.join(', ')}`);
  }

  error(key: string, expected: string) {
    return packageError(this.path, `${key}: expected ${expected}, found ${JSON.stringify(this.#values[key])}`);
  }
}
