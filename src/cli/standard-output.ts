/** What becomes of a command whose output cannot be written: it ends, and its status says that what it printed is not whole. */

import { TurnoError } from '../errors.js';
import { print } from './context.js';

const UNWRITTEN_STATUS = 2;
/** As a shell says of a program that SIGPIPE ended: whoever read (head, a pager) has seen enough, and needs no complaint. */
const BROKEN_PIPE_STATUS = 141;

/** For the `error` event of standard output. Ends the process. */
export function complain(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE_STATUS);
  const problem = error.message;
  const { message, code } = new TurnoError('TURNO_SYSTEM', { call: 'write', on: 'standard output', problem });
  print(process.stderr, `turno: ${message} (${code})`);
  process.exit(UNWRITTEN_STATUS);
}
