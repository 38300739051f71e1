/**
 * Names of the control groups the cells of a server live in, and their removal when a server was killed.
 *
 * A keeper removes its own group when its cell ends. Only when keeper and server died at once does a group stay behind;
 * the next start on the same directory removes it: the name is made from the directory, not from a pid.
 */

import { readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** One name a data directory, the same at each start: its device and inode. */
export function serverGroup(dataDirectory: string): string {
  const { dev, ino } = statSync(dataDirectory);
  return `turno-${dev.toString(36)}-${ino.toString(36)}`;
}

/** Removes what a killed server left; nobody of it lives (data-directory.ts has made sure). */
export function removeStaleGroups(group: string): void {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', own = '/'] = line.split(':');
    const mount = controllers === '' ? '/sys/fs/cgroup' : join('/sys/fs/cgroup', controllers.replace('name=', ''));
    removeGroup(join(mount, own, group));
  }
}

function removeGroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch (error) {
    // Not there, as nearly always; or still in use by a keeper that is just ending, which then removes it itself.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EBUSY' && code !== 'ENOTDIR' && code !== 'EACCES') throw error;
  }
}
