/** Waits for a submission, and shows meanwhile how far it is: a bar of its tests, or a line. On a terminal only. */

import { Presets, SingleBar } from 'cli-progress';
import type { Client } from '../io/client.js';
import type { ProgressReply, SubmissionReply } from '../io/schema.js';
import type { Context } from './context.js';
import { Progress } from './progress.js';
import { progressOf } from './report.js';

/** How often a submission is asked for: soon at first, since most are done at once, then less and less often. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 250;

/** @param hasTests whether it has several: then their results are shown as they come */
export async function untilDone(
  context: Context,
  client: Client,
  id: string,
  hasTests: boolean,
): Promise<SubmissionReply> {
  const progress = new Progress(context.err);
  const bar = hasTests && context.err.isTTY === true ? new TestBar(context.err) : undefined;
  let after: string | undefined;
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 1.5)) {
      if (bar !== undefined) {
        const part = await client.progress(id, after);
        after = part.cursor;
        bar.show(part);
        if (part.state === 'done') return await client.show(id);
      } else {
        const reply = await client.show(id);
        if (reply.state === 'done') return reply;
        progress.show(`${progressOf(reply)}, submission ${id}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  } finally {
    progress.end();
    bar?.end();
  }
}

class TestBar {
  readonly #bar: SingleBar;
  #ended = 0;
  #failed = 0;

  constructor(stream: NodeJS.WritableStream) {
    const format = '{bar} {value}/{total} tests, {failed} failed, {duration_formatted}';
    this.#bar = new SingleBar({ format, stream, clearOnComplete: true, hideCursor: true }, Presets.shades_classic);
  }

  show({ isAnew, tests, results }: ProgressReply): void {
    if (isAnew) this.#ended = this.#failed = 0;
    this.#ended += results.length;
    this.#failed += results.filter(({ verdict }) => verdict !== 'AC').length;
    if (tests !== null) this.#bar.start(tests, this.#ended, { failed: this.#failed });
    else this.#bar.update(this.#ended, { failed: this.#failed });
  }

  end(): void {
    this.#bar.stop();
  }
}
