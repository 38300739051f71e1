/**
 * The memory of virtual machines. The limit of a run counts everything the kernel counts: the machine itself, its compiled
 * code, its stacks and its heap. So the heap gets what is left when the machine has had its share; with a heap as large as the
 * limit it would grow until the kernel ends the run, where a collection would have made room.
 */

import { KIB, MIB } from '../units.js';

/** With less no virtual machine gets to its first line. */
const LEAST_HEAP_MIB = 16;
/** Deep recursion is usual in solutions; a stack is memory only where it was touched. */
const MOST_STACK_MIB = 64;

/** @param ownMib what the machine needs beside the heap */
export function heapMib(memoryBytes: number, ownMib: number): number {
  return Math.max(LEAST_HEAP_MIB, Math.floor(memoryBytes / MIB) - ownMib);
}

/**
 * What a thread's stack may have: within the stack limit, if there is one.
 * @param stackBytes 0 = unlimited within memory
 */
export function stackKib(memoryBytes: number, stackBytes: number): number {
  const ofMemoryMib = Math.max(1, Math.min(MOST_STACK_MIB, Math.floor(memoryBytes / MIB / 4)));
  return stackBytes === 0 ? ofMemoryMib * 1_024 : Math.min(ofMemoryMib * 1_024, Math.floor(stackBytes / KIB));
}
