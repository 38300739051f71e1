/**
 * A child of the shell: a process of its own, in a process group of its own, that stands still until its first turn.
 *
 * Node can spawn a program, but not a stopped one. So /bin/sh is spawned, stops itself, and becomes the program by exec once
 * it is continued; nothing of the program runs before. The pid stays the same:
 *
 *     spawn sh --> sh stops itself --> (first turn) SIGCONT --> exec PROGRAM --> SIGSTOP, SIGCONT, ... --> end
 *
 * Signals that stop and continue go to the whole group, so what the program has forked stops with it. A descendant that
 * leaves the group (setsid) is not stopped: this is a shell, not a sandbox. libuv gives children the default handling of
 * all signals, SIGUSR1 too.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TurnoError } from '../errors.js';
import { statOf } from '../proc-stat.js';
import type { ShellChild } from './turns.js';

/** How often a child is looked at that has not stopped yet; a stop takes some 20 us, unless a disk is waited for. */
const LOOK_AGAIN_MS = 1;
/** Clock ticks of /proc/PID/stat: 100 a second on every Linux that Node runs on (sysconf(_SC_CLK_TCK)). */
const MS_PER_TICK = 10;

/** How a child ended; one of the two is null. */
export interface End {
  readonly code: number | null;
  /** Its name. */
  readonly signal: string | null;
}

export class Child implements ShellChild {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  /** Resolves when the child has ended and was waited for. */
  readonly ended: Promise<End>;
  #isAlive = true;
  #cpuMs = 0;

  private constructor(process: ChildProcess, pid: number, name: string, args: readonly string[]) {
    this.pid = pid;
    this.name = name;
    this.args = args;
    this.ended = new Promise((resolve) => {
      process.once('exit', (code, signal) => {
        this.#isAlive = false;
        this.#signalGroup('SIGKILL'); // what it has forked and left behind
        resolve({ code, signal });
      });
    });
  }

  /**
   * Starts a program; its output goes where the shell's goes, its input is empty.
   * @returns when it stands still, before its first instruction
   * @throws TURNO_USAGE when there is no such program, TURNO_SYSTEM when no process can be made
   */
  static async start(name: string, args: readonly string[]): Promise<Child> {
    const path = findProgram(name);
    // If the shell is killed, nobody could ever continue its children: let them be killed too, where setpriv is there.
    const guard = isExecutable('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];
    const [command = '', ...rest] = [...guard, '/bin/sh', '-c', 'kill -STOP $$; exec "$@"', 'sh', path, ...args];
    // `detached`: a group of its own, so that Ctrl-C on the terminal reaches only the shell.
    const process = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    const { pid } = process;
    if (pid === undefined) {
      const error = await new Promise<Error>((resolve) => process.once('error', resolve));
      throw new TurnoError('TURNO_SYSTEM', { call: 'spawn', on: path, problem: error.message }, { cause: error });
    }
    const child = new Child(process, pid, name, args);
    while (child.isAlive && !child.isHalted) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    return child;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Nothing of it runs: it is stopped, or dead and about to be waited for. */
  get isHalted(): boolean {
    const state = statOf(this.pid)?.[0];
    return state === undefined || 'TtZX'.includes(state);
  }

  /** CPU time of the process and of its children it has waited for, to a clock tick of 10 ms. */
  get cpuMs(): number {
    const fields = statOf(this.pid);
    // Behind the name: state is field 3 of proc(5), utime stime cutime cstime are 14 to 17.
    if (fields) this.#cpuMs = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * MS_PER_TICK, 0);
    return this.#cpuMs;
  }

  /** Lets it run. */
  proceed(): void {
    this.#signalGroup('SIGCONT');
  }

  /** Stops it and all of its group; `isHalted` says when that is done. */
  halt(): void {
    this.#signalGroup('SIGSTOP');
  }

  /** Sends a signal to the program alone. One that is stopped gets it when its turn comes. */
  signal(signal: NodeJS.Signals): void {
    if (this.#isAlive) process.kill(this.pid, signal);
  }

  #signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      // The group is gone: that is what an end looks like before it is told.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** The file that is run for a name, as a shell would find it. @throws TURNO_USAGE with what is wrong */
export function findProgram(name: string): string {
  if (name.includes('/')) {
    if (isExecutable(name)) return name;
    throw new TurnoError('TURNO_USAGE', { problem: `exec: ${name} is not there, or cannot be executed` });
  }
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    if (directory !== '' && isExecutable(join(directory, name))) return join(directory, name);
  }
  const hint = isExecutable(`./${name}`) ? `; there is ./${name}` : '';
  throw new TurnoError('TURNO_USAGE', { problem: `exec: no program "${name}" on the PATH${hint}` });
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not ours to run: the same to the caller
  }
}
