/**
 * A picture's coordinator, seen from the command that starts it: what it says, its end, and what is left when it is killed.
 *
 * Signals that end the command are passed on as an interruption, and the command ends only when the coordinator has cleared
 * up. The file that is not whole is removed here too: a coordinator killed with SIGKILL cannot.
 */

import { fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TurnoError } from '../errors.js';
import type { CoordinatorMessage, ImageJob, ImageReport } from './job.js';
import { errorOf } from './plain-error.js';
import { endInWords } from './process-end.js';

const SCRIPT = fileURLToPath(new URL('./coordinator-process.js', import.meta.url));

/** Signals that end a command, each as its exit status says: 128 + number. */
export const ENDING_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type EndingSignal = keyof typeof ENDING_SIGNALS;

export type ImageEnd =
  | { readonly kind: 'done'; readonly report: ImageReport }
  | { readonly kind: 'interrupted'; readonly signal: EndingSignal };

/**
 * @param onMessage how far it is, and which processes do it
 * @throws TURNO_IMAGE and others; nothing is left behind then
 */
export async function makePicture(job: ImageJob, onMessage: (message: CoordinatorMessage) => void): Promise<ImageEnd> {
  const coordinator = fork(SCRIPT, [JSON.stringify(job)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let last: CoordinatorMessage | undefined;
  let interrupted: EndingSignal | undefined;
  coordinator.on('message', (message: CoordinatorMessage) => {
    last = message;
    onMessage(message);
  });
  const signals = Object.keys(ENDING_SIGNALS) as EndingSignal[];
  const interrupt = (signal: EndingSignal) => {
    interrupted ??= signal;
    coordinator.kill('SIGINT');
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    const how = await new Promise<string>((resolve) => {
      // `close`, not `exit`: then all it has said has been received.
      coordinator.once('close', (code, signal) => resolve(endInWords(code, signal)));
      coordinator.once('error', (error) => resolve(error.message));
    });
    if (last?.kind === 'done') return last;
    await rm(job.partPath, { force: true });
    if (last?.kind === 'failed') throw errorOf(last.error);
    if (interrupted !== undefined) return { kind: 'interrupted', signal: interrupted };
    throw new TurnoError('TURNO_IMAGE', { path: job.output, problem: `the coordinator's process ended (${how})` });
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
