/** The coordinator with real processes: all kinds of pictures, programs in cells, and what cannot be done. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { Coordinator } from '../../src/image/coordinator.js';
import type { CoordinatorMessage, FilterStep, ImageJob, ProgramStep, Step } from '../../src/image/job.js';
import { partPathOf } from '../../src/image/part-file.js';
import { loadSharp } from '../../src/image/sharp.js';
import { MIB, NS_PER_S } from '../../src/units.js';
import { facts, made, samplesOf } from './pictures.js';

const directory = t.testdir();
const at = (name: string) => join(directory, name);
const filter = (name: FilterStep['name']): Step => ({ kind: 'filter', name, radius: 2 });

function program(file: string, more: Partial<ProgramStep> = {}): Step {
  const limits = {
    ...{ cpuNs: 10 * NS_PER_S, wallNs: 30 * NS_PER_S, memoryBytes: 64 * MIB, processes: 8 },
    ...{ outputBytes: 0, fileBytes: 0, boxBytes: MIB, openFiles: 64, stackBytes: 0 },
  };
  const searchPath = process.env.PATH ?? '';
  return { kind: 'program', file: at(file), overlap: 0, limits, isUnsafe: false, searchPath, ...more };
}

async function make(input: string, output: string, steps: readonly Step[], more: Partial<ImageJob> = {}) {
  const messages: CoordinatorMessage[] = [];
  const partPath = partPathOf(at(output), process.pid);
  const job = {
    input: at(input),
    output: at(output),
    steps,
    workers: 2,
    maxPixels: 1e6,
    partPath,
    starter: 0,
    ...more,
  };
  const report = await new Coordinator(job, (message) => messages.push(message)).run();
  return { report, messages };
}

t.test(
  'grey, colour, alpha, 16 bits, CMYK, one pixel, fewer rows than workers: the same for 1 and 3 processes',
  async (t) => {
    const inputs = {
      'one.png': { width: 1, height: 1, channels: 3 },
      'flat.png': { width: 30, height: 3, channels: 4 },
      'grey.png': { width: 9, height: 8, channels: 1 },
      'grey-alpha.png': { width: 9, height: 8, channels: 2 },
      'deep.png': { width: 9, height: 8, channels: 4, bits: 16 },
      'cmyk.jpg': { width: 16, height: 16, channels: 3, space: 'cmyk', format: 'jpeg' },
    } as const;
    const found: Record<string, unknown> = {};
    for (const [name, what] of Object.entries(inputs)) {
      writeFileSync(at(name), await made(what));
      const { report } = await make(name, '1.png', [filter('blur'), filter('invert')], { workers: 1 });
      t.equal(report.bands, 1);
      t.equal(
        (await make(name, '3.png', [filter('blur'), filter('invert')], { workers: 3 })).report.bands,
        Math.min(3, what.height),
      );
      t.ok(readFileSync(at('1.png')).equals(readFileSync(at('3.png'))), name);
      const { channels, depth } = await facts(at('1.png'));
      found[name] = `${channels} ${depth}`;
    }
    t.strictSame(found, {
      'one.png': '3 uchar',
      'flat.png': '4 uchar',
      'grey.png': '1 uchar',
      'grey-alpha.png': '4 uchar',
      'deep.png': '4 ushort',
      'cmyk.jpg': '3 uchar',
    });
  },
);

t.test('steps are done one after the other, and every row of each is told of', async (t) => {
  writeFileSync(at('in.png'), await made({ width: 8, height: 50, channels: 3 }));
  const { report, messages } = await make('in.png', 'out.jpg', [
    filter('invert'),
    filter('invert'),
    filter('grayscale'),
  ]);
  t.match(report, { width: 8, height: 50, channels: 1, bits: 8, bands: 2, repeated: 0 });
  t.strictSame(
    messages.findLast(({ kind }) => kind === 'rows'),
    { kind: 'rows', done: 150 },
  );
  t.match(await facts(at('out.jpg')), { space: 'b-w' });
});

t.test('a program in a cell gets its band and the overlap, and gives back what it likes', async (t) => {
  writeFileSync(at('in.png'), await made({ width: 8, height: 50, channels: 3 }));
  writeFileSync(
    at('invert.c'),
    `#include <stdio.h>
    #include <string.h>
    int main(void) {
      char line[99];
      do { if (!fgets(line, 99, stdin)) return 1; fputs(line, stdout); } while (strcmp(line, "ENDHDR\\n"));
      for (int c; (c = getchar()) != EOF;) putchar(255 - c);
    }`,
  );
  await make('in.png', 'mine.png', [program('invert.c', { overlap: 3 })], { workers: 3 });
  await make('in.png', 'ours.png', [filter('invert')]);
  t.ok((await samplesOf(at('mine.png'))).equals(await samplesOf(at('ours.png'))));
});

t.test('what cannot be done is said, and leaves nothing', async (t) => {
  const errors = t.testdir({
    'text.png': 'no picture',
    'broken.c': 'int main(',
    'crash.c': 'int main(void) { __builtin_trap(); }',
    'rubbish.c': '#include <stdio.h>\nint main(void) { fputs("why", stderr); puts("rubbish"); }',
  });
  const here = (name: string) => join(errors, name);
  mkdirSync(here('directory.png'));
  writeFileSync(here('in.png'), await made({ width: 10, height: 10, channels: 3 }));
  const before = readdirSync(errors);
  const some = [filter('invert')];
  const wrong: readonly (readonly [string, string, readonly Step[], Partial<ImageJob>, RegExp])[] = [
    ['nowhere.png', 'out.png', some, {}, /nowhere.png: cannot be read \(ENOENT\)/],
    ['text.png', 'out.png', some, {}, /text.png: no picture that can be decoded/],
    ['in.png', 'out.png', some, { maxPixels: 99 }, /10x10 are 100 pixels, at most 99/],
    ['in.png', 'out.bmp', some, {}, /expected a name ending in one of .png/],
    ['in.png', 'nowhere/out.png', some, {}, /out.png: cannot be written \(ENOENT\)/],
    ['in.png', 'directory.png', some, {}, /directory.png: is there, and no file/],
    ['in.png', 'out.png', [program('', { file: here('broken.c') })], {}, /broken.c: does not compile\n.*error/s],
    ['in.png', 'out.png', [program('', { file: here('crash.c') })], {}, /rows \d to \d+, the program: ended by SIG/],
    [
      'in.png',
      'out.png',
      [program('', { file: here('rubbish.c') })],
      {},
      /header.*got "rubbish\\n"; stderr ends "why"/,
    ],
    ['in.png', 'out.png', [program('', { file: here('nowhere.c') })], {}, /nowhere.c.*ENOENT/],
  ];
  for (const [input, output, steps, more, message] of wrong) {
    const paths = { input: here(input), output: here(output), partPath: partPathOf(here(output), process.pid) };
    await t.rejects(make('', '', steps, { ...paths, ...more }), { message });
  }
  t.strictSame(readdirSync(errors), before);
  await t.rejects(loadSharp('sharp-is-not-here'), { code: 'TURNO_SHARP_MISSING', message: /npm install sharp/ });
});

t.test('a file that is not whole, left by a command that is dead, goes with the next one', async (t) => {
  writeFileSync(at('in.png'), await made({ width: 4, height: 4, channels: 3 }));
  writeFileSync(at('.again.png.turno-4194304'), 'half'); // above the largest pid
  writeFileSync(at(`.again.png.turno-${process.ppid}`), 'at work');
  await make('in.png', 'again.png', [filter('edges')]);
  t.strictSame(
    readdirSync(directory).filter((name) => name.startsWith('.again')),
    [`.again.png.turno-${process.ppid}`],
  );
});
