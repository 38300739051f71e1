// A million numbers in a SharedArray, summed by 2 processes. Only the ranges and the sums travel through pipes.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PipeEnd, SharedArray, Space } from 'turno/shm';

const COUNT = 1_000_000;
const PART = 50_000;
const [, , path, name] = process.argv;

if (path === undefined) main();
else sum(Space.open(path), name);

function sum(space, name) {
  const pipe = new PipeEnd(space, name, 1);
  const { values } = new SharedArray(space, 'numbers', 'f64', COUNT);
  for (let order = pipe.receive().message; order !== 'end'; order = pipe.receive().message) {
    const part = values.subarray(order.from, order.to);
    pipe.send({ ...order, sum: part.reduce((total, value) => total + value, 0) });
  }
  pipe.close();
  space.close();
}

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'turno-sum-'));
  const file = join(directory, 'space');
  const space = Space.create(file, { bytes: COUNT * 8 + 1_048_576 });
  const { values } = new SharedArray(space, 'numbers', 'f64', COUNT);
  for (let n = 0; n < COUNT; n++) values[n] = n + 1;
  const pipes = ['first', 'second'].map((name) => {
    const pipe = new PipeEnd(space, name, 0);
    fork(fileURLToPath(import.meta.url), [file, name]);
    return pipe;
  });
  let next = 0;
  const totals = pipes.map(async (pipe) => {
    let total = 0;
    let parts = 0;
    while (next < COUNT) {
      const from = next;
      next += PART;
      await pipe.sendLater({ from, to: Math.min(next, COUNT) });
      total += (await pipe.receiveLater()).message.sum;
      parts++;
    }
    await pipe.sendLater('end');
    return { total, parts };
  });
  const [first, second] = await Promise.all(totals);
  console.log(`sum of 1 to ${COUNT}: ${first.total + second.total}, in ${first.parts + second.parts} parts`);
  space.close();
  rmSync(directory, { recursive: true });
}
