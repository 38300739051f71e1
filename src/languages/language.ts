/**
 * What a language is to turno: how a source is compiled and run, and where its tool-chain lies on this machine.
 *
 *     LanguageHandler  --findLanguages-->  LanguageInfo  --languageOf-->  Language
 *     c.ts, by hand    once, at start      plain data,     in the thread    handler and tool-chain together
 *                      of the server       travels         that runs it
 *
 * Inside a cell the working directory is /box: the sources lie there and programs may write there. A compiled program is
 * /exe/program, which programs cannot change.
 */

/** Working directory in the cell. */
export const BOX = '/box';
/** Where a compiled program lies in the cell. */
export const PROGRAM = '/exe/program';

/** One program to execute in a cell. */
export interface Command {
  /** Absolute path inside the cell; nothing is looked up there. */
  readonly path: string;
  /** argv[0] included. */
  readonly argv: readonly string[];
  /** `NAME=value`; nothing of the server's environment goes in. */
  readonly env: readonly string[];
}

export interface CompileCommand extends Command {
  /** Name in the working directory of the file that is brought out and later run as PROGRAM. */
  readonly product: string;
}

/**
 * What a template of this language is made of (native/template): a compiled program, before its first instruction, shared by
 * the tests of one submission; or CPython, before it opens the main file, shared by all runs in a cell.
 */
export const TemplateKind = { program: 'program', python: 'python' } as const;
export type TemplateKind = (typeof TemplateKind)[keyof typeof TemplateKind];

/** A tool-chain as it was found: plain data. */
export interface ToolChain {
  /** Absolute path of the compiler or interpreter, symbolic links resolved. */
  readonly path: string;
  /** As the tool says it of itself, e.g. `12.2.0`. */
  readonly version: string;
  /** Directories a cell needs beside the system's (/usr, /lib*, /bin), read-only, at the same path. */
  readonly mounts: readonly string[];
}

/** A language offered by this server: plain data, so that it travels to threads and processes. */
export interface LanguageInfo {
  readonly id: string;
  /** For people: `C17 (gcc)`. */
  readonly name: string;
  /** With its dot; the main file is `main` + extension when only `source` was sent. */
  readonly extension: string;
  readonly tool: ToolChain;
}

/** One language; a new one is a file like c.ts and its name in registry.ts. */
export interface LanguageHandler {
  readonly id: string;
  readonly name: string;
  readonly extension: string;
  /** The tool-chain on this machine, or undefined when there is none. May start the tool to ask for its version. */
  readonly find: (searchPath: string) => Promise<ToolChain | undefined>;
  /**
   * How a source becomes a program; absent for interpreted languages.
   * `main` and `others` are paths of the submitted files, relative to the working directory. `isForTemplate`: linked in a way
   * that a template can be made of it (template-elf.ts); never without `template`.
   */
  readonly compile?: (
    tool: ToolChain,
    main: string,
    others: readonly string[],
    isForTemplate: boolean,
  ) => CompileCommand;
  /** Runs may come from a template of this kind; absent: they are always fresh. */
  readonly template?: TemplateKind;
  /** Whether that makes no difference for a submission of these files; absent: it never does. */
  readonly isSameWarm?: (paths: readonly string[]) => boolean;
  /** The main file is executed itself: in the box it may be. */
  readonly isProgram?: true;
  readonly run: (tool: ToolChain, main: string) => Command;
  /** A program that copies its standard input to its standard output, byte for byte. */
  readonly selfTest: string;
}

/** A language ready for use: its handler with its tool-chain. */
export interface Language extends LanguageInfo {
  readonly compile?: (main: string, others?: readonly string[]) => CompileCommand;
  readonly isProgram?: true;
  readonly run: (main: string) => Command;
  /** Everything but the sources that a compiled program depends on: part of the executable's key. */
  readonly compilerIdentity: readonly string[];
  readonly selfTest: string;
  readonly template?: TemplateKind;
  readonly isSameWarm: (paths: readonly string[]) => boolean;
  /** The same language, compiled for a template; absent where nothing is compiled, or no template can be made. */
  readonly forTemplate?: Language;
}

/** What every program finds in its environment: UTF-8 as on a developer's machine, and a HOME it may write to. */
export const CELL_ENVIRONMENT = ['PATH=/usr/bin:/bin', `HOME=${BOX}`, 'LANG=C.UTF-8', 'TMPDIR=/tmp'] as const;

/** A file name as a command's operand: one that begins like an option or a response file must not be taken for it. */
export function operand(path: string): string {
  return /^[-@]/.test(path) ? `./${path}` : path;
}

/** How gcc and g++ link (c.ts says why). */
export function linking(isForTemplate: boolean): readonly string[] {
  return isForTemplate ? ['-Wl,-z,now'] : ['-static'];
}
