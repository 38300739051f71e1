/**
 * `turno image IN OUT`: a picture filtered by several processes (src/image/). How far it is stands on a bar on stderr, what was
 * done in one line on stdout.
 *
 *     0     the picture is there
 *     2     it could not be made, and nothing of it is left
 *     130   interrupted by Ctrl-C, and nothing of it is left; 129 and 143 by SIGHUP and SIGTERM
 */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { FILTER_NAMES, isFilterName, MAX_RADIUS } from '../image/filters/filters.js';
import type { CoordinatorMessage, ImageJob, ImageReport, Step } from '../image/job.js';
import { partPathOf } from '../image/part-file.js';
import { didYouMean } from '../nearest.js';
import { flagOf } from '../read-settings.js';
import { MIB } from '../units.js';
import { appended } from './appended.js';
import { type Bar, barOn } from './bar.js';
import { type Context, print } from './context.js';
import { integerOption } from './integer-option.js';
import { parseSizeBytes, parseTimeNs } from './quantities.js';

const MAX_WORKERS = 128;
const MAX_OVERLAP = 10_000;
const PIXELS_PER_MEGAPIXEL = 1_000_000;
const WALL_FOR_CPU = 3;
const INTERRUPTED = 128;

interface ImageOptions {
  readonly filter?: readonly string[];
  readonly radius: string;
  readonly program?: string;
  readonly language?: string;
  readonly overlap: string;
  readonly cpu: string;
  readonly memory: string;
  readonly workers: string;
  readonly maxMegapixels: string;
  readonly json?: true;
  readonly unsafeNoSandbox?: true;
}

export function imageCommand(context: Context): Command {
  return new Command('image')
    .description('filter a picture by several processes, each a band of it')
    .argument('<in>', 'the picture: PNG, JPEG, WebP, TIFF, GIF, AVIF, SVG')
    .argument('<out>', 'where to: the ending of the name says the format')
    .option('--filter <name>', `${FILTER_NAMES.join(', ')}; may be repeated, one is done after the other`, appended)
    .option('--radius <n>', `of blur, in pixels (1 to ${MAX_RADIUS})`, '3')
    .option('--program <file>', 'a program of your own, run in a cell on each band, after the filters: docs/image.md')
    .option('--language <id>', 'of the program, instead of the one its name says')
    .option('--overlap <rows>', 'rows above and below its band that the program gets, too', '0')
    .option('--cpu <time>', 'CPU time of the program for a band', '60s')
    .option('--memory <size>', 'memory of the program, without its pictures', '256M')
    .option('--workers <n>', `processes, each with its band (1 to ${MAX_WORKERS})`, String(availableParallelism()))
    .option('--max-megapixels <n>', 'refuse larger pictures', '100')
    .option('--json', 'say what was done as JSON')
    .option(flagOf('unsafeNoSandbox'), 'run the program without a sandbox')
    .action(async (input: string, output: string, options: ImageOptions) => {
      const job = jobOf(input, output, options, context);
      // Loaded only now: the other commands start without it.
      const { ENDING_SIGNALS, makePicture } = await import('../image/start.js');
      const bar = new ImageBar(context.err);
      const end = await makePicture(job, (message) => bar.show(message)).finally(() => bar.end());
      if (end.kind === 'interrupted') {
        print(context.err, `turno: interrupted; ${output} was not written`);
        context.status = INTERRUPTED + ENDING_SIGNALS[end.signal];
      } else {
        print(context.out, options.json ? JSON.stringify(end.report) : sentenceOf(output, end.report));
      }
    });
}

function jobOf(input: string, output: string, options: ImageOptions, { environment }: Context): ImageJob {
  const filters = (options.filter ?? []).map((name): Step => {
    if (isFilterName(name)) {
      return { kind: 'filter', name, radius: integerOption('--radius', options.radius, 1, MAX_RADIUS) };
    }
    const problem = `--filter: expected one of ${FILTER_NAMES.join(', ')}, got "${name}"${didYouMean(name, FILTER_NAMES)}`;
    throw new TurnoError('TURNO_USAGE', { problem });
  });
  const program = options.program === undefined ? [] : [programOf(options.program, options, environment.PATH ?? '')];
  const steps = [...filters, ...program];
  if (steps.length === 0) throw new TurnoError('TURNO_USAGE', { problem: 'expected --filter NAME or --program FILE' });
  return {
    input: resolve(input),
    output: resolve(output),
    steps,
    workers: integerOption('--workers', options.workers, 1, MAX_WORKERS),
    maxPixels: integerOption('--max-megapixels', options.maxMegapixels, 1, 2_000) * PIXELS_PER_MEGAPIXEL,
    partPath: partPathOf(resolve(output), process.pid),
    starter: process.pid,
  };
}

function programOf(file: string, options: ImageOptions, searchPath: string): Step {
  const cpuNs = parseTimeNs(options.cpu, '--cpu');
  return {
    kind: 'program',
    file: resolve(file),
    ...(options.language === undefined ? {} : { language: options.language }),
    overlap: integerOption('--overlap', options.overlap, 0, MAX_OVERLAP),
    limits: {
      cpuNs,
      wallNs: WALL_FOR_CPU * cpuNs,
      memoryBytes: parseSizeBytes(options.memory, '--memory'),
      processes: 64,
      outputBytes: 0,
      fileBytes: 0,
      boxBytes: 256 * MIB,
      openFiles: 1_024,
      stackBytes: 0,
    },
    isUnsafe: options.unsafeNoSandbox === true,
    searchPath,
  };
}

function sentenceOf(output: string, report: ImageReport): string {
  const { width, height, bands, decodeMs, filterMs, encodeMs, repeated } = report;
  const ms = (duration: number) => `${duration.toFixed(0)} ms`;
  const again = repeated === 0 ? '' : `, ${repeated} done again`;
  const times = `decoded in ${ms(decodeMs)}, filtered in ${ms(filterMs)}, encoded in ${ms(encodeMs)}`;
  return `${output}: ${width}x${height}, ${bands} ${bands === 1 ? 'band' : 'bands'}${again}; ${times}`;
}

class ImageBar {
  readonly #bar: Bar | undefined;

  constructor(stream: Context['err']) {
    this.#bar = barOn(stream, '{bar} {phase} {value}/{total} rows, {duration_formatted}');
  }

  show(message: CoordinatorMessage): void {
    if (message.kind === 'rows') this.#bar?.update(message.done);
    if (message.kind !== 'phase') return;
    if (message.rows > 0) this.#bar?.setTotal(message.rows);
    if (message.phase === 'decode') this.#bar?.start(1, 0, { phase: message.phase });
    else this.#bar?.update({ phase: message.phase });
  }

  end(): void {
    this.#bar?.stop();
  }
}
