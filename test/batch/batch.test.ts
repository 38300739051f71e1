/** What a batch makes of refusals: some are the result of a line, some are waited out, some end it so that it can be resumed. */

import { t } from 'tap';
import { runBatch } from '../../src/batch/batch.js';
import { Results } from '../../src/batch/results.js';
import { type Client, Refusal } from '../../src/io/client.js';

/** Three lines, of which the server refuses each as often as the test says. */
async function batchOf(refusals: readonly string[], patienceMs: number) {
  const written: string[] = [];
  const left = [...refusals];
  const submit = async () => {
    const code = left.shift();
    if (code !== undefined) throw new Refusal(code, code);
    return { verdict: 'AC' };
  };
  async function* lines() {
    for (const number of [1, 2, 3]) yield { number, bytes: Buffer.from('{}') };
  }
  const ended = runBatch({
    client: { submit } as unknown as Client,
    lines: lines(),
    results: new Results(async (text) => void written.push(text), false),
    done: new Set(),
    concurrency: 1,
    patienceMs,
    onResult: () => undefined,
    onBadLine: () => undefined,
    onAway: () => undefined,
  });
  const failure = await ended.then(
    () => undefined,
    (error: Refusal) => error.code,
  );
  return { failure, written };
}

for (const code of ['TURNO_DISK_LOW', 'TURNO_DISK_FULL', 'TURNO_DISK_REFUSES', 'TURNO_STOPPING', 'TURNO_CONNECTIONS']) {
  t.test(
    `${code} passes: the line is asked again, and in the end the batch is broken off without a result`,
    async (t) => {
      t.match(await batchOf([code, code], 60_000), { failure: undefined, written: { length: 3 } });
      t.match(await batchOf(Array(1_000).fill(code), 0), { failure: code, written: { length: 0 } });
    },
  );
}

for (const code of ['TURNO_TABLE_FULL', 'TURNO_TOKEN_UNKNOWN']) {
  t.test(`${code} ends the batch at once, without a result for its line`, async (t) => {
    t.match(await batchOf([code], 60_000), { failure: code, written: { length: 0 } });
  });
}

t.test('a refusal of the line is its result', async (t) => {
  const { failure, written } = await batchOf(['TURNO_TOO_LARGE'], 60_000);
  t.equal(failure, undefined);
  t.match(
    written.map((text) => JSON.parse(text)),
    [{ line: 1, error: { code: 'TURNO_TOO_LARGE' } }, { line: 2 }, { line: 3 }],
  );
});
