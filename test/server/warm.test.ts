/** Warm runs through the real server: who gets them, and that nobody can tell by anything but the reply. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { t } from 'tap';
import { startServer } from '../start-server.js';

t.test('runs from a template and fresh ones', async (t) => {
  const server = await startServer(t);
  const token = await server.register('ada');
  const judge = (language: string, source: string, more = {}) => server.judge(token, { language, source, ...more });

  await t.test('Python is warm, and fresh where that is asked for; nothing else differs', async (t) => {
    const source = 'import sys\nprint(sys.argv, __name__, input())\nsys.exit(3)';
    const warm = await judge('python', source, { stdin: 'x\n', args: ['a'] });
    const fresh = await judge('python', source, { stdin: 'x\n', args: ['a'], fresh: true });
    t.match(warm, { warm: true, verdict: 'RE', exitCode: 3, stdout: "['main.py', 'a'] __main__ x\n" });
    t.match(fresh, { warm: false, verdict: 'RE', exitCode: 3, stdout: warm.stdout, stderr: warm.stderr });
  });

  await t.test('packages a submission brings for the interpreter itself make it fresh', async (t) => {
    const files = [
      { path: 'main.py', content: 'import sys\nprint("usercustomize" in sys.modules)' },
      { path: '.local/lib/python3.11/site-packages/usercustomize.py', content: '' },
    ];
    const reply = await server.judge(token, { language: 'python', files, main: 'main.py' });
    t.match(reply, { warm: false, verdict: 'AC' });
  });

  const tests = ['1', '22', '333', '4444'].map((stdin) => ({ stdin, expected: String(stdin.length) }));
  const counting = {
    c: '#include <stdio.h>\nint main(void) { int n = 0; while (getchar() != EOF) n++; printf("%d\\n", n); }',
    cpp: '#include <iostream>\nint main() { std::string s; std::cin >> s; std::cout << s.size() << std::endl; }',
  };
  for (const [language, source] of Object.entries(counting)) {
    await t.test(`${language}: several tests share a template, one run does not need one`, async (t) => {
      const reply = await server.judgeWarm(token, { language, source, tests });
      t.match(reply, { verdict: 'AC', warm: true });
      // Each cell makes its own, or fails to.
      t.ok(
        reply.tests.some((test: { warm: boolean }) => test.warm),
        'a test was warm',
      );
      t.match(await judge(language, source, { tests, fresh: true }), { verdict: 'AC', warm: false });
      t.match(await judge(language, source, { stdin: 'abc' }), { verdict: 'AC', warm: false });
    });
  }

  await t.test('a program that has code run before it could stand is fresh', async (t) => {
    const source =
      '#include <stdio.h>\n#include <stdlib.h>\nstatic int early(void) { return 4; }\n' +
      'static int (*chosen(void))(void) { return early; }\n' +
      'int later(void) __attribute__((ifunc("chosen")));\nint main(void) { printf("%d\\n", later()); }';
    t.match(await judge('c', source, { tests: [{ expected: '4' }, { expected: '4' }] }), {
      verdict: 'AC',
      warm: false,
    });
  });

  const hostile = resolve(import.meta.dirname, '../../../test/hostile');
  for (const attack of ['early-ifunc', 'early-preinit']) {
    await t.test(`test/hostile/${attack}.c gets no template, so its tests share nothing`, async (t) => {
      const files = [
        { path: 'main.c', content: `#define _GNU_SOURCE\n${readFileSync(join(hostile, `${attack}.c`), 'utf8')}` },
        { path: 'attack.h', content: readFileSync(join(hostile, 'attack.h'), 'utf8') },
      ];
      const tests = [{ expected: '' }, { expected: '' }, { expected: '' }];
      const reply = await server.judge(token, { language: 'c', files, main: 'main.c', tests });
      t.match(reply, { verdict: 'AC', warm: false });
    });
  }
});
