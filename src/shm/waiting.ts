/** Waiting with a time-out, blocking or as a promise: the one place where it is counted. Nobody gives up early. */

import { native } from './native.js';

export interface WaitOptions {
  /** Gives up after so long; for ever unless told. 0 does not wait. */
  readonly timeoutMs?: number | undefined;
}

/** When a wait is over. The clock is monotonic: nobody who sets the time of day makes it longer or shorter. */
export class Deadline {
  readonly #endMs: number;

  constructor({ timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions) {
    if (Number.isNaN(timeoutMs)) throw new RangeError('timeoutMs: expected a number, got NaN');
    this.#endMs = performance.now() + timeoutMs;
  }

  /** 0 when the time is over, never less. */
  get leftMs(): number {
    return Math.max(0, this.#endMs - performance.now());
  }
}

/** A word others raise, or change, when there is something to look at, and wake. */
export interface Bell {
  readonly words: Int32Array;
  readonly index: number;
  /** Longest sleep without a look. */
  readonly lookEveryMs: number;
}

/**
 * Blocks until `attempt` gives something else than undefined; undefined when the time is over. There is always one attempt.
 * @param onQuiet called when nobody rang for as long as `lookEveryMs`: the place to look for the dead
 */
export function waitFor<T>(
  bell: Bell,
  attempt: () => T | undefined,
  deadline: Deadline,
  onQuiet: () => void = () => undefined,
): T | undefined {
  const { words, index } = bell;
  for (;;) {
    // Read before the attempt: a ring between the attempt and the sleep has changed the word, and we do not sleep.
    const seen = Atomics.load(words, index);
    const result = attempt();
    if (result !== undefined) return result;
    const { leftMs } = deadline;
    if (leftMs === 0) return undefined;
    if (native.futexWait(words, index, seen, Math.min(leftMs, bell.lookEveryMs)) === 'timed-out') onQuiet();
  }
}

const LONGEST_PAUSE_MS = 10;

/** As waitFor(), without blocking the thread: attempts again and again, at most 10 ms apart. For event loops. */
export async function waitLater<T>(attempt: () => T | undefined, deadline: Deadline): Promise<T | undefined> {
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const isLast = deadline.leftMs === 0;
    const result = attempt();
    if (result !== undefined || isLast) return result;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, deadline.leftMs)));
  }
}

/** What is acquired and released, in every form. */
export abstract class Holdable {
  /** Blocks the thread until it is acquired; false when the time is over. */
  abstract acquire(options?: WaitOptions): boolean;
  /** As acquire(), without blocking the thread. */
  abstract acquireLater(options?: WaitOptions): Promise<boolean>;
  abstract release(): void;

  /** Calls `body` with it held. */
  with<T>(body: () => T): T {
    this.acquire();
    try {
      return body();
    } finally {
      this.release();
    }
  }

  /** As with(), for a body that takes its time, without blocking the thread. */
  async withLater<T>(body: () => Promise<T>): Promise<T> {
    await this.acquireLater();
    try {
      return await body();
    } finally {
      this.release();
    }
  }
}
