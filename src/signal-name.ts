/** Names of signals, from the system's own table. */

import { constants } from 'node:os';

const NAMES = new Map<number, string>();
// Some numbers have two names (SIGABRT and SIGIOT, SIGIO and SIGPOLL): the first listed is the usual one.
for (const [name, number] of Object.entries(constants.signals)) if (!NAMES.has(number)) NAMES.set(number, name);

/** glibc keeps the first two real-time signals for itself, so SIGRTMIN is 34 for every program it links. */
const REAL_TIME_FIRST = 34;
const REAL_TIME_LAST = 64;

/** `SIGSEGV`, `SIGRTMIN+3`, or `signal 33` where no name exists. */
export function signalName(number: number): string {
  const name = NAMES.get(number);
  if (name !== undefined) return name;
  if (number < REAL_TIME_FIRST || number > REAL_TIME_LAST) return `signal ${number}`;
  return number === REAL_TIME_FIRST ? 'SIGRTMIN' : `SIGRTMIN+${number - REAL_TIME_FIRST}`;
}
