/**
 * `turno/shm`: what threads and processes need to work together, for everybody.
 *
 *     const space = Space.create('/run/my.space');          // others: Space.open(path), threads: Space.attach(buffer)
 *     const lock = new Lock(space, 'accounts');
 *     lock.with(() => { ... });
 *
 * Objects are found by name; whoever asks first makes them. The death of whoever holds one, at any instruction, holds up
 * nobody: the next one gets it.
 */

export { Condition } from './condition.js';
export { Lock, RLock } from './locks.js';
export { PipeEnd } from './pipe.js';
export { BoundedSemaphore, Semaphore } from './semaphores.js';
export { SharedArray } from './shared-array.js';
export { Space, type SpaceOptions } from './space.js';
export type { WaitOptions } from './waiting.js';
