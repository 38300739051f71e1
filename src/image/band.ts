/**
 * The life of a process that filters bands: maps the shared space, says that it is ready, and does one order after the other.
 *
 * It dies with the coordinator (PR_SET_PDEATHSIG), whatever it is doing. SIGINT from the terminal reaches it too, and is left to
 * the coordinator; SIGTERM from that ends it, with its cell if it has one.
 */

import type { Cells } from '../pool/cells.js';
import { loneCell } from '../pool/lone-cell.js';
import { native } from '../shm/native.js';
import { PipeEnd } from '../shm/pipe.js';
import { SharedArray } from '../shm/shared-array.js';
import { Space } from '../shm/space.js';
import { ARRAYS, type ArrayName, type BandSetup, type FromBand, type Order, type ToBand } from './band-messages.js';
import { filterOf } from './filters/filters.js';
import type { FilterStep } from './job.js';
import type { Samples } from './picture.js';
import { plainOf } from './plain-error.js';
import { practise } from './practice.js';
import { reopened, runProgram } from './program-step.js';

/** Descriptors it inherits. */
export const SPACE_FD = 3;
export const PROGRAM_FD = 4;

export const PIPE_BYTES = 4_096;
const SIGKILL = 9;
/** Each report wakes the coordinator, which has no core of its own. */
const REPORT_EVERY_MS = 50;

/** @returns when there are no more orders */
export async function filterBands(setup: BandSetup): Promise<void> {
  native.setDeathSignal(SIGKILL);
  if (process.ppid !== setup.coordinator) return; // it died before that
  const space = Space.inherited(SPACE_FD);
  const pipe = new PipeEnd(space, setup.pipe, 1, PIPE_BYTES);
  const tell = (message: FromBand) => pipe.send(message);
  const samples = samplesOf(space, setup);
  const cells = setup.program && loneCell(setup.program.isUnsafe, setup.program.mounts);
  // With a cell there is something to be ended before; without, SIGTERM ends this process at once.
  if (cells) process.once('SIGTERM', () => void cells.end().finally(() => process.exit(1)));
  const programFd = setup.program && reopened(PROGRAM_FD);
  practise(setup.filters);
  tell({ kind: 'ready' });
  for (;;) {
    const order = await nextOrder(pipe, cells);
    if (order === undefined) break;
    try {
      const [input, output] = [samples(order.from), samples(order.to)];
      if (order.step.kind === 'filter') applyFilter(order, order.step, input, output, tell);
      else if (cells && setup.program && programFd !== undefined) {
        await runProgram(cells, setup.program, programFd, order, input, output);
        tell({ kind: 'rows', rows: order.band.to - order.band.from });
      }
      tell({ kind: 'done', endedNs: process.hrtime.bigint() });
    } catch (error) {
      tell({ kind: 'failed', error: plainOf(error) });
    }
  }
  await cells?.end();
  pipe.close();
  space.close();
}

function samplesOf(space: Space, { kind, samples }: BandSetup): (name: ArrayName) => Samples {
  const [front, back] = ARRAYS.map((name) => new SharedArray(space, name, kind, samples).values);
  return (name) => {
    const found = name === 'front' ? front : back;
    if (found === undefined) throw new TypeError(`no array ${name}`);
    return found;
  };
}

/** Waits where it stands, to begin at once; with a cell the event loop has to go on. */
async function nextOrder(pipe: PipeEnd, cells: Cells | undefined): Promise<Order | undefined> {
  const received = cells === undefined ? pipe.receive() : await pipe.receiveLater();
  const message = received?.message as ToBand | undefined;
  return message?.kind === 'order' ? message : undefined;
}

function applyFilter(
  { picture, band }: Order,
  step: FilterStep,
  input: Samples,
  output: Samples,
  tell: (message: FromBand) => void,
): void {
  let untold = 0;
  let toldMs = performance.now();
  filterOf(step.name, step).apply(input, output, picture, band, () => {
    untold++;
    const nowMs = performance.now();
    if (nowMs - toldMs < REPORT_EVERY_MS) return;
    tell({ kind: 'rows', rows: untold });
    untold = 0;
    toldMs = nowMs;
  });
  if (untold > 0) tell({ kind: 'rows', rows: untold });
}
