/**
 * The control FIFO: commands to the server, one a line, for scripts and for `turno ctl`. Who may write to it, its file mode
 * says: the owner of the data directory.
 *
 *     DATA/control          command [argument]          or     @TAG command [argument]
 *     DATA/control.answers  {"tag"?, "command", "result"}  or  {"tag"?, "command", "error": {"code", "message"}}
 *
 * Commands are carried out one behind the other. Each answer goes into the log, and to the second FIFO if somebody reads
 * it at that moment: nothing waits for a reader, and what nobody read is not kept for the next.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { TurnoError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { native } from '../shm/native.js';

const { O_RDWR, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
const MODE = 0o600;

/** No command is as long; PIPE_BUF, up to which writes of several writers do not mix. */
const MAX_LINE_BYTES = 4_096;
/** A reader that does not fetch its answer for so long has lost it. */
const READER_MS = 1_000;
const FULL_PAUSE_MS = 5;

export function controlPath(dataDirectory: string): string {
  return join(dataDirectory, 'control');
}

export function answersPath(dataDirectory: string): string {
  return join(dataDirectory, 'control.answers');
}

export interface ControlCommand {
  /** Something may stand behind the command. */
  readonly hasArgument?: true;
  /** @throws TurnoError for an argument that makes no sense */
  readonly run: (argument: string) => Promise<unknown> | unknown;
}

export type ControlCommands = Readonly<Record<string, ControlCommand>>;

export class ControlFifo {
  readonly #directory: string;
  readonly #commands: ControlCommands;
  readonly #log: Logger;
  #reader: Socket | undefined;
  #partial = '';
  #isOverlong = false;
  #last: Promise<void> = Promise.resolve();

  constructor(dataDirectory: string, commands: ControlCommands, log: Logger) {
    this.#directory = dataDirectory;
    this.#commands = commands;
    this.#log = log;
  }

  /** @throws TURNO_SETTING when something else than a FIFO is in the way */
  start(): void {
    const path = controlPath(this.#directory);
    for (const one of [path, answersPath(this.#directory)]) makeFifo(one);
    // Open for writing too: then it never ends, however many writers come and go.
    const fd = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    this.#reader = new Socket({ fd, readable: true, writable: false });
    this.#reader.setEncoding('utf8').on('data', (text) => this.#read(String(text)));
    this.#reader.on('error', (error) => this.#log.error(error, 'control FIFO: no commands are taken any more'));
  }

  stop(): void {
    this.#reader?.destroy();
    for (const path of [controlPath(this.#directory), answersPath(this.#directory)]) rmSync(path, { force: true });
  }

  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      const isRest = this.#isOverlong;
      this.#isOverlong = false;
      if (!isRest && line.trim() !== '') this.#enqueue(line.trim());
    }
    if (Buffer.byteLength(this.#partial) <= MAX_LINE_BYTES) return;
    if (!this.#isOverlong) this.#enqueue(this.#partial);
    this.#isOverlong = true;
    this.#partial = '';
  }

  #enqueue(line: string): void {
    this.#last = this.#last.then(() => this.#carryOut(line));
  }

  async #carryOut(line: string): Promise<void> {
    const [, tag, command = '', argument = ''] = /^(?:@(\S{1,64})\s+)?(\S+)\s*(.*)$/s.exec(line) ?? [];
    const answer = {
      ...(tag === undefined ? {} : { tag }),
      command: command.slice(0, 100),
      ...(await this.#outcome(line, command, argument)),
    };
    const text = `${JSON.stringify(answer)}\n`;
    if ('error' in answer) this.#log.warn(answer, 'control');
    else this.#log.info({ ...answer, result: text.length > MAX_LINE_BYTES ? '(long)' : answer.result }, 'control');
    await this.#tell(text);
  }

  async #outcome(line: string, command: string, argument: string) {
    try {
      return { result: (await this.#run(line, command, argument)) ?? {} };
    } catch (error) {
      const { code, message } = TurnoError.from(error, `control: ${command}`);
      return { error: { code, message } };
    }
  }

  #run(line: string, name: string, argument: string): Promise<unknown> | unknown {
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) {
      throw new TurnoError('TURNO_USAGE', { problem: `control: a line of more than ${MAX_LINE_BYTES} bytes.` });
    }
    const names = Object.keys(this.#commands);
    const command = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    if (command === undefined) {
      const shown = JSON.stringify(name.slice(0, 40));
      const problem = `control: expected one of ${names.join(', ')}, got ${shown}${didYouMean(name.slice(0, 40), names)}`;
      throw new TurnoError('TURNO_USAGE', { problem });
    }
    if (command.hasArgument !== true && argument !== '') {
      throw new TurnoError('TURNO_USAGE', {
        problem: `control: ${name} has no argument, got ${JSON.stringify(argument)}.`,
      });
    }
    return command.run(argument);
  }

  /** To whoever reads the second FIFO now. */
  async #tell(text: string): Promise<void> {
    let fd: number;
    try {
      fd = openSync(answersPath(this.#directory), O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    } catch (error) {
      if (['ENXIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return; // nobody reads
      this.#log.warn(error, 'control: the answer stands only here');
      return;
    }
    try {
      await writeAll(fd, Buffer.from(text));
    } catch (error) {
      this.#log.warn(error, 'control: the answer was not fetched; it stands only here');
    } finally {
      closeSync(fd);
    }
  }
}

/** A FIFO holds 64 KiB: what is longer waits for its reader, but not for ever. */
async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  const startMs = performance.now();
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const isFull = (error as NodeJS.ErrnoException).code === 'EAGAIN';
      if (!isFull || performance.now() - startMs > READER_MS) throw error;
      await setTimeout(FULL_PAUSE_MS);
    }
  }
}

/** Made anew: one of a killed server may have any mode, and commands of yesterday in it. */
function makeFifo(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFIFO()) {
    throw new TurnoError('TURNO_SETTING', { name: path, problem: 'something that is no FIFO is there. Move it away.' });
  }
  rmSync(path, { force: true });
  native.makeFifo(path, MODE);
}

/** Whether an open file is a FIFO: what is at a path may have changed since. */
export function isFifo(fd: number): boolean {
  return fstatSync(fd).isFIFO();
}
