/** A space of its own for a test, closed with the test. */

import { join } from 'node:path';
import type { Test } from 'tap';
import { Space, type SpaceOptions } from '../../src/shm/index.js';

export function freshSpace(t: Test, options: SpaceOptions = {}): { space: Space; path: string } {
  const path = join(t.testdir(), 'space');
  const space = Space.create(path, options);
  t.teardown(() => space.close());
  return { space, path };
}

/** Until another thread or process has raised a number: it has no other way to tell us. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}
