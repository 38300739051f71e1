/** What the kernel says of a process or a thread in one line. */

import { readFileSync } from 'node:fs';

/**
 * The fields of a `stat` file of /proc from the state on, which is number 3 in proc(5); undefined when there is no such task.
 * @param task `PID`, or `PID/task/THREAD`
 */
export function statOf(task: number | string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${task}/stat`, 'latin1');
    // The name before it may hold spaces and parentheses: count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
