/**
 * What a language is to turno: how a source is compiled and run, and where its tool-chain lies on this machine.
 *
 *     LanguageHandler  --findLanguages-->  LanguageInfo  --languageOf-->  Language
 *     c.ts, by hand    once, at start      plain data,     in the thread    handler and tool-chain together
 *     or a definition  and at `reload`     travels         that runs it
 *
 * Inside a cell the working directory is /box: the sources lie there and programs may write there. A compiled program is
 * /exe/program, which programs cannot change.
 */

import type { LanguageDefinition } from './definition-schema.js';
import type { Preload } from './preload.js';

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

/** A submitted file. */
export interface LanguageSource {
  /** Relative to the working directory. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** What a tool-chain needs beyond the usual limits of a compilation (pool/executables.ts). */
export interface CompileNeeds {
  readonly cpuNs?: number;
  readonly wallNs?: number;
  readonly memoryBytes?: number;
  readonly processes?: number;
  readonly openFiles?: number;
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
  /** Directories and files a cell needs beside the system's (/usr, /lib*, /bin), read-only: HOST, or HOST:INSIDE. */
  readonly mounts: readonly string[];
  /** What an interpreter has imported before the programs of its template begin. */
  readonly preload?: Preload;
  /** Absolute paths of other programs it works with, by name. */
  readonly parts?: Readonly<Record<string, string>>;
}

/** Why a tool-chain is not there. */
export interface NoToolChain {
  /** For people: `no javac on the PATH`. */
  readonly absent: string;
}

/** A language offered by this server: plain data, so that it travels to threads and processes. */
export interface LanguageInfo {
  readonly id: string;
  /** For people: `C17 (gcc)`. */
  readonly name: string;
  /** With its dot; the main file is `main` + extension when only `source` was sent. */
  readonly extension: string;
  readonly tool: ToolChain;
  /** Of a language that is a file of the data directory. */
  readonly definition?: LanguageDefinition;
}

/** A language turno knows and this machine cannot judge. */
export interface AbsentLanguage {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
}

/** One language; a new one is a file like c.ts and its name in registry.ts. */
export interface LanguageHandler {
  readonly id: string;
  readonly name: string;
  readonly extension: string;
  /** The tool-chain on this machine. May start the tool to ask for its version. */
  readonly find: (searchPath: string) => Promise<ToolChain | NoToolChain>;
  /**
   * How a source becomes a program; absent for interpreted languages, undefined where this tool runs it as it is.
   * `main` and `others` are paths of the submitted files, relative to the working directory, as `arrange` leaves them.
   * `isForTemplate`: linked in a way that a template can be made of it (template-elf.ts); never without `template`.
   */
  readonly compile?: (
    tool: ToolChain,
    main: string,
    others: readonly string[],
    isForTemplate: boolean,
  ) => CompileCommand | undefined;
  /** The files as the compiler gets them, main file first; absent: as they were sent. */
  readonly arrange?: (files: readonly LanguageSource[]) => LanguageSource[];
  /** Work that is the same for every compilation: its product lies in the box of each as PREPARED. */
  readonly prepare?: (tool: ToolChain) => CompileCommand;
  readonly compileNeeds?: CompileNeeds;
  /** Runs may come from a template of this kind; absent: they are always fresh. */
  readonly template?: TemplateKind;
  /** Whether that makes no difference for a submission of these files; absent: it never does. */
  readonly isSameWarm?: (paths: readonly string[], tool: ToolChain) => boolean;
  /** The main file is executed itself: in the box it may be. */
  readonly isProgram?: true;
  /**
   * Virtual machines are told their limits.
   * @param stackBytes absent or 0: as large as the memory allows
   */
  readonly run: (tool: ToolChain, main: string, memoryBytes: number, stackBytes?: number) => Command;
  /** Its programs, and its compiler, are virtual machines: they reserve far more address space than they use. */
  readonly isVirtualMachine?: true;
  /** What a virtual machine says on stderr when its own share of the memory limit is used up, and it ends. */
  readonly outOfMemory?: RegExp;
  /**
   * Its programs get pipes, which the cell reads. They open /dev/stdout again (as `> /dev/stdout` does, and in a pipe that
   * appends), or survive SIGXFSZ, which ends others at the output limit.
   */
  readonly pipesOutput?: true;
  /** A program that copies its standard input to its standard output, byte for byte. */
  readonly selfTest: string;
  /** What it was made of, when it is no file of turno. */
  readonly definition?: LanguageDefinition;
}

/** A language ready for use: its handler with its tool-chain. */
export interface Language extends LanguageInfo {
  readonly compile?: (main: string, others?: readonly string[]) => CompileCommand;
  readonly arrange: (files: readonly LanguageSource[]) => readonly LanguageSource[];
  readonly prepare?: CompileCommand;
  readonly compileNeeds: CompileNeeds;
  readonly isProgram?: true;
  readonly run: (main: string, memoryBytes: number, stackBytes?: number) => Command;
  readonly isVirtualMachine: boolean;
  readonly outOfMemory?: RegExp;
  readonly pipesOutput: boolean;
  /** Everything but the sources that a compiled program depends on: part of the executable's key. */
  readonly compilerIdentity: readonly string[];
  readonly selfTest: string;
  readonly template?: TemplateKind;
  readonly isSameWarm: (paths: readonly string[]) => boolean;
  /** The same language, compiled for a template; absent where nothing is compiled, or no template can be made. */
  readonly forTemplate?: Language;
}

/** In the working directory of a compilation, where there is anything prepared: the product of `prepare`. */
export const PREPARED = '.turno-prepared';

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
