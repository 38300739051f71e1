/** A process that filters bands, seen from the coordinator. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TurnoError } from '../errors.js';
import { PipeEnd } from '../shm/pipe.js';
import type { Space } from '../shm/space.js';
import { PIPE_BYTES } from './band.js';
import type { BandSetup, FromBand, ToBand } from './band-messages.js';
import { endInWords } from './process-end.js';

const SCRIPT = fileURLToPath(new URL('./band-process.js', import.meta.url));
/** Its end is looked for when nothing has come for so long. */
const LOOK_EVERY_MS = 100;
/** From the request to end, which lets it end its cell, to the order. */
const GRACE_MS = 2_000;

/** The process ended before it had done what it was told. */
export class BandDied extends Error {
  /** How it ended. */
  readonly how: string;
  constructor(how: string) {
    super(`the process of a band ended: ${how}`);
    this.how = how;
  }
}

export class BandChild {
  readonly #process: ChildProcess;
  readonly #pipe: PipeEnd;
  /** It has said so; kept for whoever gives it orders. */
  isReady = false;
  /** Reaped. */
  readonly ended: Promise<void>;
  #how: string | undefined;

  /** @param fds the space's, and the program's if there is one */
  constructor(space: Space, setup: BandSetup, fds: readonly number[]) {
    // Our end is open before the other one exists: a message to somebody who is not there yet would be refused.
    this.#pipe = new PipeEnd(space, setup.pipe, 0, PIPE_BYTES);
    this.#process = spawn(process.execPath, [SCRIPT, JSON.stringify(setup)], {
      stdio: ['ignore', 'ignore', 'inherit', ...fds],
    });
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#how = endInWords(code, signal);
        resolve();
      });
      this.#process.once('error', (error) => {
        this.#how = `could not be started (${error.message})`;
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  tell(message: ToBand): void {
    try {
      this.#pipe.send(message);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // it has gone: whoever waits for its answer sees that
    }
  }

  /** What it says next. @throws BandDied when it ended without saying more */
  async next(): Promise<FromBand> {
    for (;;) {
      const isOver = this.#how !== undefined;
      try {
        const received = await this.#pipe.receiveLater({ timeoutMs: isOver ? 0 : LOOK_EVERY_MS });
        if (received !== undefined) return received.message as FromBand;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        await this.ended; // the pipe saw it first
      }
      if (isOver) throw new BandDied(this.#how ?? '');
    }
  }

  /** Lets it end by itself: it has nothing to do. */
  async dismiss(): Promise<void> {
    this.tell({ kind: 'end' });
    await this.ended;
  }

  /** Kills it, with its cell, and waits until it is reaped. */
  async kill(): Promise<void> {
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

/** The band could not be done in any attempt. */
export function lostBand(from: number, to: number, attempts: number, { how }: BandDied): TurnoError {
  const problem = `their process ended before they were done (${how}), ${attempts} times`;
  return new TurnoError('TURNO_IMAGE', { path: `rows ${from} to ${to}`, problem });
}
