/**
 * Every setting of the server, once: default, unit, bounds and help. Its flag, its variable, `--help` and the reading of them
 * (read-settings.ts) are made from this table; a setting that is not here does not exist.
 */

import { availableParallelism } from 'node:os';

interface Described {
  readonly help: string;
}
export interface IntegerSetting extends Described {
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
/** stdin, stdout, stderr, and one for the loader of shared libraries. */
export const MIN_OPEN_FILES = 4;
/** Arguments and environment, and room for the loader. */
export const MIN_STACK_KIB = 64;
/** 1 TiB: more than anybody's memory. */
export const MAX_STACK_KIB = 1_073_741_824;

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
    help: 'sockets of a front: one client at a time, many on its event loop, or many with large messages read in threads',
  },
  socketThreads: {
    kind: 'integer',
    min: 1,
    max: 64,
    unit: '',
    default: 2,
    help: 'threads of a front that read large messages, with --socket-mode pool',
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
  realtime: {
    kind: 'choice',
    choices: ['auto', 'off'],
    default: 'auto',
    help: 'threads that start programs and give turns go before all else on the machine, where the kernel lets them (root)',
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
    help: 'sandboxes in all fronts together: programs that may be started at once, running or stopped; a quarter for further tests of submissions that have one',
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
    help: 'submissions a user may have unfinished before new ones are refused; who has a quota (turno user) goes by that',
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
  maxStackKib: {
    kind: 'integer',
    min: MIN_STACK_KIB,
    max: MAX_STACK_KIB,
    unit: 'KiB',
    orOff: true,
    default: 'off',
    help: 'largest stack, and that of a submission that asks for none; off: as large as its memory',
  },
  maxOpenFiles: {
    kind: 'integer',
    min: MIN_OPEN_FILES,
    max: 1_048_576,
    unit: '',
    default: 4_096,
    help: 'largest limit of open files; never more than this server may have itself',
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
  pythonPreload: {
    kind: 'list',
    placeholder: 'module',
    default: [],
    help: 'module that a warm Python has imported already, such as numpy; its memory is said at the start; may be repeated',
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
