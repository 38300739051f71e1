/**
 * How much of the output of a submission's tests is kept. Each test may write as much as the output limit allows, and there
 * may be a thousand of them: all together would be no answer any client could take, nor a front could hold.
 *
 * What a checker sees is whole; what is kept for the reply is cut when the budget of the submission is used up, and the
 * test's reason says so.
 */

import { MIB } from '../units.js';
import type { RunFacts } from './outcome.js';

const BUDGET_BYTES = 16 * MIB;

export class KeptOutput {
  #leftBytes: number;

  /** @param largestBytes what one test may write: the budget is never smaller than both streams of one */
  constructor(largestBytes: number) {
    this.#leftBytes = Math.max(BUDGET_BYTES, 2 * largestBytes);
  }

  /** The facts with as much output as the budget has left. */
  cut(facts: RunFacts): RunFacts {
    const stdout = this.#take(facts.stdout);
    const stderr = this.#take(facts.stderr);
    const cutBytes = facts.stdout.length + facts.stderr.length - stdout.length - stderr.length;
    if (cutBytes === 0) return facts;
    const note = `${cutBytes} bytes of output are not kept: all tests together have more than the reply may hold`;
    return { ...facts, stdout, stderr, reason: facts.reason === '' ? note : `${facts.reason}; ${note}` };
  }

  #take(bytes: Uint8Array): Uint8Array {
    const kept = bytes.length <= this.#leftBytes ? bytes : bytes.slice(0, this.#leftBytes);
    this.#leftBytes -= kept.length;
    return kept;
  }
}
