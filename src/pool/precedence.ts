/**
 * The threads that start programs and give them turns, runners and the scheduler, are real-time ones where the kernel lets them:
 * when one wakes it has a core at once, also one on which a program burns. The kernel looks for such a core for real-time
 * threads only; others wait behind the thread that runs where they woke, for up to a tick.
 *
 * Not the threads that serve requests and write to disk: they had nothing of it, and took a tenth of the throughput, because who
 * waits a little finds more to do at once (bench/RESULTS.md). So a flood of requests never runs before the rest of the machine.
 * What a runner starts is of normal priority again. The kernel keeps some 5 % of each core for others, however busy real-time
 * threads are (sched_rt_runtime_us, sched(7)).
 */

import { native } from '../shm/native.js';

/** The calling thread goes first from now on. @returns why the kernel refuses, as a code such as EPERM; undefined when it does not */
export function takePrecedence(): string | undefined {
  try {
    native.setRealtime();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code;
  }
}
