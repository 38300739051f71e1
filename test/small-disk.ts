/**
 * File systems of a test's own: a small tmpfs, and an ext4 whose blocks lie on a tmpfs that can be filled, so that writes to it
 * fail as on a broken disk. Unmounted with the test. Undefined where this process may not mount: the caller skips.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

export const NO_MOUNT = { skip: 'needs the right to mount' };
const MIB = 1_048_576;

/** @param at where to mount it; in a new directory unless told @returns where it is */
export function smallDisk(t: Test, sizeMib: number, at?: string): string | undefined {
  // Not in t.testdir(): that is removed before our teardown can unmount.
  const directory = at ?? mkdtempSync(join(tmpdir(), 'turno-disk-'));
  if (!isDone('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', directory])) {
    if (at === undefined) rmdirSync(directory);
    return undefined;
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', directory]);
    if (at === undefined) rmdirSync(directory);
  });
  return directory;
}

/**
 * A data directory with an ext4 at `name` in it; after breakIt() what needs new blocks there fails, with EIO or ENOSPC, until
 * mendIt().
 */
export function breakableDisk(t: Test, sizeMib: number, name: string) {
  const below = smallDisk(t, sizeMib);
  if (below === undefined) return undefined;
  const image = join(below, 'image');
  writeFileSync(image, '');
  // Longer than what is below it can hold: blocks are there only once they are written.
  truncateSync(image, 4 * sizeMib * MIB);
  const data = mkdtempSync(join(tmpdir(), 'turno-disk-'));
  const at = made(join(data, name));
  const isMade =
    isDone('mkfs.ext4', ['-q', '-O', '^has_journal', '-E', 'nodiscard', image]) &&
    isDone('mount', ['-o', 'loop', image, at]);
  t.teardown(() => {
    if (isMade) execFileSync('umount', ['-l', at]);
    rmSync(data, { recursive: true });
  });
  const ballast = join(below, 'ballast');
  return isMade ? { data, breakIt: () => fillUp(ballast), mendIt: () => rmSync(ballast) } : undefined;
}

/** Writes a file until nothing is free on its file system. */
export function fillUp(ballast: string): void {
  writeFileSync(ballast, '');
  for (let block = MIB; block >= 4_096; ) {
    try {
      writeFileSync(ballast, Buffer.alloc(block), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      block /= 4;
    }
  }
}

/** Writes a file so that about `leftMib` stay free on its file system. */
export function fillUpTo(ballast: string, leftMib: number): void {
  const { bavail, bsize } = statfsSync(join(ballast, '..'));
  const wanted = bavail * bsize - leftMib * MIB;
  if (wanted > 0) writeFileSync(ballast, Buffer.alloc(wanted));
}

export function remount(directory: string, option: 'ro' | 'rw'): void {
  execFileSync('mount', ['-o', `remount,${option}`, directory]);
}

/** Makes a directory, and gives its path. */
export function made(directory: string): string {
  mkdirSync(directory, { recursive: true });
  return directory;
}

function isDone(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false; // not root, no such right, or no such command
  }
}
