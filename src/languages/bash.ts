/** Bash, as `bash main.sh` would run it. Scripts write to /dev/stdout and /dev/stderr by name, so they get pipes. */

import { CELL_ENVIRONMENT, type LanguageHandler, operand } from './language.js';
import { findTool } from './tool-chain.js';

export const bash: LanguageHandler = {
  id: 'bash',
  name: 'Bash',
  extension: '.sh',
  find: (searchPath) => findTool('bash', searchPath, ['--version']),
  run: ({ path }, main) => ({ path, argv: ['bash', operand(main)], env: CELL_ENVIRONMENT }),
  pipesOutput: true,
  selfTest: 'exec cat\n',
};
