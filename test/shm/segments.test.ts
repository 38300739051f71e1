/** The files of the journal: when their names last. */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import t, { type Test } from 'tap';
import { type Segment, Segments } from '../../src/shm/segments.js';

const SEGMENT: Segment = { number: 1, salt: 7, start: 0, bytes: 4_096 };

t.test('a segment whose maker died before its name was synced: whoever finds it syncs the directory first', (t) => {
  const segments = new Segments(t.testdir());
  fs.closeSync(segments.make(SEGMENT).fd);
  const sync = standInForSync(t);
  fs.closeSync(segments.make(SEGMENT).fd);
  t.same(sync.paths, [segments.directory]);
  t.end();
});

t.test('a segment whose name could not be synced is not there: a second sync would say that all is well', (t) => {
  const segments = new Segments(t.testdir());
  const sync = standInForSync(t);
  sync.failsFor = segments.directory;
  t.throws(() => segments.make(SEGMENT), /EIO/);
  t.same(fs.readdirSync(segments.directory), []);
  t.end();
});

/** Syncs, and remembers what. */
function standInForSync(t: Test): { readonly paths: string[]; failsFor: string } {
  const { fsyncSync } = fs;
  const state = { paths: [] as string[], failsFor: '' };
  const stand = (value: typeof fsyncSync) => {
    Object.assign(fs, { fsyncSync: value });
    syncBuiltinESMExports();
  };
  stand((fd) => {
    const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
    if (path === state.failsFor) throw new Error('EIO');
    fsyncSync(fd);
    state.paths.push(path);
  });
  t.teardown(() => stand(fsyncSync));
  return state;
}
