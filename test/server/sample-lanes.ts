/** Runs programs/sample-lanes.c beside a server: how many of its programs could run at the same moment. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { serverGroup } from '../../src/server/cell-groups.js';
import type { TestServer } from '../start-server.js';

const PROGRAMS = resolve(import.meta.dirname, '../../../test/server/programs');
const CPU_GROUPS = '/sys/fs/cgroup/cpu';

/** What one run of the sampler saw; `over` is the number of samples with more running than lanes. */
export interface Samples {
  readonly samples: number;
  readonly periodMs: number;
  readonly cells: number;
  readonly busy: number;
  readonly most: number;
  readonly over: number;
}

export const NO_SAMPLER =
  process.getuid?.() === 0 && existsSync(join(CPU_GROUPS, 'tasks')) ? false : 'needs root and cgroup v1';

export function sourceOf(program: string): string {
  return readFileSync(join(PROGRAMS, program), 'utf8');
}

/** Starts sampling; the function it gives ends it and tells what was seen. */
export function sampleLanes(t: Test, server: TestServer, lanes: number): () => Promise<Samples> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-sampler-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const sampler = join(directory, 'sample-lanes');
  execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-o', sampler, join(PROGRAMS, 'sample-lanes.c')]);
  const own = /^\d+:[^:]*\bcpu\b[^:]*:(.*)$/m.exec(readFileSync(`/proc/${server.pid}/cgroup`, 'utf8'))?.[1] ?? '/';
  const group = join(CPU_GROUPS, own, serverGroup(server.data));
  const child = spawn(sampler, [String(lanes), group], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const closed = once(child, 'close');
  return async () => {
    child.stdin.end();
    await closed;
    return JSON.parse(text) as Samples;
  };
}
