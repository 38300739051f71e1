/** What a cell is protected and measured by, in words. */

import { Backend } from './cell-layout.js';

/** The `--backend` of a cell without a sandbox. */
export const UNSAFE_BACKEND = 'unsafe';

const NAMES: readonly [bit: number, name: string][] = [
  [Backend.unsafe, 'NONE (unsafe)'],
  [Backend.userNamespace, 'user namespace'],
  [Backend.pidNamespace, 'pid'],
  [Backend.mountNamespace, 'mount'],
  [Backend.networkNamespace, 'network'],
  [Backend.cgroupV2, 'cgroup v2'],
  [Backend.cgroupV1, 'cgroup v1'],
  [Backend.seccomp, 'seccomp'],
  [Backend.separateUid, 'separate uid'],
  [Backend.schedIdle, 'SCHED_IDLE'],
  [Backend.cpuIdleGroup, 'cpu.idle'],
];

export function namesOf(bits: number): string[] {
  return NAMES.flatMap(([bit, name]) => (bits & bit ? [name] : []));
}
