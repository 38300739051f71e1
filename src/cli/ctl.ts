/**
 * `turno ctl COMMAND`: a command to the server of a data directory, over its control FIFO, and the answer.
 *
 * One asks at a time: the answers come over one FIFO, and it is locked by who reads it.
 */

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import type { TurnsReply } from '../io/reply-schema.js';
import { answersPath, controlPath, isFifo } from '../server/control.js';
import { native } from '../shm/native.js';
import { type Context, dataDirectoryOf, print } from './context.js';
import { integerOption } from './integer-option.js';
import { turnsOf } from './report.js';

const { O_RDWR, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
const LOCK_PAUSE_MS = 20;

interface CtlFlags {
  readonly data: string;
  readonly timeout: string;
  readonly json?: true;
}

interface ControlAnswer {
  readonly tag?: string;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

export function ctlCommand(context: Context): Command {
  return new Command('ctl')
    .description(
      'tell the server of a data directory: snapshot, drain (finish what runs, then end), lanes N, list (all programs ' +
        'alive), reload (look for languages, and read invite.token, again)',
    )
    .argument('<command>', 'what it is to do')
    .argument('[argument]', 'of lanes: how many')
    .option('--data <directory>', 'the data directory; TURNO_DATA', dataDirectoryOf(context))
    .option('--timeout <s>', 'how long to wait for the answer', '30')
    .option('--json', 'print the answer as JSON')
    .action(async (command: string, argument: string | undefined, flags: CtlFlags) => {
      const line = argument === undefined ? command : `${command} ${argument}`;
      const timeoutMs = integerOption('--timeout', flags.timeout, 0, 86_400) * 1_000;
      if (!/^[^\s@][^\n@]*$/.test(line)) {
        const problem = `ctl: expected a command in one line, without "@", got ${JSON.stringify(line)}.`;
        throw new TurnoError('TURNO_USAGE', { problem });
      }
      const { result, error } = await ask(flags.data, line, timeoutMs);
      if (error !== undefined) {
        print(context.err, `turno: ${error.message} (${error.code})`);
        context.status = 2;
        return;
      }
      const isList = command === 'list' && !flags.json;
      print(context.out, isList ? turnsOf(result as TurnsReply) : JSON.stringify(result));
    });
}

/** @throws TURNO_UNREACHABLE when no server reads the FIFO, or none answers in time */
async function ask(data: string, line: string, timeoutMs: number): Promise<ControlAnswer> {
  const path = controlPath(data);
  const unreachable = (problem: string) => new TurnoError('TURNO_UNREACHABLE', { server: path, problem });
  const answers = opened(answersPath(data), O_RDWR, unreachable);
  const deadlineMs = performance.now() + timeoutMs;
  while (!native.lockFile(answers, 'exclusive')) {
    if (performance.now() > deadlineMs) {
      closeSync(answers);
      throw unreachable('another turno ctl waits for its answer');
    }
    await setTimeout(LOCK_PAUSE_MS);
  }
  const reader = new Socket({ fd: answers, readable: true, writable: false });
  try {
    const control = opened(path, O_WRONLY, unreachable);
    const tag = `${process.pid}-${Date.now()}`;
    try {
      writeSync(control, `@${tag} ${line}\n`);
    } finally {
      closeSync(control);
    }
    return await answerTo(tag, reader, deadlineMs - performance.now(), unreachable);
  } finally {
    reader.destroy();
  }
}

function opened(path: string, flags: number, unreachable: (problem: string) => TurnoError): number {
  try {
    const fd = openSync(path, flags | O_NONBLOCK | O_NOFOLLOW);
    if (isFifo(fd)) return fd;
    closeSync(fd);
    throw unreachable('it is no FIFO');
  } catch (error) {
    if (error instanceof TurnoError) throw error;
    // ENXIO: it is there, but nobody reads it: the server was killed.
    const { code } = error as NodeJS.ErrnoException;
    throw unreachable(code === 'EACCES' ? 'EACCES: only its owner and root may open it' : (code ?? String(error)));
  }
}

/** Undefined for the rest of an answer whose reader was killed while it read. */
function answerIn(line: string): ControlAnswer | undefined {
  try {
    return JSON.parse(line) as ControlAnswer;
  } catch {
    return undefined; // ours comes behind it
  }
}

async function answerTo(
  tag: string,
  reader: Socket,
  timeoutMs: number,
  unreachable: (problem: string) => TurnoError,
): Promise<ControlAnswer> {
  const answer = new Promise<ControlAnswer>((resolve) => {
    let text = '';
    reader.setEncoding('utf8').on('data', (part) => {
      text += part;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const found = answerIn(line);
        if (found?.tag === tag) resolve(found);
      }
    });
  });
  const late = setTimeout(Math.max(0, timeoutMs), undefined, { ref: false });
  const found = await Promise.race([answer, late]);
  if (found === undefined) throw unreachable('no answer in time');
  return found;
}
