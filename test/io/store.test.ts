/** What is told to be durable: its names last, too. */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, relative } from 'node:path';
import t, { type Test } from 'tap';
import { Store } from '../../src/io/store.js';
import type { SubmissionRequest } from '../../src/io/transport.js';

const ID = 'ab'.repeat(16);
const LIMITS = { cpuTimeMs: 1, wallTimeMs: 1, memoryMiB: 4, processes: 1, outputKiB: 1, fileSizeKiB: 1 };

t.test('every directory above an answer that is too long for the table is synced', (t) => {
  const root = t.testdir();
  const synced = syncedIn(t, root, () => void new Store(root, true).saveResponse(ID, Buffer.alloc(100_000)));
  for (const path of ['', 'responses', 'responses/ab']) t.ok(synced.has(path), path);
  t.end();
});

t.test('a request that is too long for the journal is synced, and every directory above each of its files', (t) => {
  const root = t.testdir();
  const store = new Store(root, true);
  const files = ['deep/down/main.c', 'deep/other.c'].map((path) => ({ path, content: Buffer.from(path) }));
  const nothing = { stdin: Buffer.alloc(0), args: [], tests: [], checker: { kind: 'exact' as const } };
  const request: SubmissionRequest = { language: 'c', files, limits: LIMITS, ...nothing };
  store.saveRequest(ID, request);
  const synced = syncedIn(t, root, () => store.syncRequest(ID, request));
  for (const path of fs.readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    t.ok(synced.has(path), path);
    t.ok(synced.has(dirname(path).replace('.', '')), `directory of ${path}`);
  }
  t.end();
});

/** The paths below `root` that are synced by `action`. */
function syncedIn(t: Test, root: string, action: () => void): Set<string> {
  const { fsyncSync } = fs;
  const paths = new Set<string>();
  const stand = (value: typeof fsyncSync) => {
    Object.assign(fs, { fsyncSync: value });
    syncBuiltinESMExports();
  };
  stand((fd) => {
    paths.add(relative(root, fs.readlinkSync(`/proc/self/fd/${fd}`)));
    fsyncSync(fd);
  });
  t.teardown(() => stand(fsyncSync));
  action();
  return paths;
}
