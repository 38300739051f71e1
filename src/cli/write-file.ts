/** Files a command writes: what goes wrong names the file. */

import { writeFileSync } from 'node:fs';
import { TurnoError } from '../errors.js';

/** @throws TURNO_DISK_FULL, TURNO_SYSTEM */
export function writeFile(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw TurnoError.from(error, path); // of a write, the kernel's error has no path
  }
}
