/**
 * The watchdog: a lock is held for microseconds, so a holder that has it from one look to the next does not run. The dead are
 * found by whoever waits; a stopped process (SIGSTOP, a debugger, a frozen terminal) is alive and must be woken or ended, or it
 * holds up the others for ever.
 *
 * At the second look in a row that finds the same holder stopped it gets SIGCONT, at the fourth SIGKILL: then others take its
 * lock over and finish its change. A holder that is not stopped is only slow (a full disk, a busy machine) and is left alone.
 * For a thread of the primary that takes no lock itself, about once a second.
 */

import { statOf } from '../proc-stat.js';
import type { Table } from './shared-table.js';

const LOOKS_BEFORE_CONTINUE = 2;
const LOOKS_BEFORE_KILL = 4;

export interface Intervention {
  readonly pid: number;
  readonly lock: string;
  readonly signal: 'SIGCONT' | 'SIGKILL';
}

export class Watchdog {
  readonly #table: Table;
  readonly #isStopped: (pid: number) => boolean;
  readonly #kill: (pid: number, signal: NodeJS.Signals) => void;
  #seen = new Map<string, number>();

  constructor(table: Table, { isStopped = hasStopped, kill = send } = {}) {
    this.#table = table;
    this.#isStopped = isStopped;
    this.#kill = kill;
  }

  /** Looks once; what it did, for the log. */
  look(): Intervention[] {
    const interventions: Intervention[] = [];
    const seen = new Map<string, number>();
    for (const { name, pid, tid, isDead } of this.#table.heldLocks()) {
      if (isDead || pid === process.pid || !this.#isStopped(pid)) continue; // a dead one's number may be a stranger's by now
      const key = `${name} ${pid} ${tid}`;
      const looks = (this.#seen.get(key) ?? 0) + 1;
      seen.set(key, looks);
      const signal = looks === LOOKS_BEFORE_CONTINUE ? 'SIGCONT' : looks >= LOOKS_BEFORE_KILL ? 'SIGKILL' : undefined;
      if (signal === undefined) continue;
      this.#kill(pid, signal);
      interventions.push({ pid, lock: name, signal });
    }
    this.#seen = seen;
    return interventions;
  }
}

function hasStopped(pid: number): boolean {
  const state = statOf(pid)?.[0]; // gone: whoever waits for its lock takes it over
  return state === 'T' || state === 't';
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ended meanwhile: that was the aim
  }
}
