/**
 * What `--mount` may make readable to every program: HOST or HOST:INSIDE, where HOST is a directory or a file.
 *
 * Refused is what would give more away than anybody can mean: the places where a system keeps its secrets, devices and
 * sockets, whole homes, turno's own data, and every directory above one of these. Links are resolved first.
 */

import { realpathSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { TurnoError } from '../errors.js';

/** These and everything in them. */
const SECRET = ['/etc', '/proc', '/sys', '/dev', '/run', '/boot', '/var/run', '/var/lib/docker'];
/** These alone, and what is directly in them: a home is refused, a project in it is not. */
const HOMES = ['/home', '/Users'];
/** Nobody's project: the home of root, and what holds the data of all services. */
const WHOLE = ['/root', '/var', '/var/lib', '/var/log', '/tmp', '/mnt', '/media', '/srv'];
/** What a cell has there is its own. */
const OWN = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/proc',
  '/sys',
  '/dev',
  '/box',
  '/tmp',
  '/exe',
];

/**
 * The mounts as a cell takes them: HOST, or HOST:INSIDE, with links resolved.
 * @throws TURNO_SETTING naming the mount and what is wrong with it
 */
export function checkedMounts(mounts: readonly string[], dataDirectory: string): string[] {
  return mounts.map((mount) => {
    const [host = '', inside = host, ...more] = mount.split(':');
    const refuse = (problem: string) => new TurnoError('TURNO_SETTING', { name: `--mount ${mount}`, problem });
    if (more.length > 0 || !isAbsolute(host) || !isAbsolute(inside)) {
      throw refuse('expected HOST or HOST:INSIDE, both absolute paths without a colon');
    }
    const real = realOf(host, refuse);
    const why = problemOf(real, realOf(dataDirectory, refuse));
    if (why !== undefined) throw refuse(`${real} is refused: ${why}`);
    const target = normalize(inside).replace(/(.)\/$/, '$1');
    if (target === '/' || (inside !== host && OWN.some((own) => isIn(target, own)))) {
      throw refuse(`${target} is refused as the place inside: a cell has its own there. Expected e.g. /opt/name`);
    }
    return `${real}:${target}`;
  });
}

function realOf(path: string, refuse: (problem: string) => TurnoError): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw refuse(`${path} is not there (${(error as NodeJS.ErrnoException).code})`);
  }
}

function problemOf(real: string, data: string): string | undefined {
  if (isIn(real, data)) return 'it is in the data directory';
  if (isIn(data, real)) return 'the data directory is in it';
  const secret = SECRET.find((one) => isIn(real, one) || isIn(one, real));
  if (secret !== undefined) return `it has to do with ${secret}`;
  if (WHOLE.includes(real)) return 'it holds what belongs to others. Name the directory in it that is meant';
  if (
    HOMES.some(
      (homes) => real === homes || (real.startsWith(`${homes}/`) && !real.slice(homes.length + 1).includes('/')),
    )
  ) {
    return 'it is a whole home. Name the directory in it that is meant';
  }
  return undefined;
}

/** Whether a path is a directory or lies in it. */
function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
