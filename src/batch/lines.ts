/** A stream of bytes as lines with their numbers. Only the line that is being read is held. */

import { TurnoError } from '../errors.js';

export interface Line {
  /** From 1, as an editor counts. */
  readonly number: number;
  /** Without its newline. */
  readonly bytes: Buffer;
}

const NEWLINE = 0x0a;

/** @throws TURNO_USAGE for a line of more than `maxBytes`: most likely it is no file of lines */
export async function* linesOf(stream: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line, void> {
  let pieces: Buffer[] = [];
  let length = 0;
  let number = 1;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      pieces.push(chunk.subarray(from, end));
      yield { number: number++, bytes: Buffer.concat(pieces) };
      pieces = [];
      length = 0;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    pieces.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxBytes) {
      throw new TurnoError('TURNO_USAGE', { problem: `line ${number}: longer than ${maxBytes} bytes.` });
    }
  }
  if (length > 0) yield { number, bytes: Buffer.concat(pieces) };
}
