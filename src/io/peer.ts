/**
 * The process at the other end of a mailbox: found by pid and start time, rung by pidfd.
 *
 * What a signal says of its sender can be forged, so nothing is taken from there. A peer is what the kernel says of the
 * process (/proc): it lives, it began when the mailbox says it did, it belongs to a uid that may have the mailbox, and it
 * has a handler for the signal, which would be its end otherwise.
 */

import { closeSync, readFileSync, statSync } from 'node:fs';
import { native } from '../shm/native.js';
import type { ProcessName } from './mailbox.js';
import { MAILBOX_SIGNAL } from './mailbox-layout.js';

/** A full queue of signals is tried again after this, and then after twice as long, up to the scan. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 64;

/** This process, or another by its pid; undefined when it has ended, reaped or not. */
export function processNamed(pid: number): ProcessName | undefined {
  try {
    // The second field, the name, may hold spaces and parentheses: count from behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { pid, startTime: BigInt(fields[19] ?? 0) };
  } catch {
    return undefined; // it has ended, maybe just now
  }
}

export class Peer {
  readonly name: ProcessName;
  readonly #fd: number;
  /** Values whose ring found the queue full. */
  readonly #again = new Set<number>();
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** To be rung with. */
  #value: number | undefined;
  /** Called when a ring finds that the process has ended; never out of `ring` itself. */
  onEnded: () => void = () => undefined;

  private constructor(name: ProcessName, fd: number) {
    this.name = name;
    this.#fd = fd;
  }

  /**
   * @param uid whose process it may be; root's may be too
   * @returns why it may not be rung, when it may not
   */
  static find(name: ProcessName, uid: number): Peer | string {
    // First the descriptor, then the look: what is looked at now is what it means.
    let fd: number;
    try {
      fd = native.openProcess(name.pid);
    } catch (error) {
      return `process ${name.pid}: ${(error as Error).message}`; // 0, or a thread: whatever lay in the slot
    }
    if (fd === -1) return `process ${name.pid} has ended`;
    const refuse = (why: string) => {
      closeSync(fd);
      return why;
    };
    const found = processNamed(name.pid);
    if (found === undefined) return refuse(`process ${name.pid} has ended`); // and nobody has reaped it yet
    if (found.startTime !== name.startTime) return refuse(`process ${name.pid} is another one`);
    try {
      const owner = statSync(`/proc/${name.pid}`).uid;
      if (owner !== uid && owner !== 0) return refuse(`process ${name.pid} belongs to uid ${owner}, not to ${uid}`);
      if (!listens(name.pid)) return refuse(`process ${name.pid} has no handler for signal ${MAILBOX_SIGNAL}`);
    } catch {
      return refuse(`process ${name.pid} has ended`);
    }
    return new Peer(name, fd);
  }

  /** Whether the process lives; a zombie does not. */
  get isAlive(): boolean {
    return processNamed(this.name.pid)?.startTime === this.name.startTime;
  }

  /**
   * Rings when what the event loop is at is done, and once for all rings until then: what they mean is marked in the mailbox.
   * When the queue is full it is tried again later; where it is not allowed the other side's scan has to do.
   */
  ring(value: number): void {
    if (this.#value === undefined) process.nextTick(() => this.#flush());
    this.#value = value;
  }

  #flush(): void {
    if (this.#value !== undefined) this.#send(this.#value);
    this.#value = undefined;
  }

  #send(value: number): void {
    if (this.#isClosed) return;
    try {
      if (!native.ringProcess(this.#fd, MAILBOX_SIGNAL, value)) this.onEnded();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPERM') return; // a client of root at a server of another uid
      if (code !== 'EAGAIN') throw error;
      this.#again.add(value);
      this.#timer ??= setTimeout(() => this.#retry(), this.#retryMs);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    closeSync(this.#fd);
  }

  #retry(): void {
    this.#timer = undefined;
    const values = [...this.#again];
    this.#again.clear();
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
    for (const value of values) this.#send(value);
    if (this.#again.size === 0) this.#retryMs = FIRST_RETRY_MS;
  }
}

/** SigCgt of /proc/PID/status: bit n - 1 is signal n. */
function listens(pid: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(MAILBOX_SIGNAL - 1)) & 1n) === 1n;
}
