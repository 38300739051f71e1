/** C++ in three editions; `cpp` is the middle one. Linked statically, as C is, and for the same reason. */

import { CELL_ENVIRONMENT, type LanguageHandler, linking, operand, PROGRAM } from './language.js';
import { findCompiler } from './tool-chain.js';

function edition(id: string, name: string, standard: string): LanguageHandler {
  return {
    id,
    name: `${name} (g++)`,
    extension: '.cpp',
    find: (searchPath) => findCompiler('g++', searchPath),
    template: 'program',
    compile: ({ path }, main, others, isForTemplate) => {
      const sources = [main, ...others.filter((other) => /\.(cpp|cc|cxx)$/.test(other))].map(operand);
      const argv = [
        'g++',
        `-std=${standard}`,
        '-O2',
        ...linking(isForTemplate),
        '-pthread',
        '-o',
        'program',
        ...sources,
      ];
      return { path, argv, env: CELL_ENVIRONMENT, product: 'program' };
    },
    run: () => ({ path: PROGRAM, argv: [PROGRAM], env: CELL_ENVIRONMENT }),
    selfTest: '#include <cstdio>\nint main() { for (int c; (c = std::getchar()) != EOF;) std::putchar(c); }\n',
  };
}

export const cpp = edition('cpp', 'C++20', 'gnu++20');
export const cpp17 = edition('cpp17', 'C++17', 'gnu++17');
export const cpp23 = edition('cpp23', 'C++23', 'gnu++2b');
