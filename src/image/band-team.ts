/**
 * The processes that filter the bands of one picture, one for each band, and the shared space between them.
 *
 *     order to all --> each filters its band, from one array into the other --> all are done: next step
 *
 * A process that dies takes nothing with it: the array that is read is not written in this step, so another process does the
 * band again. The second time it is an error. The space is memory without a name: it goes with the last process.
 */

import { closeSync } from 'node:fs';
import { freemem } from 'node:os';
import { TurnoError } from '../errors.js';
import { SharedArray } from '../shm/shared-array.js';
import { Space } from '../shm/space.js';
import { GIB, MIB } from '../units.js';
import { PIPE_BYTES } from './band.js';
import { BandChild, BandDied, lostBand } from './band-child.js';
import {
  ARRAYS,
  type ArrayName,
  type BandProgram,
  type BandSetup,
  type FromBand,
  type Order,
} from './band-messages.js';
import { type Band, bandsOf } from './bands.js';
import { filterOf } from './filters/filters.js';
import type { Step } from './job.js';
import { type Picture, type Samples, sampleCount } from './picture.js';
import { errorOf } from './plain-error.js';

const ATTEMPTS = 2;
/** Of a space: views of it are at most so long. */
const MOST_BYTES = 4 * GIB - MIB;
/** Pipes, heads of objects. */
const BYTES_PER_BAND = 2 * ATTEMPTS * (PIPE_BYTES + 1_024);

export interface TeamOptions {
  readonly picture: Picture;
  readonly steps: readonly Step[];
  readonly workers: number;
  /** With its descriptor, which stays the caller's. */
  readonly program: (BandProgram & { readonly fd: number }) | undefined;
  /** Rows of all steps and bands that are done. */
  readonly onRows: (done: number) => void;
  readonly onChildren: (pids: readonly number[]) => void;
}

interface Member {
  readonly band: Band;
  child: BandChild;
  attempt: number;
  rowsDone: number;
}

export class BandTeam {
  repeated = 0;
  readonly #options: TeamOptions;
  readonly #space: Space;
  readonly #spaceFd: number;
  readonly #samples: number;
  readonly #kind: 'u8' | 'u16';
  readonly #arrays: Readonly<Record<ArrayName, Samples>>;
  readonly #members: Member[];
  #rowsBefore = 0;
  #ending: Promise<void> | undefined;

