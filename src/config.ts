/**
 * Every setting of the server, once: its flag, its variable, default, unit, bounds and help. `--help` and the reading of
 * flags and variables are made from this table; a setting that is not here does not exist.
 *
 *     key maxRows  ->  flag --max-rows  ->  variable TURNO_MAX_ROWS
 *
 * A flag goes before a variable, a variable before the default. What is not understood is refused: a mistyped limit that
 * is silently ignored is worse than a server that does not start.
 */

import { availableParallelism } from 'node:os';
import { TurnoError } from './errors.js';
import { didYouMean } from './nearest.js';

interface Described {
  readonly help: string;
}
interface IntegerSetting extends Described {
  readonly kind: 'integer';
  readonly min: number;
  readonly max: number;
  /** What one of it is, for people; empty for a plain count. */
  readonly unit: string;
  readonly default: number | 'off' | (() => number);
  /** The word "off" is taken too. */
  readonly orOff?: true;
  /** The default in words, when it depends on the machine. */
  readonly defaultText?: string;
}
interface TextSetting extends Described {
  readonly kind: 'text';
  /** What stands for the value in --help. */
  readonly placeholder: string;
  /** With "off" as the default the word says that there is none. */
  readonly default: string;
}
interface ChoiceSetting extends Described {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}
/** Several values: the flag is repeated, the variable has commas between them. */
interface ListSetting extends Described {
  readonly kind: 'list';
  readonly placeholder: string;
  readonly default: readonly string[];
}
interface SwitchSetting extends Described {
  readonly kind: 'switch';
  readonly default: false;
}
export type Setting = IntegerSetting | TextSetting | ChoiceSetting | ListSetting | SwitchSetting;

/** What a program needs before its first instruction: pages of the kernel for it, and those of an exec. */
export const MIN_MEMORY_MIB = 4;

const cores = () => availableParallelism();

