/** From a submission's words (milliseconds, MiB) to a run's (nanoseconds, bytes). */

import type { SubmissionRequest } from '../io/transport.js';
import { KIB, MIB, NS_PER_MS } from '../units.js';
import type { InFile } from './cell.js';
import type { RunLimits } from './cell-messages.js';
import type { Job } from './messages.js';
import type { RunPosting } from './process-table.js';

/** Open files a program may have; what a shell gives by default. */
const OPEN_FILES = 1_024;

/** Files of a submission, to be put into the box; with `isProgram` the first of them is to be executed. */
export function boxFiles(files: SubmissionRequest['files'], isProgram = false): InFile[] {
  return files.map(({ path, content }, index) => {
    return { place: 'box', name: path, content, isExecutable: isProgram && index === 0 };
  });
}

export function postingOf(job: Job, title: string, memoryLimitBytes: number): RunPosting {
  return { user: job.user, row: job.row, priority: job.priority, memoryLimitBytes, title };
}

export function runLimits(limits: SubmissionRequest['limits']): RunLimits {
  return {
    cpuNs: limits.cpuTimeMs * NS_PER_MS,
    wallNs: limits.wallTimeMs * NS_PER_MS,
    memoryBytes: limits.memoryMiB * MIB,
    processes: limits.processes,
    outputBytes: limits.outputKiB * KIB,
    fileBytes: limits.fileSizeKiB * KIB,
    // All files together: a few times the largest, so that a program may keep more than one.
    boxBytes: Math.max(4 * limits.fileSizeKiB * KIB, 64 * MIB),
    openFiles: OPEN_FILES,
    stackBytes: 0,
  };
}
