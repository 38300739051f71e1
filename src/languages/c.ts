/**
 * C. Linked statically: such a program starts a quarter faster (no dynamic loader), and a judge starts it for every test.
 * For a template dynamically, and bound before the start: the loader's work is then done once for all tests, and of such an
 * executable can be seen that nothing of it runs before it stands (template-elf.ts).
 * gnu17 and not c17, as a plain `gcc` does: POSIX names (getline, strdup, usleep) are declared. No -pipe: the assembler's
 * input lies in memory anyway, and two processes at once gain nothing on one lane.
 */

import { CELL_ENVIRONMENT, type LanguageHandler, linking, operand, PROGRAM } from './language.js';
import { findCompiler } from './tool-chain.js';

export const c: LanguageHandler = {
  id: 'c',
  name: 'C17 (gcc)',
  extension: '.c',
  find: (searchPath) => findCompiler('gcc', searchPath),
  compile: ({ path }, main, others, isForTemplate) => {
    const sources = [main, ...others.filter((other) => other.endsWith('.c'))].map(operand);
    const argv = [
      'gcc',
      '-std=gnu17',
      '-O2',
      ...linking(isForTemplate),
      '-pthread',
      '-o',
      'program',
      ...sources,
      '-lm',
    ];
    return { path, argv, env: CELL_ENVIRONMENT, product: 'program' };
  },
  template: 'program',
  run: () => ({ path: PROGRAM, argv: [PROGRAM], env: CELL_ENVIRONMENT }),
  selfTest: '#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); return 0; }\n',
};
