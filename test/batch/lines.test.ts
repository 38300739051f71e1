/** Lines of a batch and of its results: the same however the bytes come, and what was cut off is seen. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { t } from 'tap';
import { linesOf } from '../../src/batch/lines.js';
import { linesDone, Results } from '../../src/batch/results.js';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

t.test(`lines are the same in pieces of any size (SEED=${seed})`, async (t) => {
  const text = fc
    .array(fc.string({ maxLength: 12 }).map((line) => line.replaceAll('\n', '.')))
    .map((lines) => lines.join('\n'));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (text, size) => {
      const found: string[] = [];
      for await (const { number, bytes } of linesOf(inPieces(Buffer.from(text), size), 1_000)) {
        found.push(`${number} ${bytes}`);
      }
      const lines = text.split('\n');
      if (lines.at(-1) === '') lines.pop(); // nothing behind the last newline is no line
      t.same(
        found,
        lines.map((line, i) => `${i + 1} ${line}`),
      );
    }),
    { seed, numRuns: 100 },
  );
});

t.test('a line beyond the maximum is refused by its number', async (t) => {
  const read = async (bytes: number) => {
    for await (const _ of linesOf(inPieces(Buffer.from(`a\n${'x'.repeat(bytes)}`), 7), 20));
  };
  for (const bytes of [21, 50])
    await t.rejects(read(bytes), { code: 'TURNO_USAGE', message: /line 2: longer than 20 bytes/ });
  await read(20);
});

t.test('results in order are held until those before them are there', async (t) => {
  const written: number[] = [];
  const results = new Results(async (text) => void written.push(JSON.parse(text).line), true);
  for (const line of [1, 2, 4, 5]) results.expect(line);
  for (const line of [4, 2]) await results.put(line, {});
  t.same(written, []);
  t.equal(results.held, 2);
  await Promise.all([results.put(1, {}), results.put(5, {})]);
  t.same(written, [1, 2, 4, 5]);
  t.equal(results.held, 0);
});

t.test('what was cut off at the end is taken away, what is no file of results is left alone', async (t) => {
  const path = join(t.testdir({}), 'out');
  t.same(await linesDone(path), new Set(), 'there is none yet');
  const whole = '{"line":3,"verdict":"AC"}\n{"line":1,"error":{}}\n';
  for (const tail of ['', '{"line":2,"verd', '{"line":2}', '{"line":']) {
    writeFileSync(path, whole + tail);
    t.same(await linesDone(path), new Set([3, 1]), tail);
    t.equal(readFileSync(path, 'utf8'), whole, 'up to the last whole result');
  }
  for (const other of ['my diary\n', 'my diary', `${whole}my diary\n${whole}`, '{"a":1}\n', '[]\n']) {
    writeFileSync(path, other);
    await t.rejects(linesDone(path), { code: 'TURNO_USAGE', message: /expected a result of turno batch/ });
    t.equal(readFileSync(path, 'utf8'), other);
  }
});
