/**
 * Whether nothing below a cell's PID 1 will ever move again by itself: every thread sleeps in a wait that only somebody else can
 * end. From outside, by /proc, so that no program has a say in it:
 *
 *     read, readv             of a pipe
 *     recvmsg, recvfrom       of a socket: a template that waits for its next order is one of these, too
 *     poll, select, epoll     without a time limit
 *     futex                   without a time limit
 *     wait4, waitid           for children, which are looked at themselves
 *
 * Whoever sleeps for a time, has a timer's descriptor, or handles SIGALRM may still wake by itself: then this cannot be said, and
 * it is not. Nor is it where the kernel does not show what a thread waits in (no CAP_SYS_PTRACE over the cell, another processor
 * than the two below).
 *
 * A look is not one moment. So a look says how often each thread has been switched, too: two that say the same mean that nobody
 * has moved between them.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** In the state of a sleeping thread; one that is stopped by the turns may have anything before it. */
const ASLEEP = 'S';
const SIGALRM = 14;
/** An `int` of -1, as /proc/PID/syscall shows it: in all 64 bits, or in the lower 32. */
const FOREVER = ['0xffffffff', '0xffffffffffffffff'];

type Wait = (args: readonly string[], pid: number) => boolean;

interface Sleeper {
  readonly switches: string;
  /** A template does nothing but wait in a socket: it is nobody's program. */
  readonly isInSocket: boolean;
}

const always: Wait = () => true;
const ofKind =
  (kind: string): Wait =>
  ([fd = ''], pid) =>
    linkOf(pid, Number(fd)).startsWith(kind);
const without =
  (index: number): Wait =>
  (args) =>
    args[index] === '0x0';
const endless =
  (index: number): Wait =>
  (args) =>
    FOREVER.includes(args[index] ?? '');

const [pipe, socket, futex] = [ofKind('pipe:'), ofKind('socket:'), without(3)];

/** By the numbers of system calls. */
const WAITS: Readonly<Record<string, Readonly<Record<string, Wait>>>> = {
  // read readv recvfrom recvmsg futex; poll ppoll select pselect6 epoll_wait epoll_pwait; wait4 waitid
  x64: {
    ...{ 0: pipe, 19: pipe, 45: socket, 47: socket, 202: futex },
    ...{ 7: endless(2), 271: without(2), 23: without(4), 270: without(4), 232: endless(3), 281: endless(3) },
    ...{ 61: always, 247: always },
  },
  // The same, but for poll, select and epoll_wait, which are not there.
  arm64: {
    ...{ 63: pipe, 65: pipe, 207: socket, 212: socket, 98: futex },
    ...{ 73: without(2), 72: without(4), 22: endless(3) },
    ...{ 260: always, 95: always },
  },
};

/**
 * What is the same in two looks between which nobody has moved.
 * @param cellPid PID 1 of the cell, which is not looked at itself
 * @returns undefined when somebody may move by itself, or when there is nobody
 */
export function stillnessOf(cellPid: number): string | undefined {
  try {
    const seen: string[] = [];
    let programs = 0;
    const pids = childrenOf(cellPid);
    for (let pid = pids.shift(); pid !== undefined; pid = pids.shift()) {
      if (mayBeWoken(pid)) return undefined;
      for (const tid of readdirSync(`/proc/${pid}/task`)) {
        const sleeper = sleeperOf(pid, tid);
        if (sleeper === undefined) return undefined;
        seen.push(`${tid}:${sleeper.switches}`);
        if (!sleeper.isInSocket) programs++;
        pids.push(...childrenOf(pid, tid));
      }
    }
    return programs === 0 ? undefined : seen.join(' ');
  } catch {
    return undefined; // one of them ended meanwhile, or its waits are not shown to us
  }
}

/** undefined unless the thread waits for somebody else. */
function sleeperOf(pid: number, tid: string): Sleeper | undefined {
  const directory = `/proc/${pid}/task/${tid}`;
  const stat = readFileSync(`${directory}/stat`, 'latin1');
  if (stat[stat.lastIndexOf(')') + 2] !== ASLEEP) return undefined;
  const [call = '', ...args] = readFileSync(`${directory}/syscall`, 'latin1').trim().split(' ');
  const wait = WAITS[process.arch]?.[call];
  if (wait?.(args, pid) !== true) return undefined;
  const status = readFileSync(`${directory}/status`, 'latin1');
  const switches = [...status.matchAll(/ctxt_switches:\s*(\d+)/g)].map(([, count]) => count).join('+');
  return { switches, isInSocket: wait === socket };
}

/** By a timer of its own: it handles SIGALRM, or blocks it to be told of it by a descriptor; or it has a timer's descriptor. */
function mayBeWoken(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const masks = [...status.matchAll(/^Sig(?:Cgt|Blk):\s*([0-9a-f]+)$/gm)].map(([, mask]) => BigInt(`0x${mask}`));
  if (masks.length !== 2 || masks.some((mask) => (mask >> BigInt(SIGALRM - 1)) & 1n)) return true;
  return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(pid, Number(fd)).includes('timerfd'));
}

function childrenOf(pid: number, tid: number | string = pid): number[] {
  const text = readFileSync(`/proc/${pid}/task/${tid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function linkOf(pid: number, fd: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ''; // closed since it was listed
  }
}
