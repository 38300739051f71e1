/** `turno shell`: programs that take turns, by hand or from a script. */

import { Command, InvalidArgumentError } from 'commander';
import { MAX_LANES } from '../pool/cell-layout.js';
import type { ModeName } from '../pool/turns.js';
import { Shell } from '../shell/shell.js';
import { NS_PER_MS, NS_PER_S } from '../units.js';
import type { Context } from './context.js';

const MODES = ['rr', 'las', 'fifo'] as const satisfies readonly ModeName[];
const LONGEST_SLICE_NS = 3_600 * NS_PER_S;

interface ShellFlags {
  readonly slice: number;
  readonly lanes: number;
  readonly turns: ModeName;
  readonly sandbox?: true;
}

export function shellCommand(context: Context): Command {
  return new Command('shell')
    .description('start programs that take turns; commands from the terminal or from a script on stdin')
    .option(
      '--slice <duration>',
      'how long a turn lasts, such as 200ms or 1s (with --turns=rr)',
      parseSliceNs,
      200 * NS_PER_MS,
    )
    .option('--lanes <n>', `programs that run at the same moment (1 to ${MAX_LANES})`, parseLanes, 1)
    .option('--turns <policy>', `whose turn it is: ${MODES.join(', ')}`, parseMode, 'rr')
    .option('--sandbox', 'programs run in cells: an empty directory, no network, nobody else')
    .action(async ({ slice, lanes, turns, sandbox }: ShellFlags) => {
      const streams = { input: process.stdin, out: context.out, err: context.err };
      const policy = { lanes, sliceNs: slice, mode: turns };
      context.status = await new Shell({ ...streams, ...policy, isSandboxed: sandbox === true }).run();
    });
}

function parseSliceNs(text: string): number {
  const [, digits = '', unit] = /^(\d{1,9})(ms|s)$/.exec(text) ?? [];
  const sliceNs = Number(digits) * (unit === 's' ? NS_PER_S : NS_PER_MS);
  if (unit === undefined || sliceNs < NS_PER_MS || sliceNs > LONGEST_SLICE_NS) {
    throw new InvalidArgumentError('Expected a duration from 1ms to 3600s, such as 200ms or 1s.');
  }
  return sliceNs;
}

function parseLanes(text: string): number {
  const lanes = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (lanes < 1 || lanes > MAX_LANES) throw new InvalidArgumentError(`Expected an integer from 1 to ${MAX_LANES}.`);
  return lanes;
}

function parseMode(text: string): ModeName {
  const mode = MODES.find((name) => name === text);
  if (mode === undefined) throw new InvalidArgumentError(`Expected one of ${MODES.join(', ')}.`);
  return mode;
}
