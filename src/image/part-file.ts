/**
 * The file a picture is written to before it gets its name: `.NAME.turno-PID` beside it, where PID is the command's. It is
 * renamed when it is whole and synced, so that under its name there is the whole picture or what was there before. What
 * killed commands have left is removed by the next one that writes the same picture.
 */

import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TurnoError } from '../errors.js';
import { syncDirectory } from '../shm/sync-directory.js';

export function partPathOf(output: string, pid: number): string {
  return join(dirname(output), `${prefixOf(output)}${pid}`);
}

const prefixOf = (output: string) => `.${basename(output)}.turno-`;

/** @throws TURNO_IMAGE unless a file of this name can be made, or replaced */
export function checkTarget(output: string): void {
  try {
    accessSync(dirname(output), constants.W_OK);
    const found = statSync(output, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isFile()) throw new TurnoError('TURNO_IMAGE', { path: output, problem: 'is there, and no file' });
    accessSync(output, constants.W_OK);
  } catch (error) {
    throw writingFailed(error, output);
  }
}

/** Removes what commands that are dead have left of this picture. */
export async function sweepParts(output: string): Promise<void> {
  const prefix = prefixOf(output);
  for (const name of readdirSync(dirname(output))) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) await rm(join(dirname(output), name), { force: true });
  }
}

/** Writes the picture, whole, and gives it its name. @throws TURNO_IMAGE, TURNO_DISK_FULL */
export async function publish(bytes: Uint8Array, partPath: string, output: string): Promise<void> {
  try {
    const file = await open(partPath, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partPath, output);
    syncDirectory(dirname(output));
  } catch (error) {
    await rm(partPath, { force: true });
    throw writingFailed(error, output);
  }
}

function writingFailed(error: unknown, path: string): TurnoError {
  if (error instanceof TurnoError) return error;
  const refusal = TurnoError.ofDisk(error, path, 'more');
  const { code, message } = error as NodeJS.ErrnoException;
  return (
    refusal ??
    new TurnoError('TURNO_IMAGE', { path, problem: `cannot be written (${code ?? message})` }, { cause: error })
  );
}
