/**
 * Settings (config.ts) as flags, variables and help, and their values read from these.
 *
 *     key maxRows  ->  flag --max-rows  ->  variable TURNO_MAX_ROWS
 *
 * A flag goes before a variable, a variable before the default. What is not understood is refused: a mistyped limit that
 * is silently ignored is worse than a server that does not start.
 */

import {
  type IntegerSetting,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  type Settings,
} from './config.js';
import { TurnoError } from './errors.js';
import { didYouMean } from './nearest.js';

/** Variables that are no settings of the server: those of the command line's client. */
const OTHER_VARIABLES = ['TURNO_SERVER', 'TURNO_TOKEN'];

/** `maxRows` -> `--max-rows` */
export function flagOf(name: SettingName): string {
  return `--${words(name).join('-')}`;
}

/** `maxRows` -> `TURNO_MAX_ROWS` */
export function variableOf(name: SettingName): string {
  return `TURNO_${words(name).join('_').toUpperCase()}`;
}

function words(name: string): string[] {
  return name
    .replace(/([A-Z])/g, ' $1')
    .toLowerCase()
    .split(' ');
}

/**
 * The settings from flags and environment.
 * @param flags by name, as they were typed (`true` for a switch); absent ones are undefined
 * @throws TURNO_SETTING naming the flag or variable, what was expected and what was found
 */
export function readSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  refuseUnknownFlags(flags);
  refuseUnknownVariables(environment);
  const read = (name: SettingName) => {
    const flag = flags[name];
    if (Array.isArray(flag)) return flag.map(String);
    if (flag !== undefined) return parsed(SETTINGS[name], flag === true ? 'true' : String(flag), flagOf(name));
    const variable = environment[variableOf(name)];
    if (variable !== undefined) return parsed(SETTINGS[name], variable, variableOf(name));
    return defaultOf(SETTINGS[name]);
  };
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, read(name)])) as unknown as Settings;
}

function refuseUnknownFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(flags)) {
    if (Object.hasOwn(SETTINGS, name)) continue;
    const flag = `--${words(name).join('-')}`;
    throw new TurnoError('TURNO_SETTING', {
      name: flag,
      problem: `unknown${didYouMean(flag, SETTING_NAMES.map(flagOf))}`,
    });
  }
}

/** @throws TURNO_SETTING for a TURNO_* variable that nothing reads: most likely it is mistyped */
export function refuseUnknownVariables(environment: Readonly<Record<string, string | undefined>>): void {
  const known = [...SETTING_NAMES.map(variableOf), ...OTHER_VARIABLES];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith('TURNO_') || known.includes(variable)) continue;
    throw new TurnoError('TURNO_SETTING', { name: variable, problem: `unknown${didYouMean(variable, known)}` });
  }
}

/** A value from its text. @param name what it is called in the message; @throws TURNO_SETTING */
export function parsed(setting: Setting, text: string, name: string): string | number | boolean | readonly string[] {
  const refuse = (expected: string) =>
    new TurnoError('TURNO_SETTING', { name, problem: `expected ${expected}, got ${JSON.stringify(text)}` });
  switch (setting.kind) {
    case 'integer': {
      if (setting.orOff && text === 'off') return text;
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= setting.min && value <= setting.max)) throw refuse(boundsOf(setting));
      return value;
    }
    case 'choice':
      if (!setting.choices.includes(text)) throw refuse(`one of ${setting.choices.join(', ')}`);
      return text;
    case 'list':
      return text.split(',').filter((one) => one !== '');
    case 'switch':
      if (text !== 'true' && text !== 'false') throw refuse('true or false');
      return text === 'true';
    case 'text':
      if (text === '' || text.includes('\0')) throw refuse(`a ${setting.placeholder}`);
      return text;
  }
}

function boundsOf({ min, max, unit, orOff }: IntegerSetting): string {
  return `an integer from ${min} to ${max}${unit && ` (${unit})`}${orOff ? ' or "off"' : ''}`;
}

function defaultOf(setting: Setting): string | number | boolean | readonly string[] {
  return typeof setting.default === 'function' ? setting.default() : setting.default;
}

/** One setting as a command-line option: flags with placeholder, and help with bounds, default and variable. */
export function optionOf(name: SettingName): { flags: string; description: string } {
  const setting: Setting = SETTINGS[name];
  const variable = variableOf(name);
  switch (setting.kind) {
    case 'integer': {
      const preset = setting.defaultText ?? String(defaultOf(setting));
      const bounds = `${setting.min} to ${setting.max}`;
      const description = `${setting.help} (${bounds}; default ${preset}; ${variable})`;
      return { flags: `${flagOf(name)} <${setting.unit || 'n'}>`, description };
    }
    case 'choice':
      return {
        flags: `${flagOf(name)} <${setting.choices.join('|')}>`,
        description: `${setting.help} (default ${setting.default}; ${variable})`,
      };
    case 'switch':
      return { flags: flagOf(name), description: `${setting.help} (${variable}=true)` };
    case 'list':
      return {
        flags: `${flagOf(name)} <${setting.placeholder}>`,
        description: `${setting.help} (${variable}, with commas)`,
      };
    case 'text':
      return {
        flags: `${flagOf(name)} <${setting.placeholder}>`,
        description: `${setting.help} (default ${setting.default}; ${variable})`,
      };
  }
}
