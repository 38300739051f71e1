/** `turno batch FILE`: judges many programs, one JSON object a line in, one a line out. */

import { once } from 'node:events';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { runBatch, type Summary } from '../batch/batch.js';
import { linesOf } from '../batch/lines.js';
import { linesDone, Results, type Write } from '../batch/results.js';
import { TurnoError } from '../errors.js';
import { ORDER } from '../verdict.js';
import { type Bar, barOn } from './bar.js';
import { authenticatedClient, type Context, print, withServer } from './context.js';
import { integerOption } from './integer-option.js';
import { beforeInterruption } from './interruption.js';

/** More than any server takes as one request. */
const MAX_LINE_BYTES = 512 << 20;
/** So many bad lines are told one by one; all of them are in the results. */
const TOLD_BAD_LINES = 10;

interface BatchFlags {
  readonly server?: string;
  readonly to?: string;
  readonly resume?: true;
  readonly ordered?: true;
  readonly concurrency: string;
  readonly patience: string;
}

export function batchCommand(context: Context): Command {
  return withServer(new Command('batch'))
    .description(
      'judge many programs: each line is a submission (the body of POST /v1/submissions), each result a line with its ' +
        'number in `line`; exit status 0 when all were judged, whatever the verdicts, 1 when a line was refused or ended as SE',
    )
    .argument('[file]', 'the submissions; - or nothing is standard input', '-')
    .option('--to <file>', 'where the results go (default: stdout); with --resume it goes on there')
    .option('--resume', 'leave out lines that have a result in --to')
    .option('--ordered', 'write the results in the order of the lines, not as they come')
    .option('--concurrency <n>', 'submissions under way at once (1 to 2000)', '32')
    .option('--patience <s>', 'how long the server may be away before the batch ends (0 to 86400)', '60')
    .action(async (file: string, flags: BatchFlags) => {
      const concurrency = integerOption('--concurrency', flags.concurrency, 1, 2_000);
      const patienceMs = integerOption('--patience', flags.patience, 0, 86_400) * 1_000;
      if (flags.resume && flags.to === undefined) {
        throw new TurnoError('TURNO_USAGE', { problem: '--resume needs --to: the file with the results so far.' });
      }
      const client = await authenticatedClient(context, flags);
      const done = flags.resume && flags.to !== undefined ? await linesDone(flags.to) : new Set<number>();
      const fd = flags.to === undefined ? undefined : opened(flags.to, flags.resume === true);
      const bar = new BatchBar(context, file === '-' ? 0 : await countLines(file));
      let soFar: Summary | undefined;
      const takeBack = beforeInterruption(() => {
        bar.end();
        const goesOn = flags.to === undefined ? '' : `; ${flags.to} has their results, --resume goes on with the rest`;
        if (soFar !== undefined) print(context.err, `broken off after ${inWords(soFar)}${goesOn}`);
      });
      try {
        const summary = await runBatch({
          client,
          lines: linesOf(file === '-' ? process.stdin : createReadStream(file), MAX_LINE_BYTES),
          results: new Results(
            fd === undefined ? toStream(context.out) : toFile(fd, flags.to ?? ''),
            flags.ordered === true,
          ),
          done,
          concurrency,
          patienceMs,
          onResult: (summary) => {
            soFar = summary;
            bar.show(summary);
          },
          onAway: ({ message }) => bar.away(`turno: ${message} Asked again for up to ${flags.patience} s.`),
          onBadLine: (line, { code, message }) => bar.tell(`${file}:${line}: ${message} (${code})`),
        });
        bar.end();
        print(context.err, inWords(summary));
        context.status = summary.bad > 0 || (summary.verdicts.get('SE') ?? 0) > 0 ? 1 : 0;
      } finally {
        takeBack();
        bar.end();
        if (fd !== undefined) closeSync(fd);
        await client.close();
      }
    });
}

/** `300 lines: 280 AC, 18 WA, 2 TLE; 1 refused; 100 had their result already` */
export function inWords({ lines, resumed, bad, verdicts }: Summary): string {
  const judged = [...[...ORDER].reverse(), ...verdicts.keys()].filter((one, at, all) => all.indexOf(one) === at);
  const counts = judged.flatMap((verdict) => {
    const count = verdicts.get(verdict);
    return count === undefined ? [] : [`${count} ${verdict}`];
  });
  return [
    `${lines} ${lines === 1 ? 'line' : 'lines'}: ${counts.join(', ') || 'none judged'}`,
    ...(bad > 0 ? [`${bad} refused`] : []),
    ...(resumed > 0 ? [`${resumed} had their result already`] : []),
  ].join('; ');
}

/** The bar, on a terminal only; complaints stand above it. */
class BatchBar {
  readonly #context: Context;
  readonly #bar: Bar | undefined;
  #told = 0;
  #isAway = false;
  #isEnded = false;

  /** @param total 0 when it is not known */
  constructor(context: Context, total: number) {
    this.#context = context;
    const format = '{bar} {value}/{total}  {duration_formatted}, {eta_formatted} left  {verdicts}';
    this.#bar = barOn(context.err, format, { clearOnComplete: false, etaBuffer: 500 });
    this.#bar?.start(total, 0, { verdicts: '' });
  }

  show({ lines, resumed, bad, verdicts }: Summary): void {
    this.#isAway = false;
    const judged = [...verdicts.values()].reduce((sum, count) => sum + count, 0);
    const bar = this.#bar;
    if (bar === undefined) return;
    if (bar.getTotal() < lines) bar.setTotal(lines);
    bar.update(judged + resumed + bad, {
      verdicts: [...verdicts].map(([name, count]) => `${name} ${count}`).join(' '),
    });
  }

  tell(text: string): void {
    this.#told++;
    if (this.#told > TOLD_BAD_LINES + 1) return;
    const more = 'more lines were refused: their results say why';
    print(this.#context.err, this.#told > TOLD_BAD_LINES ? more : text);
  }

  /** Once, until there are results again. */
  away(text: string): void {
    if (!this.#isAway) print(this.#context.err, text);
    this.#isAway = true;
  }

  end(): void {
    if (!this.#isEnded) this.#bar?.stop();
    this.#isEnded = true;
  }
}

/** Results are never overwritten: they may have cost hours. @throws TURNO_USAGE */
function opened(path: string, goesOn: boolean): number {
  try {
    return openSync(path, goesOn ? 'a' : 'wx', 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'EEXIST' ? `${path} is there already: --resume goes on with it.` : `${path}: ${code}.`;
    throw new TurnoError('TURNO_USAGE', { problem }, { cause: error });
  }
}

async function countLines(file: string): Promise<number> {
  let count = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) count++;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TurnoError('TURNO_USAGE', { problem: `${file}: cannot be read (${code}).` }, { cause: error });
  }
  return count;
}

function toStream(stream: NodeJS.WritableStream): Write {
  return async (text) => {
    if (!stream.write(text)) await once(stream, 'drain');
  };
}

/** Written at once and as a whole, so that a batch that is killed loses at most the end of one line. */
function toFile(fd: number, path: string): Write {
  return async (text) => {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      throw TurnoError.from(error, path);
    }
  };
}
