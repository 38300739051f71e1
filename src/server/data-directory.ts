/**
 * One server a data directory, proved three times over, because each guard alone has a hole:
 *
 *   turno.lock    a file the primary holds with flock(2): the kernel lets go of it the moment the process is dead.
 *                 Its text is the owner: pid, start time, boot id.
 *   the directory itself, flocked shared by every front: no server starts while a front of the former one lives, even when
 *                 its primary is long gone. Cells do not hold it: they map no table, and end by themselves with their front.
 *   turno.lock.d  made by proper-lockfile: its mtime is kept fresh, so it also tells on file systems where flock means
 *                 little. Left by a dead owner it is taken at once: who holds turno.lock knows that nobody lives.
 */

import { closeSync, constants, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { TurnoError } from '../errors.js';
import { makeDirectories } from '../io/make-directories.js';
import { statOf } from '../proc-stat.js';
import { bootId } from '../shm/boot.js';
import { native } from '../shm/native.js';

/** How long a start waits for processes of a server that was killed: they end by themselves, at once unless stopped. */
const FORMER_PROCESSES_MS = 10_000;
const RETRY_MS = 10;

const { O_RDWR, O_CREAT, O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

export interface Owner {
  readonly pid: number;
  /** Clock ticks after boot at which the process began: tells a process from a later one with its pid. */
  readonly startTime: string;
  readonly bootId: string;
}

export class DataDirectory {
  readonly path: string;
  readonly #lockFd: number;
  readonly #release: () => Promise<void>;

  private constructor(path: string, lockFd: number, release: () => Promise<void>) {
    this.path = path;
    this.#lockFd = lockFd;
    this.#release = release;
  }

  /**
   * Makes the directory if it is not there, and locks it for the primary.
   * @param onCompromised called when somebody removed the lock under the running server.
   * @throws TURNO_DATA_LOCKED when a server, or a process of a former one, lives on it.
   */
  static async lock(path: string, onCompromised: (error: Error) => void): Promise<DataDirectory> {
    makeDirectories(path);
    const lockPath = join(path, 'turno.lock');
    const lockFd = openSync(lockPath, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      if (!native.lockFile(lockFd, 'exclusive')) {
        throw new TurnoError('TURNO_DATA_LOCKED', { path, pid: ownerOf(lockPath)?.pid ?? 'unknown' });
      }
      await waitForFormerProcesses(path, ownerOf(lockPath));
      // Nobody lives: a lock directory that is still here was left behind.
      rmSync(join(path, 'turno.lock.d'), { recursive: true, force: true });
      const release = await lockfile.lock(path, { lockfilePath: join(path, 'turno.lock.d'), onCompromised });
      const owner: Owner = {
        pid: process.pid,
        startTime: startTimeOf(process.pid) ?? '',
        bootId: Buffer.from(bootId()).toString('hex'),
      };
      ftruncateSync(lockFd);
      writeSync(lockFd, `${JSON.stringify(owner)}\n`, 0);
      return new DataDirectory(path, lockFd, release);
    } catch (error) {
      closeSync(lockFd);
      throw error;
    }
  }

  async unlock(): Promise<void> {
    await this.#release();
    ftruncateSync(this.#lockFd);
    closeSync(this.#lockFd);
  }
}

/** A front's share of the directory; it is held as long as the descriptor is open anywhere. */
export function holdDirectory(path: string): number {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY);
  if (!native.lockFile(fd, 'shared')) {
    closeSync(fd);
    throw new TurnoError('TURNO_DATA_LOCKED', { path, pid: ownerOf(join(path, 'turno.lock'))?.pid ?? 'unknown' });
  }
  return fd;
}

async function waitForFormerProcesses(path: string, former: Owner | undefined): Promise<void> {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY);
  try {
    // The kernel tells nobody when a lock of others is gone, other than by blocking: so look again, for a while.
    for (let waitedMs = 0; !native.lockFile(fd, 'exclusive'); waitedMs += RETRY_MS) {
      if (waitedMs >= FORMER_PROCESSES_MS) {
        throw new TurnoError('TURNO_DATA_LOCKED', {
          path,
          pid: `${former?.pid ?? 'unknown'} (ended, but its fronts live)`,
        });
      }
      await delay(RETRY_MS);
    }
  } finally {
    closeSync(fd);
  }
}

/** Who serves a directory, if he lives: a pid alone may be another process by now. */
export function livingOwner(path: string): Owner | undefined {
  const owner = ownerOf(join(path, 'turno.lock'));
  const isHere = owner?.bootId === Buffer.from(bootId()).toString('hex') && startTimeOf(owner.pid) === owner.startTime;
  return isHere ? owner : undefined;
}

function ownerOf(lockPath: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(lockPath, 'utf8')) as Owner;
  } catch {
    return undefined; // empty after a clean end, or being written just now: the lock itself decides, not its text
  }
}

/** Field 22 of /proc/PID/stat, or undefined when there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}
