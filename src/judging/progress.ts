/** What is told of a submission while it runs: results of its tests, from the file its runner writes (io/progress-file.ts). */

import { PROGRESS_START, type ProgressCursor, type ProgressLine, type ProgressWriter } from '../io/progress-file.js';
import type { ProgressReply, ProgressTest } from '../io/reply-schema.js';
import type { Row } from '../shm/table.js';
import type { TestOutcome } from './outcome.js';
import { summaryOf, testReply } from './reply.js';

/** @param text as the schema allows it: `attempt-offset` */
export function cursorOf(text: string | undefined): ProgressCursor {
  if (text === undefined) return PROGRESS_START;
  const [attempt = 0, offset = 0] = text.split('-').map(Number);
  return { attempt, offset };
}

export function progressOf(
  row: Row,
  found: { lines: ProgressLine[]; cursor: ProgressCursor } | undefined,
  after: string | undefined,
): ProgressReply {
  const { state } = summaryOf(row, '');
  const known = cursorOf(after);
  if (found === undefined) return { state, cursor: after ?? '0-0', tests: null, isAnew: false, results: [] };
  const head = found.lines.find((line): line is { tests: number } => 'tests' in line);
  return {
    state,
    cursor: `${found.cursor.attempt}-${found.cursor.offset}`,
    tests: head?.tests ?? null,
    isAnew: known.attempt !== 0 && known.attempt !== found.cursor.attempt,
    results: found.lines.filter((line): line is ProgressTest => !('tests' in line)),
  };
}

/** In the runner: a test has ended. Output and reason stay behind: they may be secret, or long. */
export function tellTest(writer: ProgressWriter, test: TestOutcome): void {
  const { stdout, stderr, stdoutBase64, stderrBase64, reason, ...told } = testReply(test);
  writer.tell(told);
}