export const SETTINGS = {
  host: { kind: 'text', placeholder: 'address', default: '127.0.0.1', help: 'address to listen on' },
  port: { kind: 'integer', min: 0, max: 65_535, unit: '', default: 8_040, help: 'TCP port; 0 lets the kernel choose' },
  tcpPort: {
    kind: 'integer',
    min: 0,
    max: 65_535,
    unit: '',
    orOff: true,
    default: 'off',
    help: 'TCP port for frames (docs/protocol.md) beside HTTP; 0 lets the kernel choose',
  },
  socket: { kind: 'text', placeholder: 'path', default: 'off', help: 'Unix socket for frames' },
  socketPermissions: {
    kind: 'choice',
    choices: ['600', '660', '666'],
    default: '600',
    help: 'who may connect to the Unix socket: its owner, its group too, everybody',
  },
  socketTrust: {
    kind: 'choice',
    choices: ['token', 'uid'],
    default: 'token',
    help: 'who somebody is on the Unix socket: the user of a token, or without one the user of the uid that connects',
  },
  socketMode: {
    kind: 'choice',
    choices: ['one', 'many', 'pool'],
    default: 'many',
    help: 'sockets of a front: one client at a time, many on its event loop, or many with their messages read in threads',
  },
  socketThreads: {
    kind: 'integer',
    min: 1,
    max: 64,
    unit: '',
    default: 2,
    help: 'threads of a front that read messages, with --socket-mode pool',
  },
  socketConnections: {
    kind: 'integer',
    min: 1,
    max: 100_000,
    unit: '',
    default: 4_096,
    help: 'socket connections a front takes at once',
  },
  socketIdleS: {
    kind: 'integer',
    min: 1,
    max: 86_400,
    unit: 's',
    default: 300,
    help: 'a socket connection that says nothing for so long is closed, unless an answer is owed to it',
  },
  signals: {
    kind: 'choice',
    choices: ['on', 'off'],
    default: 'off',
    help: 'a mailbox in the data directory, and queued signals as its bell, for clients of the same uid and of root',
  },
  data: { kind: 'text', placeholder: 'directory', default: 'turno-data', help: 'directory of everything that is kept' },
  lanes: {
    kind: 'integer',
    min: 1,
    max: 1_024,
    unit: '',
    default: cores,
    defaultText: 'one per core',
    help: 'programs that run at the same moment',
  },
  turns: {
    kind: 'choice',
    choices: ['las', 'rr', 'fifo'],
    default: 'las',
    help: 'whose turn it is: least attained service first, round-robin, or first come first served without preemption',
  },
  fronts: { kind: 'integer', min: 1, max: 64, unit: '', default: 1, help: 'processes that serve requests' },
  savers: { kind: 'integer', min: 1, max: 64, unit: '', default: 2, help: 'threads of a front that write to disk' },
  runners: {
    kind: 'integer',
    min: 1,
    max: 256,
    unit: '',
    default: 1,
    help: 'threads of a front that get programs executed; each looks after many cells',
  },
  cells: {
    kind: 'integer',
    min: 1,
    max: 4_096,
    unit: '',
    default: 256,
    help: 'sandboxes in all fronts together: programs that may be started at once, running or stopped',
  },
  maxRows: {
    kind: 'integer',
    min: 1,
    max: 100_000_000,
    unit: '',
    default: 10_000_000,
    help: 'submissions the table can hold before new ones are refused',
  },
  durability: {
    kind: 'choice',
    choices: ['power', 'crash'],
    default: 'power',
    help: 'what an accepted submission and a given answer survive: the loss of power, or only the death of processes',
  },
  minFreeMib: {
    kind: 'integer',
    min: 0,
    max: 1_073_741_824,
    unit: 'MiB',
    default: 64,
    help: 'new submissions are refused while less is free on the disk; 0 accepts until a write fails',
  },
  snapshots: {
    kind: 'integer',
    min: 1,
    max: 1_000,
    unit: '',
    default: 2,
    help: 'snapshots of the table that are kept, with the journal since the oldest of them',
  },
  keepDays: {
    kind: 'integer',
    min: 0,
    max: 36_500,
    unit: 'days',
    default: 0,
    help: 'submissions sent longer ago go from the table into archive files, the oldest first; 0 keeps them',
  },
  keepRows: {
    kind: 'integer',
    min: 0,
    max: 100_000_000,
    unit: '',
    default: 0,
    help: 'when there are more submissions the oldest that are done go into archive files; 0 keeps any number',
  },
  registration: {
    kind: 'choice',
    choices: ['open', 'invite', 'closed'],
    default: 'open',
    help: 'who may register: everybody, whoever has the token in invite.token of the data directory, or nobody',
  },
  problems: {
    kind: 'choice',
    choices: ['operator', 'open'],
    default: 'operator',
    help: 'who may add problems: whoever has the token in operator.token of the data directory, or every user',
  },
  maxQueued: {
    kind: 'integer',
    min: 1,
    max: 100_000_000,
    unit: '',
    default: 2_000,
    help: 'submissions a user may have unfinished before new ones are refused',
  },
  drain: {
    kind: 'switch',
    default: false,
    help: 'at SIGTERM or SIGINT finish what runs before ending; a second signal ends at once',
  },
  maxCpuTimeMs: {
    kind: 'integer',
    min: 1,
    max: 86_400_000,
    unit: 'ms',
    default: 60_000,
    help: 'largest CPU limit a submission may ask for',
  },
  maxWallTimeMs: {
    kind: 'integer',
    min: 1,
    max: 86_400_000,
    unit: 'ms',
    default: 120_000,
    help: 'largest wall-clock limit',
  },
  maxMemoryMib: {
    kind: 'integer',
    min: MIN_MEMORY_MIB,
    max: 1_048_576,
    unit: 'MiB',
    default: 4_096,
    help: 'largest memory limit',
  },
  maxProcesses: {
    kind: 'integer',
    min: 1,
    max: 32_768,
    unit: '',
    default: 512,
    help: 'largest limit of processes and threads',
  },
  maxOutputKib: {
    kind: 'integer',
    min: 1,
    max: 1_048_576,
    unit: 'KiB',
    default: 65_536,
    help: 'largest limit of stdout and of stderr',
  },
  maxFileSizeKib: {
    kind: 'integer',
    min: 1,
    max: 16_777_216,
    unit: 'KiB',
    default: 1_048_576,
    help: 'largest limit of a file a program writes',
  },
  maxBodyMib: { kind: 'integer', min: 1, max: 256, unit: 'MiB', default: 64, help: 'largest request' },
  maxSourceKib: {
    kind: 'integer',
    min: 1,
    max: 262_144,
    unit: 'KiB',
    default: 4_096,
    help: 'largest single source file',
  },
  logLevel: {
    kind: 'choice',
    choices: ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    default: 'info',
    help: 'what is logged, on stderr, one JSON object a line',
  },
  python: {
    kind: 'text',
    placeholder: 'path',
    default: 'python3',
    help: 'Python interpreter: a name on the PATH, or a path such as VENV/bin/python of a virtual environment',
  },
  allowExecutable: {
    kind: 'switch',
    default: false,
    help: 'offer the language `executable`: an ELF file or a script with #!, run as it is',
  },
  mount: {
    kind: 'list',
    placeholder: 'host[:inside]',
    default: [],
    help: 'directory or file of the host that programs may read, at the same path or at another; may be repeated',
  },
  unsafeNoSandbox: {
    kind: 'switch',
    default: false,
    help: 'run programs without any sandbox: they can do all this user can, and every reply says so',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S extends Setting> = S extends { kind: 'integer' }
  ? S extends { orOff: true }
    ? number | 'off'
    : number
  : S extends { kind: 'switch' }
    ? boolean
    : S extends { kind: 'list' }
      ? readonly string[]
      : S extends { kind: 'choice'; choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** All settings with their values: complete and within bounds. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

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
