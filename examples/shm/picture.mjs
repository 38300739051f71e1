// A picture blurred by 3 processes, each a band of its rows: what `turno image` does, without decoding and cells (docs/image.md).
// The space has no name: children inherit its descriptor, and nothing is left of it however they end. A child that dies in the
// middle is replaced; the first one does so here on purpose.
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PipeEnd, SharedArray, Space } from 'turno/shm';

const [WIDTH, HEIGHT, CHILDREN] = [300, 200, 3];
const SPACE_FD = 3;
const [, , name, isToDie] = process.argv;

if (name === undefined) main();
else child(Space.inherited(SPACE_FD), isToDie === 'die');

function arrays(space) {
  return ['before', 'after'].map((what) => new SharedArray(space, what, 'u8', WIDTH * HEIGHT).values);
}

function child(space, isToDie) {
  const pipe = new PipeEnd(space, name, 1);
  const [before, after] = arrays(space);
  const { from, to } = pipe.receive().message;
  if (isToDie) process.kill(process.pid, 'SIGKILL');
  // Bands overlap: the row above and the row below belong to others, who only read them, too.
  const pixel = (x, y) => before[Math.min(HEIGHT - 1, Math.max(0, y)) * WIDTH + Math.min(WIDTH - 1, Math.max(0, x))];
  for (let y = from; y < to; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const around = pixel(x - 1, y) + pixel(x + 1, y) + pixel(x, y - 1) + pixel(x, y + 1);
      after[y * WIDTH + x] = Math.round((4 * pixel(x, y) + around) / 8);
    }
  }
  pipe.send('done');
  pipe.close();
  space.close();
}

async function main() {
  const { space, fd } = Space.createUnnamed({ bytes: 4 * WIDTH * HEIGHT + 2_000_000 });
  const [before, after] = arrays(space);
  for (let i = 0; i < before.length; i++) before[i] = (i % WIDTH) % 20 < 10 ? 0 : 200; // stripes
  let replaced = 0;
  const band = async (n, attempt) => {
    const pipe = new PipeEnd(space, `band ${n}.${attempt}`, 0);
    const args = [fileURLToPath(import.meta.url), `band ${n}.${attempt}`, ...(n + attempt === 0 ? ['die'] : [])];
    spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', fd] });
    pipe.send({ from: Math.floor((n * HEIGHT) / CHILDREN), to: Math.floor(((n + 1) * HEIGHT) / CHILDREN) });
    try {
      await pipe.receiveLater();
    } catch {
      replaced++; // "the other end is closed": it died, and what it read is unchanged
      await band(n, attempt + 1);
    }
  };
  await Promise.all(Array.from({ length: CHILDREN }, (_, n) => band(n, 0)));
  const sum = after.reduce((total, value) => total + value, 0);
  console.log(
    `${WIDTH}x${HEIGHT} blurred by ${CHILDREN} processes, ${replaced} replaced; brightness ${sum / after.length}`,
  );
  space.close();
  closeSync(fd);
}
