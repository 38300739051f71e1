/** From a submission's words (milliseconds, MiB) to a run's (nanoseconds, bytes). */

import type { SubmissionRequest } from '../io/transport.js';
import type { Language, LanguageSource } from '../languages/language.js';
import { KIB, MIB, NS_PER_MS } from '../units.js';
import type { InFile } from './cell.js';
import { RunFlag } from './cell-layout.js';
import type { RunLimits } from './cell-messages.js';
import type { Job } from './messages.js';
import type { RunPosting } from './process-table.js';

/** Of requests of before one could ask; what a shell gives by default. */
const OPEN_FILES = 1_024;

/** Files of a submission, to be put into the box; with `isProgram` the first of them is to be executed. */
export function boxFiles(files: readonly LanguageSource[], isProgram = false): InFile[] {
  return files.map(({ path, content }, index) => {
    return { place: 'box', name: path, content, isExecutable: isProgram && index === 0 };
  });
}

export function postingOf(job: Job, title: string, memoryLimitBytes: number): RunPosting {
  return { user: job.user, row: job.row, priority: job.priority, memoryLimitBytes, title };
}

/** RunFlag bits of a program in this language. */
export function runFlags({ isVirtualMachine, pipesOutput }: Language): number {
  return (isVirtualMachine ? RunFlag.reserves : 0) | (pipesOutput ? RunFlag.pipeOutput : 0);
}

/** RunFlag bits of a compilation. */
export function compileFlags({ isVirtualMachine }: Language): number {
  return RunFlag.tool | (isVirtualMachine ? RunFlag.reserves : 0);
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
    openFiles: limits.openFiles ?? OPEN_FILES,
    stackBytes: (limits.stackKiB ?? 0) * KIB,
  };
}
