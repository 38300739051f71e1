/** A thread of a pool that can be asked to die (lines.test.ts), in the ways in which threads do. */

import { threadId } from 'node:worker_threads';
import { holdLine, type LineTask } from '../../src/pool/line.js';

/** `wait` is never answered; the others with what the thread has been told to remember, and which thread it is. */
export type MortalTask = 'who' | 'wait' | 'throw' | 'exit' | { readonly remember: string };
export interface MortalReply {
  readonly thread: number;
  readonly remembered: string;
}

let remembered = '';

export default function execute({ port }: LineTask): Promise<void> {
  return holdLine<MortalTask, MortalReply>(port, perform);
}

async function perform(task: MortalTask): Promise<MortalReply> {
  if (task === 'throw') {
    setImmediate(() => {
      throw new Error('thrown where nobody catches it');
    });
  }
  if (task === 'exit') process.exit(3);
  if (task === 'throw' || task === 'wait') return new Promise(() => undefined);
  if (typeof task === 'object') remembered = task.remember;
  return { thread: threadId, remembered };
}
