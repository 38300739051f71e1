/**
 * A band filtered by a program of one's own, in a cell: it reads a picture on stdin and prints one of the same size (pam.ts).
 * The picture has the band and, above and below, the rows of the overlap; these are cut off what it prints.
 */

import { constants, openSync } from 'node:fs';
import { TurnoError } from '../errors.js';
import type { Cells } from '../pool/cells.js';
import { quiet } from '../pool/lone-cell.js';
import { KIB } from '../units.js';
import { verdictOfRun } from '../verdict.js';
import type { BandProgram, Order } from './band-messages.js';
import { widened } from './bands.js';
import { pamOf, takePam } from './pam.js';
import type { Samples } from './picture.js';

/** Of what it says on stderr, in the message of a failure. */
const SAID_BYTES = 200;

/**
 * @param fd the program's descriptor
 * @throws TURNO_IMAGE when it fails, or prints something else; TURNO_CELL
 */
export async function runProgram(
  cells: Cells,
  program: BandProgram,
  fd: number,
  order: Order,
  input: Samples,
  output: Samples,
): Promise<void> {
  const { picture, band } = order;
  const rows = widened(band, program.overlap, picture.height);
  const stdin = pamOf(input, picture, rows, band);
  const outputBytes = stdin.length + 4 * KIB;
  // What it prints lies in memory, and counts as its own.
  const memoryBytes = program.limits.memoryBytes + 2 * outputBytes;
  const limits = { ...program.limits, memoryBytes, outputBytes, fileBytes: outputBytes };
  const { report, stdout, stderr } = await cells.run({
    ...quiet('turno image', limits),
    ...program.command,
    stdin,
    inFiles: [{ place: program.place, name: program.name, content: { fd } }],
  });
  const { verdict, reason } = verdictOfRun(report, limits);
  if (verdict !== 'AC') throw failure(order, `${reason}${said(stderr)}`);
  const problem = takePam(Buffer.from(stdout), output, picture, rows, band);
  if (problem !== undefined) throw failure(order, `its output: ${problem}${said(stderr)}`);
}

function failure({ band }: Order, problem: string): TurnoError {
  return new TurnoError('TURNO_IMAGE', { path: `rows ${band.from} to ${band.to}, the program`, problem });
}

function said(stderr: Uint8Array): string {
  const words = Buffer.from(stderr).subarray(-SAID_BYTES).toString('utf8').trim();
  return words === '' ? '' : `; stderr ends ${JSON.stringify(words)}`;
}

/** The same file with an offset of its own: other processes read it at the same time. */
export function reopened(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY);
}
