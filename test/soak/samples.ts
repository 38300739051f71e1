/** What a server holds of the machine, all its processes together, read from /proc. */

import { readdirSync, readFileSync } from 'node:fs';

export interface Sample {
  /** Of primary and fronts, their own. */
  readonly memoryKib: number;
  /** Of primary and fronts. */
  readonly descriptors: number;
  readonly threads: number;
  /** Keepers and first processes of cells, and programs. */
  readonly cells: number;
  readonly zombies: number;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly state: string;
}

/**
 * What a process has of its own: the pages of files it maps (the table, a mailbox) are not counted, they grow with what is
 * stored there.
 */
export function ownMemoryKib(pid: number): number {
  return statusField(pid, 'RssAnon');
}

export function sample(server: number): Sample {
  const all = processes();
  const own = descendants(all, server);
  const served = own.filter(({ name }) => name.startsWith('node') || name === 'MainThread');
  const sum = (of: (pid: number) => number) => served.reduce((total, { pid }) => total + of(pid), 0);
  return {
    memoryKib: sum(ownMemoryKib),
    descriptors: sum(descriptorsOf),
    threads: sum((pid) => statusField(pid, 'Threads')),
    cells: own.filter(({ name, state }) => name.startsWith('turno-cell') && state !== 'Z').length,
    zombies: own.filter(({ state }) => state === 'Z').length,
  };
}

function descendants(all: readonly Process[], root: number): Process[] {
  const children = all.filter(({ parent }) => parent === root);
  const self = all.filter(({ pid }) => pid === root);
  return [...self, ...children.flatMap(({ pid }) => descendants(all, pid))];
}

function processes(): Process[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const close = stat.lastIndexOf(')');
      const [state = '', parent] = stat.slice(close + 2).split(' ');
      return [{ pid: Number(entry), parent: Number(parent), name: stat.slice(stat.indexOf('(') + 1, close), state }];
    } catch {
      return []; // it ended while we looked
    }
  });
}

function statusField(pid: number, name: string): number {
  try {
    return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0; // it ended while we looked
  }
}

function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // it ended while we looked
  }
}
