// 4 processes add to one number under a Lock. One of them is killed while it has the lock: the next one gets it, and is told.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lock, SharedArray, Space } from 'turno/shm';

const TIMES = 10_000;
const [, , path, name] = process.argv;

if (path === undefined) main();
else count(Space.open(path));

function count(space) {
  const lock = new Lock(space, 'counter');
  const { values } = new SharedArray(space, 'numbers', 'f64', 2); // the counter, and take-overs from the dead
  for (let n = 0; n < TIMES; n++) {
    lock.with(() => {
      if (lock.wasAbandoned) values[1] += 1;
      values[0] += 1; // a load and a store: without the lock some would be lost
    });
  }
  if (name === 'unlucky') {
    lock.acquire();
    process.kill(process.pid, 'SIGKILL');
  }
  space.close();
}

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'turno-counter-'));
  const file = join(directory, 'space');
  const space = Space.create(file);
  const children = ['a', 'b', 'c', 'unlucky'].map((name) => fork(fileURLToPath(import.meta.url), [file, name]));
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  const lock = new Lock(space, 'counter');
  const { values } = new SharedArray(space, 'numbers', 'f64', 2);
  await lock.withLater(async () => {
    if (lock.wasAbandoned) values[1] += 1;
    console.log(`${values[0]} counted by 4 processes; the lock was taken over from the dead ${values[1]} time`);
  });
  space.close();
  rmSync(directory, { recursive: true });
}
