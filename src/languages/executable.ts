/**
 * A program that needs no tool: an ELF executable, best a static one, or a script with `#!`; its file is sent as base64 and
 * run as it is. Off unless a setting allows it: with it users choose which machine code runs, not only which source.
 */

import { BOX, CELL_ENVIRONMENT, type LanguageHandler } from './language.js';

export const executable: LanguageHandler = {
  id: 'executable',
  name: 'Executable (ELF, or a script with #!)',
  extension: '',
  find: async () => ({ path: BOX, version: 'as it is', mounts: [] }),
  isProgram: true,
  run: (_tool, main) => ({ path: `${BOX}/${main}`, argv: [`./${main}`], env: CELL_ENVIRONMENT }),
  selfTest: '#!/bin/cat\n',
};
