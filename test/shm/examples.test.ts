import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';

const EXAMPLES = resolve('examples/shm');
const SAYS: Readonly<Record<string, string>> = {
  'counter.mjs': '40000 counted by 4 processes; the lock was taken over from the dead 1 time\n',
  'buffer.mjs': '4000 put in, 4000 taken out, sum 4002000\n',
  'picture.mjs': '300x200 blurred by 3 processes, 1 replaced; brightness 100\n',
  'sum.mjs': 'sum of 1 to 1000000: 500000500000, in 20 parts\n',
};

t.test('every example of turno/shm runs and says what it should', (t) => {
  // What is compiled now, in the place of an installed package.
  const directory = t.testdir();
  const pack = join(directory, 'node_modules/turno');
  mkdirSync(pack, { recursive: true });
  symlinkSync(resolve('.build/src'), join(pack, 'dist'));
  symlinkSync(resolve('package.json'), join(pack, 'package.json'));
  for (const file of readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'))) {
    symlinkSync(join(EXAMPLES, file), join(directory, file));
    const run = spawnSync(
      process.execPath,
      ['--preserve-symlinks', '--preserve-symlinks-main', join(directory, file)],
      {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '--preserve-symlinks --preserve-symlinks-main' },
      },
    );
    t.equal(run.stdout, SAYS[file], `${file} ${run.stderr}`);
    t.match(readFileSync(join(EXAMPLES, 'README.md'), 'utf8'), `examples/shm/${file}`);
  }
  t.end();
});
