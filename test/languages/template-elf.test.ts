/** Executables of which no template may be made, each made by the real compiler, and that the look is not blind to bytes. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Test, t } from 'tap';
import { whyNoTemplate } from '../../src/languages/template-elf.js';

function linked(t: Test, source: string, flags: readonly string[] = [], compiler = 'gcc'): Buffer {
  const out = join(t.testdir(), 'program');
  const options = ['-w', '-D_GNU_SOURCE', '-O1', '-Wl,-z,now', '-x', compiler === 'gcc' ? 'c' : 'c++', '-'];
  execFileSync(compiler, [...options, '-o', out, ...flags], { input: source, stdio: ['pipe', 'inherit', 'pipe'] });
  return readFileSync(out);
}

const MAIN = 'int main(void) { return 0; }\n';

t.test('what gcc and g++ link by default passes', async (t) => {
  const source =
    '#include <stdio.h>\n#include <math.h>\nint main(void) { double x; scanf("%lf", &x); fprintf(stderr, "%f", sin(x)); }';
  t.equal(whyNoTemplate(linked(t, source, ['-lm', '-pthread'])), undefined);
  t.equal(whyNoTemplate(linked(t, source, ['-lm', '-no-pie'])), undefined);
  const names = 'extern char **environ;\nint main(void) { return environ[0][0]; }';
  t.equal(whyNoTemplate(linked(t, names)), undefined, 'copied data may have several names');
  const cpp =
    '#include <bits/stdc++.h>\nusing namespace std;\nstruct E : runtime_error { using runtime_error::runtime_error; };\n' +
    'int main() { map<string, vector<int>> m; string s; while (cin >> s) m[s].push_back(1); regex r("a+");\n' +
    'thread t([] { cout << "x"; }); t.join(); try { throw E("e"); } catch (exception &e) { cout << e.what() << regex_match(s, r); } }';
  t.equal(whyNoTemplate(linked(t, cpp, ['-std=gnu++20', '-pthread'], 'g++')), undefined);
  const once =
    '#include <future>\n#include <iostream>\nint main() { std::cout << std::async([] { return 1; }).get(); }';
  t.equal(
    whyNoTemplate(linked(t, once, ['-std=gnu++20', '-pthread'], 'g++')),
    undefined,
    'thread-local data of the library',
  );
  t.equal(whyNoTemplate(linked(t, `__attribute__((constructor)) void f(void) {}\n${MAIN}`)), undefined);
});

const refused: readonly (readonly [string, string, readonly string[]])[] = [
  ['a static executable', MAIN, ['-static']],
  ['a static PIE', MAIN, ['-static-pie']],
  [
    'an indirect function',
    'static void *r(void) { return 0; }\nint f(void) __attribute__((ifunc("r")));\nint main(void) { return f(); }',
    [],
  ],
  [
    'an indirect function that is exported',
    `static void *r(void) { return 0; }\nint f(void) __attribute__((ifunc("r")));\n${MAIN}`,
    ['-rdynamic'],
  ],
  [
    'an entry before all constructors',
    `static void f(void) {}\n__attribute__((section(".preinit_array"), used)) void (*p)(void) = f;\n${MAIN}`,
    [],
  ],
  [
    'malloc of its own',
    `#include <stddef.h>\nvoid *malloc(size_t n) { return 0; }\nvoid free(void *p) {}\n${MAIN}`,
    [],
  ],
  [
    'another function of the C library',
    `#include <stddef.h>\nvoid *memcpy(void *a, const void *b, size_t n) { return a; }\n${MAIN}`,
    [],
  ],
  ['symbols exported on demand', `int exported;\n${MAIN}`, ['-rdynamic']],
  ['a library outside the list', MAIN, ['-Wl,--no-as-needed', '-lresolv']],
  ['a path for libraries', MAIN, ['-Wl,-rpath,/box']],
  ['another interpreter', MAIN, ['-Wl,--dynamic-linker=/box/loader']],
  ['an executable stack', MAIN, ['-Wl,-z,execstack']],
  ['an executable stack by a section', `asm(".section .note.GNU-stack,\\"x\\",@progbits\\n.text");\n${MAIN}`, []],
  [
    'a segment that is writable and executable',
    `asm(".section .wx,\\"awx\\",@progbits\\n.byte 0\\n.text");\n${MAIN}`,
    [],
  ],
  ['an audit library', MAIN, ['-Wl,--audit=/box/audit.so']],
  ['a filter library', MAIN, ['-shared', '-Wl,-f,x.so']],
];

t.test('refused is', async (t) => {
  for (const [what, source, flags] of refused) {
    const reason = whyNoTemplate(linked(t, source, flags));
    t.ok(reason, `${what}: ${reason}`);
  }
});

const hostile = resolve(import.meta.dirname, '../../../test/hostile');

t.test('refused are the attacks that run code before a template stands, or could', async (t) => {
  for (const attack of ['early-ifunc', 'early-ifunc-burn', 'early-preinit']) {
    const reason = whyNoTemplate(linked(t, readFileSync(join(hostile, `${attack}.c`), 'utf8'), ['-I', hostile]));
    t.ok(reason, `${attack}: ${reason}`);
  }
});

t.test('no bytes make the look fail: it refuses or passes', async (t) => {
  const elf = linked(t, MAIN);
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  t.comment(`SEED=${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  for (let round = 0; round < 3_000; round++) {
    const spoilt = Buffer.from(elf);
    for (let change = random(4); change >= 0; change--) spoilt[random(round % 2 ? 1_024 : elf.length)] = random(256);
    whyNoTemplate(spoilt.subarray(0, round % 7 ? spoilt.length : random(spoilt.length)));
  }
  for (const short of [0, 3, 63, 64, 65, 500]) t.ok(whyNoTemplate(elf.subarray(0, short)), `${short} bytes`);
  t.ok(whyNoTemplate(Buffer.from('#!/bin/sh\n')));
});
