/**
 * The results of a batch, one JSON object a line, written as they come or in the order of the input.
 *
 *     {"line": 12, "id": "...", "verdict": "AC", ...}               what the server answered for line 12
 *     {"line": 13, "error": {"code": "...", "message": "...", ...}}  line 13 was no submission
 */

import { createReadStream, existsSync, statSync, truncateSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import { linesOf } from './lines.js';

/** Writes one line; resolves when there is room for the next. */
export type Write = (text: string) => Promise<void>;

/** A result holds outputs of all tests, bounded by the server; what is longer is no result. */
const MAX_RESULT_BYTES = 512 << 20;

export class Results {
  readonly #write: Write;
  readonly #isOrdered: boolean;
  /** Lines whose results are not written yet, in the order of the input; from #next on. */
  #order: number[] = [];
  #next = 0;
  readonly #held = new Map<number, string>();

  constructor(write: Write, isOrdered: boolean) {
    this.#write = write;
    this.#isOrdered = isOrdered;
  }

  /** Results that wait for one before them. */
  get held(): number {
    return this.#held.size;
  }

  /** A line is begun; told in the order of the input. */
  expect(line: number): void {
    if (this.#isOrdered) this.#order.push(line);
  }

  /** The result of a line. */
  async put(line: number, result: object): Promise<void> {
    const text = `${JSON.stringify({ line, ...result })}\n`;
    if (!this.#isOrdered) {
      await this.#write(text);
      return;
    }
    this.#held.set(line, text);
    for (;;) {
      const first = this.#order[this.#next];
      const ready = first === undefined ? undefined : this.#held.get(first);
      if (first === undefined || ready === undefined) break;
      // Taken out before the write is waited for: meanwhile another result may come in and look for the first.
      this.#next++;
      this.#held.delete(first);
      await this.#write(ready);
    }
    if (this.#next > 1_000) {
      this.#order = this.#order.slice(this.#next);
      this.#next = 0;
    }
  }
}

/**
 * The lines that a file of results has, for a batch that goes on. A last line that was cut off in the middle (the batch was
 * killed, or the disk was full) is taken away.
 * @throws TURNO_USAGE when it is no file of results
 */
export async function linesDone(path: string): Promise<Set<number>> {
  const done = new Set<number>();
  if (!existsSync(path)) return done;
  const { size } = statSync(path);
  let wholeBytes = 0;
  let cut: number | undefined;
  for await (const { number, bytes } of linesOf(createReadStream(path), MAX_RESULT_BYTES)) {
    if (cut !== undefined) throw notResults(path, cut);
    const line = lineIn(bytes);
    // A line that only lacks its newline is cut off too: the next result would be written behind it.
    if (line === undefined || wholeBytes + bytes.length === size) {
      cut = number;
      continue;
    }
    done.add(line);
    wholeBytes += bytes.length + 1;
  }
  // Without one whole result it is more likely somebody's file than the first result cut off: it is left alone.
  if (cut !== undefined && wholeBytes === 0) throw notResults(path, cut);
  truncateSync(path, wholeBytes);
  return done;
}

function lineIn(bytes: Buffer): number | undefined {
  try {
    const { line } = JSON.parse(bytes.toString('utf8')) as { line?: unknown };
    return Number.isSafeInteger(line) ? (line as number) : undefined;
  } catch {
    return undefined; // no JSON: the caller says so
  }
}

function notResults(path: string, line: number): TurnoError {
  return new TurnoError('TURNO_USAGE', { problem: `${path}, line ${line}: expected a result of turno batch.` });
}
