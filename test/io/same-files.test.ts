/** Requests with the same bytes share their files, and are as independent of each other as if they did not. */

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { SameFiles } from '../../src/io/same-files.js';
import { Store } from '../../src/io/store.js';
import type { SubmissionRequest } from '../../src/io/transport.js';

const LIMITS = { cpuTimeMs: 1, wallTimeMs: 1, memoryMiB: 4, processes: 1, outputKiB: 1, fileSizeKiB: 1 };

function request(...sources: string[]): SubmissionRequest {
  const files = sources.map((text, i) => ({ path: i === 0 ? 'main.py' : `part-${i}.py`, content: Buffer.from(text) }));
  const nothing = { stdin: Buffer.alloc(0), args: [], tests: [], checker: { kind: 'exact' as const } };
  return { language: 'python', files, limits: LIMITS, ...nothing };
}

function begin(t: Test) {
  const root = t.testdir();
  const store = new Store(root, false);
  let ids = 0;
  return {
    root,
    store,
    save(...sources: string[]) {
      const id = `${ids++}`.padStart(32, '0'); // in one directory: where none is yet, a file is written and no link made
      store.saveRequest(id, request(...sources));
      return id;
    },
    inodes: (id: string) => {
      const paths = [store.sourcePath(id, request('').files), join('sources', id.slice(0, 2), `${id}.request`)];
      return paths.map((path) => statSync(join(root, path)).ino);
    },
  };
}

t.test('the same request is one file for each of its parts, another source is another file', (t) => {
  const { save, inodes, store } = begin(t);
  const [first, second, other] = [save('print(1)'), save('print(1)'), save('print(2)')].map(inodes);
  t.same(second, first);
  t.not(other?.[0], first?.[0]);
  t.equal(other?.[1], first?.[1], 'its limits are those of the others');
  const both = save('print(1)', 'print(2)');
  t.same(store.loadRequest(both)?.files, request('print(1)', 'print(2)').files);
  t.end();
});

t.test('one that is removed takes nothing from the others, and the next finds what it needs', (t) => {
  const { save, store, root } = begin(t);
  const [first, second] = [save('print(1)'), save('print(1)')];
  store.removeSubmission(first);
  t.equal(store.loadRequest(first), undefined);
  t.same(store.loadRequest(second), request('print(1)'));
  const third = save('print(1)');
  store.removeSubmission(second);
  t.same(store.loadRequest(third), request('print(1)'));
  store.removeSubmission(third);
  const left = readdirSync(join(root, 'sources'), { recursive: true, withFileTypes: true });
  t.same(
    left.filter((entry) => entry.isFile()).map(({ name }) => name),
    [],
  );
  t.end();
});

t.test('what cannot be linked is written; only so many are remembered, and no long ones', (t) => {
  const root = t.testdir();
  const files = new SameFiles();
  const written: string[] = [];
  const save = (name: string, content: Buffer) =>
    files.save(join(root, name), content, () => {
      store.saveRequest(name, { ...request(''), files: [{ path: name, content }] });
      written.push(name);
    });
  const store = new Store(root, false);
  save('gone', Buffer.from('x'));
  save('after', Buffer.from('x'));
  t.same(written, ['gone', 'after'], 'the file it was written to is not where it was said to be');
  for (let i = 0; i < 256; i++) save(`one-${i}`, Buffer.from(`y${i}`));
  written.length = 0;
  save('again', Buffer.from('x'));
  t.same(written, ['again'], 'the one used longest ago is forgotten');
  for (const name of ['long', 'as-long']) save(name, Buffer.alloc(16_385));
  t.same(written, ['again', 'long', 'as-long']);
  t.end();
});

t.test('one that is written again takes another file, and the file of the others is not touched', (t) => {
  const { save, inodes, store, root } = begin(t);
  const [first, second] = [save('print(1)'), save('print(1)')];
  const [before] = inodes(first);
  new Store(root, false).restoreRequest(second, store.pack(request('print(1)')));
  t.equal(inodes(first)[0], before);
  t.not(inodes(second)[0], before);
  t.same(store.loadRequest(second), request('print(1)'));
  t.end();
});

t.test('rewritten after a power cut, each has its own content', (t) => {
  const { save, store, root } = begin(t);
  const ids = [save('print(1)'), save('print(1)'), save('print(2)')];
  const paths = ids.map((id) => join(root, store.sourcePath(id, request('').files)));
  rmSync(paths[1] ?? '');
  const packed = ['print(1)', 'print(1)', 'print(2)'].map((text) => store.pack(request(text)));
  const next = new Store(root, false);
  for (const [i, id] of ids.entries()) next.restoreRequest(id, packed[i] ?? new Uint8Array());
  t.ok(paths.every((path) => existsSync(path)));
  t.same(
    paths.map((path) => readFileSync(path, 'utf8')),
    ['print(1)', 'print(1)', 'print(2)'],
  );
  t.end();
});
