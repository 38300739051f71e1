/**
 * Python, as `python3 main.py` would run it: the submission's other files can be imported, site-packages too. No .pyc is
 * written: the box is emptied after the run, so it would be work for nothing.
 */

import { CELL_ENVIRONMENT, type LanguageHandler, operand } from './language.js';
import { isShadowed, ONE_THREAD } from './preload.js';
import { findPython } from './tool-chain.js';

export const python: LanguageHandler = {
  id: 'python',
  name: 'Python 3 (CPython)',
  extension: '.py',
  find: (searchPath) => findPython('python3', searchPath),
  run: ({ path, preload }, main) => ({
    path,
    // CPython looks for its library beside argv[0]: a bare `python3` would find that of another one on the PATH.
    argv: [path, operand(main)],
    env: [...CELL_ENVIRONMENT, 'PYTHONDONTWRITEBYTECODE=1', ...(preload ? ONE_THREAD : [])],
  }),
  template: 'python',
  // What in the box CPython would read before it opens the main file: packages of the user, below HOME; and what would be
  // imported in place of a preloaded module.
  isSameWarm: (paths, { preload }) =>
    !paths.some((path) => path === '.local' || path.startsWith('.local/')) && !(preload && isShadowed(preload, paths)),
  selfTest: 'import sys, shutil\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)\n',
};
