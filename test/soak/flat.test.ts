import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { flatness } from './flat.js';
import { sample } from './samples.js';

t.test('what grows at first and then stands still is flat; what grows on is not', async (t) => {
  const still = Array.from({ length: 90 }, (_, i) => Math.min(i, 30) * 100);
  t.match(flatness(still, 0.01, 0), { isFlat: true, before: 3_000, after: 3_000 });
  const growing = Array.from({ length: 90 }, (_, i) => 3_000 + i * 10);
  t.equal(flatness(growing, 0.05, 0).isFlat, false);
  t.equal(flatness(growing, 0.05, 400).isFlat, true, 'as little as that is noise');
  const saw = Array.from({ length: 90 }, (_, i) => 3_000 + (i % 9) * 100 + (i > 70 ? 200 : 0));
  saw[75] = 3_000;
  t.equal(flatness(saw, 0.01, 0).isFlat, false);
  t.equal(flatness(saw, 0.01, 0, 'least').isFlat, true, 'a saw is as flat as its troughs');
  t.throws(() => flatness([1, 2], 0, 0), RangeError);
});

t.test('a sample counts this process, its descriptors and its dead children', async (t) => {
  const before = sample(process.pid);
  t.ok(before.memoryKib > 1_000 && before.descriptors > 3 && before.threads > 1);
  // A shell that execs does not reap: its child becomes a zombie of the sleep.
  const child = spawn('sh', ['-c', 'true & exec sleep 1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  while (sample(process.pid).zombies !== before.zombies + 1) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.equal(sample(process.pid).zombies, before.zombies);
});
