/**
 * `turno shell`: programs under turns, for anybody who types. It reads commands line by line, one at a time and in order,
 * from a terminal (with editing, history and completion) or from a script on stdin; children end with it, however it ends.
 */

import { createInterface, type Interface } from 'node:readline';
import { TurnoError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import type { End } from './child.js';
import { complete } from './complete.js';
import { SandboxTurns } from './sandbox.js';
import { TurnTaker } from './turn-taker.js';
import { MAX_CHILDREN, type ShellChild, type ShellTurns, type TurnTakerOptions } from './turns.js';
import { splitWords } from './words.js';

/** After SIGTERM a child has this long to end before SIGKILL. */
const GRACE_MS = 2_000;

const COMMANDS = {
  exec: { usage: 'exec PROGRAM [ARGUMENT...]', help: 'start a program; it waits for its turn' },
  term: { usage: 'term PID', help: 'send SIGTERM to it' },
  sig: { usage: 'sig PID', help: 'send SIGUSR1 to it' },
  list: { usage: 'list', help: 'pid, state, turns, CPU time, name and arguments of all children' },
  help: { usage: 'help', help: 'this list' },
  quit: { usage: 'quit', help: 'end all children and leave; so do Ctrl-C and the end of input' },
} as const;
type CommandName = keyof typeof COMMANDS;
const NAMES = Object.keys(COMMANDS) as CommandName[];

export interface ShellOptions extends TurnTakerOptions {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly err: NodeJS.WritableStream;
  /** Programs run in cells, not as the user. */
  readonly isSandboxed: boolean;
}

export class Shell {
  readonly #options: ShellOptions;
  readonly #turnTaker: ShellTurns;
  readonly #children = new Map<number, ShellChild>();
  #lines: Interface | undefined;
  #hasFailed = false;
  #isQuitting = false;

  constructor(options: ShellOptions) {
    this.#options = options;
    // Before anything else: without a listener SIGUSR1 would open Node's debugger.
    process.on('SIGUSR1', this.#forward);
    this.#turnTaker = options.isSandboxed
      ? new SandboxTurns(options, options.out, options.err)
      : new TurnTaker(options);
  }

  /** Runs until quit. @returns exit status: 1 when a command of a script was refused, else 0 */
  async run(): Promise<number> {
    const { input, out } = this.#options;
    const isTerminal = input.isTTY === true && out.isTTY === true;
    const lines = createInterface({
      ...{ input, output: isTerminal ? out : undefined, terminal: isTerminal, prompt: 'turno> ' },
      completer: (line: string) => complete(line, NAMES, [...this.#children.keys()].map(String)),
    });
    this.#lines = lines;
    const quit = () => {
      this.#isQuitting = true; // what was typed ahead is not begun any more
      lines.close();
    };
    lines.on('SIGINT', quit); // Ctrl-C on a terminal that readline has in raw mode
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, quit);
    try {
      await this.#readCommands(lines);
    } finally {
      await this.#endChildren();
      await this.#turnTaker.end();
      for (const signal of signals) process.off(signal, quit);
      process.off('SIGUSR1', this.#forward);
    }
    return this.#hasFailed && !isTerminal ? 1 : 0;
  }

  /** Commands one after the other, as they come: `exec` takes a moment, and the next line must find its child there. */
  #readCommands(lines: Interface): Promise<void> {
    return new Promise((resolve) => {
      let work = Promise.resolve();
      lines.on('line', (line) => {
        work = work.then(() => (this.#isQuitting ? undefined : this.#obey(line)));
      });
      lines.once('close', () => resolve(work));
      lines.prompt();
    });
  }

  async #obey(line: string): Promise<void> {
    try {
      const [name, ...args] = splitWords(line);
      if (name !== undefined) await this.#command(name, args);
    } catch (error) {
      if (!(error instanceof TurnoError)) throw error;
      this.#hasFailed = true;
      this.#options.err.write(`${error.message}\n`);
    }
    if (!this.#isQuitting) this.#lines?.prompt();
  }

  async #command(name: string, args: readonly string[]): Promise<void> {
    switch (name) {
      case 'exec':
        return this.#exec(args);
      case 'term':
        return this.#child('term', args).signal('SIGTERM');
      case 'sig':
        return this.#child('sig', args).signal('SIGUSR1');
      case 'list':
        expectNone('list', args);
        return this.#print(this.#list());
      case 'help':
        return this.#print(NAMES.map((key) => `${COMMANDS[key].usage.padEnd(28)}${COMMANDS[key].help}`).join('\n'));
      case 'quit':
        expectNone('quit', args);
        this.#isQuitting = true;
        this.#lines?.close();
        return;
      default: {
        const hint = didYouMean(name, NAMES) || '. `help` lists the commands.';
        throw new TurnoError('TURNO_USAGE', { problem: `unknown command "${name}"${hint}` });
      }
    }
  }

  async #exec([program, ...args]: readonly string[]): Promise<void> {
    if (program === undefined) throw usage('exec', 'nothing to run');
    if (this.#children.size >= MAX_CHILDREN) throw usage('exec', `${MAX_CHILDREN} children live already`);
    await this.#turnTaker.start(program, args, (child) => this.#adopt(child));
  }

  #adopt(child: ShellChild): void {
    this.#children.set(child.pid, child);
    this.#print(`[${child.pid}] ${child.name} waits for its turn`);
    void child.ended.then((end) => {
      this.#children.delete(child.pid);
      this.#print(`[${child.pid}] ${child.name} ${describe(end)}`);
      if (!this.#isQuitting) this.#lines?.prompt(true);
    });
  }

  #child(command: 'term' | 'sig', args: readonly string[]): ShellChild {
    const [pid, ...rest] = args;
    if (pid === undefined || rest.length > 0 || !/^\d{1,9}$/.test(pid)) {
      throw usage(command, `expected one pid, got ${args.length === 0 ? 'nothing' : args.join(' ')}`);
    }
    const child = this.#children.get(Number(pid));
    if (child === undefined) throw usage(command, `${pid} is not a living child of this shell; \`list\` shows them`);
    return child;
  }

  #list(): string {
    const rows = [['PID', 'STATE', 'TURNS', 'CPU', 'COMMAND']];
    for (const child of this.#children.values()) {
      const state = this.#turnTaker.state(child);
      const cpu = `${(child.cpuMs / 1_000).toFixed(2)}s`;
      rows.push([
        String(child.pid),
        state,
        String(this.#turnTaker.turns(child)),
        cpu,
        [child.name, ...child.args].join(' '),
      ]);
    }
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
  }

  readonly #forward = () => {
    for (const child of this.#children.values()) child.signal('SIGUSR1');
  };

  /** SIGTERM to all, and no more turns: each must run to hear it. Then SIGKILL for who has not ended in time. */
  async #endChildren(): Promise<void> {
    this.#isQuitting = true;
    this.#turnTaker.close();
    const children = [...this.#children.values()];
    for (const child of children) {
      child.signal('SIGTERM');
      child.proceed();
    }
    const ends = Promise.all(children.map((child) => child.ended));
    const timer = setTimeout(() => {
      for (const child of this.#children.values()) child.signal('SIGKILL');
    }, GRACE_MS);
    await ends;
    clearTimeout(timer);
  }

  /** Prints a line of its own, above the line that is being typed. */
  #print(text: string): void {
    const { out } = this.#options;
    if (this.#lines?.terminal) out.write('\r\x1b[K');
    out.write(`${text}\n`);
  }
}

function expectNone(command: CommandName, args: readonly string[]): void {
  if (args.length > 0) throw usage(command, `expected nothing more, got ${args.join(' ')}`);
}

function usage(command: CommandName, problem: string): TurnoError {
  return new TurnoError('TURNO_USAGE', { problem: `${command}: ${problem}. Usage: ${COMMANDS[command].usage}` });
}

function describe({ code, signal }: End): string {
  return signal === null ? `exited with ${code}` : `was ended by ${signal}`;
}
