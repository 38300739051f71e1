/** Waits for a submission, and shows meanwhile how far it is: a bar of its tests, or a line. On a terminal only. */

import type { Client } from '../io/client.js';
import type { ProgressReply, SubmissionReply } from '../io/reply-schema.js';
import { type Bar, barOn } from './bar.js';
import { type Context, print } from './context.js';
import { beforeInterruption } from './interruption.js';
import { Progress } from './progress.js';
import { progressOf } from './report.js';

/** How often a submission is asked for: soon at first, since most are done at once, then less and less often. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 250;
const TESTS_FORMAT = '{bar} {value}/{total} tests, {failed} failed, {duration_formatted}';

/** @param hasTests whether it has several: then their results are shown as they come */
export async function untilDone(
  context: Context,
  client: Client,
  id: string,
  hasTests: boolean,
): Promise<SubmissionReply> {
  const progress = new Progress(context.err);
  const line = hasTests ? barOn(context.err, TESTS_FORMAT) : undefined;
  const bar = line && new TestBar(line);
  let after: string | undefined;
  const end = () => {
    progress.end();
    bar?.end();
  };
  // It was accepted: whatever becomes of this command, it is judged.
  const goesOn = `submission ${id} goes on: turno show ${id}, turno cancel ${id}`;
  const takeBack = beforeInterruption(() => {
    end();
    print(context.err, goesOn);
  });
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
  } catch (error) {
    end();
    print(context.err, goesOn);
    throw error;
  } finally {
    takeBack();
    end();
  }
}

class TestBar {
  readonly #bar: Bar;
  #ended = 0;
  #failed = 0;

  constructor(bar: Bar) {
    this.#bar = bar;
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
