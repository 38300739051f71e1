/** Programs to put a server under load with: some that are known by name, and files. */

import { TurnoError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import type { Item } from './plan.js';

const C_HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';

const KNOWN: Readonly<Record<string, object | undefined>> = {
  ping: undefined,
  'hello-c': { language: 'c', source: C_HELLO },
  'hello-python': { language: 'python', source: 'print("hello")\n' },
  loop: { language: 'python', source: 'while True: pass\n', limits: { cpuTimeMs: 200 } },
  crash: { language: 'c', source: 'int main(void) { __builtin_trap(); }\n' },
  'compile-error': { language: 'c', source: 'int main(void) { return }\n' },
};

export const PROGRAM_NAMES = Object.keys(KNOWN);

/**
 * A mix as it is written on a command line: `hello-c=8,ping=1,prog.py`. A weight is 1 when it is not said.
 * @param bodyOf makes a submission of what is no known name: a file
 * @throws TURNO_USAGE for an unknown name that is no file either, or a weight that is no positive number
 */
export async function mixOf(text: string, bodyOf: (file: string) => Promise<object | undefined>): Promise<Item[]> {
  return await Promise.all(
    text.split(',').map(async (entry) => {
      const [, name = '', weightText = '1'] = /^(.*?)(?:=([^=]*))?$/s.exec(entry) ?? [];
      const weight = Number(weightText);
      if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) {
        throw new TurnoError('TURNO_USAGE', { problem: `--mix ${entry}: expected a weight above 0` });
      }
      if (name === 'ping') return { name, weight };
      const body = Object.hasOwn(KNOWN, name) ? KNOWN[name] : await bodyOf(name);
      if (body === undefined) {
        const known = `${PROGRAM_NAMES.join(', ')}, or a file`;
        const problem = `--mix ${name}: expected one of ${known}${didYouMean(name, PROGRAM_NAMES)}`;
        throw new TurnoError('TURNO_USAGE', { problem });
      }
      return { name, weight, body };
    }),
  );
}
