/**
 * Finds out that two programs which talk with each other wait for each other: long before a limit would.
 *
 * When no word has passed for a while, both are looked at (stillness.ts), again and again. Two looks that find both still, with
 * nobody having moved and nothing said between them, are the proof: what one had said before the first look has come to the
 * relay before the second, since the event loop has gone round. Whoever is asleep in a read has nothing left to read.
 */

import type { Cell } from './cell.js';
import { stillnessOf } from './stillness.js';

/** Without a word between two of these they are looked at. */
const LOOK_EVERY_MS = 20;

export interface Conversation {
  readonly cells: readonly Pick<Cell, 'pid' | 'isRunning'>[];
  /** Changes with each word; undefined while some are on their way. */
  readonly progress: () => number | undefined;
}

/**
 * Watches until it is stopped.
 * @param onDeadlock called at most once
 * @returns stops it
 */
export function watchForDeadlock({ cells, progress }: Conversation, onDeadlock: () => void): () => void {
  let before: string | undefined;
  let wordsBefore: number | undefined;
  const timer = setInterval(() => {
    const words = progress();
    const isSilent = words !== undefined && words === wordsBefore;
    wordsBefore = words;
    const now = isSilent ? lookAt(cells) : undefined;
    if (now !== undefined && now === before) {
      clearInterval(timer);
      onDeadlock();
    }
    before = now;
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

/** What is the same in two looks between which nobody has moved; undefined unless all are still. */
function lookAt(cells: Conversation['cells']): string | undefined {
  const found: string[] = [];
  for (const { pid, isRunning } of cells) {
    const stillness = isRunning ? stillnessOf(pid) : undefined;
    if (stillness === undefined) return undefined;
    found.push(stillness);
  }
  return found.join('; ');
}