  /** Starts the processes. @throws TURNO_IMAGE when there is too little memory */
  constructor(options: TeamOptions) {
    const { picture, steps, workers } = options;
    this.#options = options;
    this.#samples = Math.max(...picturesOf(picture, steps).map(sampleCount));
    this.#kind = picture.bits === 16 ? 'u16' : 'u8';
    const bands = bandsOf(picture.height, workers);
    const bytes = 2 * this.#samples * (picture.bits / 8) + bands.length * BYTES_PER_BAND + 4_096;
    ({ space: this.#space, fd: this.#spaceFd } = sharedSpace(picture, bytes));
    const [front, back] = ARRAYS.map((name) => new SharedArray(this.#space, name, this.#kind, this.#samples).values);
    if (front === undefined || back === undefined) throw new TypeError('two arrays');
    this.#arrays = { front, back };
    this.#members = bands.map((band, n) => ({ band, child: this.#start(n, 0), attempt: 0, rowsDone: 0 }));
    this.#announce();
  }

  get bandCount(): number {
    return this.#members.length;
  }

  /** Where the picture is put that is to be filtered. */
  get input(): Samples {
    return this.#arrays.front;
  }

  /** When all processes stand ready; one that dies before is started again, once. */
  async ready(): Promise<void> {
    await Promise.all(this.#members.map((member, n) => this.#withRepeats(member, n, async () => undefined)));
  }

  /** Does all steps. @returns the picture that came of it, whose samples are shared memory until dismiss() or kill() */
  async filter(): Promise<{ picture: Picture; samples: Samples; filterMs: number }> {
    const { steps } = this.#options;
    const pictures = picturesOf(this.#options.picture, steps);
    const startNs = process.hrtime.bigint();
    let endNs = startNs;
    for (const [n, step] of steps.entries()) {
      const [from, to] = n % 2 === 0 ? ARRAYS : ([ARRAYS[1], ARRAYS[0]] as const);
      const picture = pictures[n] ?? this.#options.picture;
      const ends = await Promise.all(
        this.#members.map((member, index) =>
          this.#withRepeats(member, index, (child) =>
            this.#done(member, child, { kind: 'order', step: stepOf(step), picture, band: member.band, from, to }),
          ),
        ),
      );
      for (const ended of ends) if (ended !== undefined && ended > endNs) endNs = ended;
      this.#rowsBefore += picture.height;
      for (const member of this.#members) member.rowsDone = 0;
    }
    const picture = pictures.at(-1) ?? this.#options.picture;
    const samples = this.#arrays[steps.length % 2 === 0 ? 'front' : 'back'].subarray(0, sampleCount(picture));
    return { picture, samples, filterMs: Number(endNs - startNs) / 1e6 };
  }

  /** All processes end by themselves. */
  dismiss(): Promise<void> {
    return this.#end((child) => child.dismiss());
  }

  /** All processes are killed and reaped. */
  kill(): Promise<void> {
    return this.#end((child) => child.kill());
  }

  #end(how: (child: BandChild) => Promise<void>): Promise<void> {
    this.#ending ??= Promise.all(this.#members.map(({ child }) => how(child))).then(() => {
      closeSync(this.#spaceFd);
      this.#space.close();
    });
    return this.#ending;
  }

  #start(n: number, attempt: number): BandChild {
    const { program, steps, picture } = this.#options;
    const pictures = picturesOf(picture, steps);
    const setup: BandSetup = {
      coordinator: process.pid,
      pipe: `band ${n}.${attempt}`,
      kind: this.#kind,
      samples: this.#samples,
      filters: steps.flatMap((step, at) =>
        step.kind === 'filter' ? [{ step, picture: pictures[at] ?? picture }] : [],
      ),
      ...(program ? { program } : {}),
    };
    return new BandChild(this.#space, setup, program ? [this.#spaceFd, program.fd] : [this.#spaceFd]);
  }

  /** Has something done by the process of a band, and by another one when that dies over it. */
  async #withRepeats<T>(member: Member, n: number, work: (child: BandChild) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        if (!member.child.isReady) await ready(member.child);
        return await work(member.child);
      } catch (error) {
        if (!(error instanceof BandDied) || this.#ending !== undefined) throw error;
        const { from, to } = member.band;
        if (++member.attempt >= ATTEMPTS) throw lostBand(from, to, ATTEMPTS, error);
        this.repeated++;
        member.rowsDone = 0;
        member.child = this.#start(n, member.attempt);
        this.#announce();
      }
    }
  }

  async #done(member: Member, child: BandChild, order: Order): Promise<bigint> {
    child.tell(order);
    for (;;) {
      const message = await child.next();
      if (message.kind === 'done') return message.endedNs;
      if (message.kind === 'failed') throw errorOf(message.error);
      if (message.kind !== 'rows') throw unexpected(message);
      member.rowsDone += message.rows;
      const now = this.#members.reduce((sum, { rowsDone }) => sum + rowsDone, 0);
      this.#options.onRows(this.#rowsBefore + now);
    }
  }

  #announce(): void {
    this.#options.onChildren(this.#members.map(({ child }) => child.pid).filter((pid) => pid !== undefined));
  }
}

async function ready(child: BandChild): Promise<void> {
  const message = await child.next();
  if (message.kind === 'failed') throw errorOf(message.error);
  if (message.kind !== 'ready') throw unexpected(message);
  child.isReady = true;
}

function unexpected(message: FromBand): TypeError {
  return new TypeError(`unexpected message "${message.kind}" from the process of a band`);
}

/** The picture before each step, and the last one. */
function picturesOf(picture: Picture, steps: readonly Step[]): Picture[] {
  const pictures = [picture];
  for (const step of steps) {
    const before = pictures.at(-1) ?? picture;
    const channels = step.kind === 'filter' ? filterOf(step.name, step).channels(before.channels) : before.channels;
    pictures.push({ ...before, channels });
  }
  return pictures;
}

/** What the process of a band needs to know of a step: of a program it knows all already. */
function stepOf(step: Step): Order['step'] {
  return step.kind === 'filter' ? step : { kind: 'program' };
}

function sharedSpace({ width, height }: Picture, bytes: number): { space: Space; fd: number } {
  const refusal = (problem: string, cause?: unknown) =>
    new TurnoError('TURNO_IMAGE', { path: `${width}x${height}`, problem }, { cause });
  const mib = Math.ceil(bytes / MIB);
  if (bytes > MOST_BYTES) throw refusal(`needs ${mib} MiB of shared memory, at most ${MOST_BYTES / MIB} can be had`);
  const freeMib = Math.floor(freemem() / MIB);
  if (mib > freeMib) throw refusal(`needs ${mib} MiB of shared memory, ${freeMib} are free`);
  try {
    return Space.createUnnamed({ bytes });
  } catch (error) {
    throw refusal(`needs ${mib} MiB of shared memory (${(error as Error).message})`, error);
  }
}
