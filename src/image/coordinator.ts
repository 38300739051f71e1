/**
 * The coordinator of a picture, a process of its own.
 *
 *     decode --> shared memory --> a process for each band --> all are done --> encode --> file, whole, under its name
 *
 * What must go away when it is interrupted is said here and nowhere else: the processes of the bands (killed and reaped), and
 * the file that is not whole. The shared memory has no name and goes by itself.
 */

import { closeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { TurnoError } from '../errors.js';
import type { Cells } from '../pool/cells.js';
import { languageOfFile, loneCell, mountsFor, prepare } from '../pool/lone-cell.js';
import type { BandProgram } from './band-messages.js';
import { BandTeam } from './band-team.js';
import { decode, encode, formatOf } from './codec.js';
import type { CoordinatorMessage, ImageJob, ImageReport } from './job.js';
import { checkTarget, publish, sweepParts } from './part-file.js';
import type { Picture } from './picture.js';
import { loadSharp } from './sharp.js';

/** With its descriptor. */
type OpenProgram = BandProgram & { readonly fd: number };

export class Coordinator {
  readonly #job: ImageJob;
  readonly #tell: (message: CoordinatorMessage) => void;
  #team: BandTeam | undefined;
  /** In which the program is compiled. */
  #cells: Cells | undefined;

  constructor(job: ImageJob, tell: (message: CoordinatorMessage) => void) {
    this.#job = job;
    this.#tell = tell;
  }

  /** @throws TURNO_IMAGE and others; nothing is left behind then */
  async run(): Promise<ImageReport> {
    const { input, output, maxPixels, steps, partPath } = this.#job;
    checkTarget(output);
    const format = formatOf(output);
    const sharp = await loadSharp();
    await sweepParts(output);
    const clock = startClock();
    this.#phase('decode', 0);
    const decoded = await decode(sharp, input, maxPixels);
    const decodeMs = clock();
    const program = await this.#program();
    try {
      const team = this.#assemble(decoded.picture, program);
      team.input.set(decoded.samples);
      await team.ready();
      this.#phase('filter', decoded.picture.height * steps.length);
      const { picture, samples, filterMs } = await team.filter();
      clock();
      this.#phase('encode', 0);
      // sharp does not take shared memory.
      const bytes = await encode(sharp, picture, samples.slice(), format, output);
      await team.dismiss();
      await publish(bytes, partPath, output);
      const { width, height, channels, bits } = picture;
      const [bands, repeated] = [team.bandCount, team.repeated];
      return { width, height, channels, bits, bands, decodeMs, filterMs, encodeMs: clock(), repeated };
    } catch (error) {
      await this.#team?.kill();
      throw error;
    } finally {
      if (program) closeSync(program.fd);
    }
  }

  /** Ends all that was begun; what becomes of run() does not matter any more. */
  async interrupt(): Promise<void> {
    await Promise.all([this.#team?.kill(), this.#cells?.end()]);
    await rm(this.#job.partPath, { force: true });
  }

  #assemble(picture: Picture, program: OpenProgram | undefined): BandTeam {
    const { steps, workers } = this.#job;
    this.#team = new BandTeam({
      picture,
      steps,
      workers,
      program,
      onRows: (done) => this.#tell({ kind: 'rows', done }),
      onChildren: (pids) => this.#tell({ kind: 'children', pids }),
    });
    return this.#team;
  }

  #phase(phase: 'decode' | 'filter' | 'encode', rows: number): void {
    this.#tell({ kind: 'phase', phase, rows });
  }

  /** The program of the job, compiled if it is a source. @throws TURNO_IMAGE with the compiler's words */
  async #program(): Promise<OpenProgram | undefined> {
    const step = this.#job.steps.find((one) => one.kind === 'program');
    if (step === undefined) return undefined;
    const { file, overlap, limits, isUnsafe } = step;
    const language = await languageOfFile(file, step.language, step.searchPath);
    const mounts = mountsFor(language);
    this.#cells = loneCell(isUnsafe, mounts);
    try {
      await this.#cells.probe();
      const { program, compiled } = await prepare(file, language, this.#cells, limits);
      if (program === undefined) {
        throw new TurnoError('TURNO_IMAGE', { path: file, problem: `does not compile\n${compiled?.output.trim()}` });
      }
      const { place, name, content } = program.file;
      return { overlap, limits, isUnsafe, mounts, command: program.command, place, name, fd: content.fd };
    } finally {
      await this.#cells.end();
    }
  }
}

/** Milliseconds since the last look. */
function startClock(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const elapsed = now - last;
    last = now;
    return elapsed;
  };
}
