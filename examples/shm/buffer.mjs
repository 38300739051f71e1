// A bounded buffer between threads: 2 producers, 2 consumers, 8 places, one Condition.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Condition, Lock, SharedArray, Space } from 'turno/shm';

const PLACES = 8;
const ITEMS = 2_000; // of each producer
// Behind the places: how many were put in, how many were taken out, and the sum of those.
const [PUT_IN, TAKEN_OUT, SUM] = [PLACES, PLACES + 1, PLACES + 2];

if (isMainThread) main();
else work(Space.attach(workerData.buffer), workerData.role);

function work(space, role) {
  const condition = new Condition(new Lock(space, 'buffer'), 'changed');
  const { values } = new SharedArray(space, 'buffer:places', 'i32', PLACES + 3);
  const filled = () => values[PUT_IN] - values[TAKEN_OUT];
  for (let n = 1; n <= ITEMS; n++) {
    condition.lock.with(() => {
      if (role === 'producer') {
        condition.waitFor(() => filled() < PLACES);
        values[values[PUT_IN]++ % PLACES] = n;
      } else {
        condition.waitFor(() => filled() > 0);
        values[SUM] += values[values[TAKEN_OUT]++ % PLACES];
      }
      condition.notifyAll();
    });
  }
  space.close();
}

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'turno-buffer-'));
  const space = Space.create(join(directory, 'space'));
  const threads = ['producer', 'consumer', 'producer', 'consumer'].map(
    (role) => new Worker(fileURLToPath(import.meta.url), { workerData: { buffer: space.buffer, role } }),
  );
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('exit', resolve))));
  const { values } = new SharedArray(space, 'buffer:places', 'i32', PLACES + 3);
  console.log(`${values[PUT_IN]} put in, ${values[TAKEN_OUT]} taken out, sum ${values[SUM]}`);
  space.close();
  rmSync(directory, { recursive: true });
}
