import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { abiOf, native } from '../../src/shm/native.js';

const noPrlimit = spawnSync('prlimit', ['--version']).status === 0 ? false : 'needs prlimit';

t.test('errors of the kernel come as code, errno and system call', async (t) => {
  t.throws(() => native.map(-1, 4_096), { code: 'EBADF', syscall: 'mmap' });
  t.throws(() => native.lockFile(-1, 'shared'), { code: 'EBADF', errno: os.errno.EBADF, syscall: 'flock' });
});

t.test('the ABI of an addon is read from its file', async (t) => {
  const directory = t.testdir({ addon: 'xx node_register_module_v999\0', none: 'text' });
  t.equal(abiOf(join(directory, 'addon')), 999);
  t.equal(abiOf(join(directory, 'none')), undefined);
});

t.test('two mappings of a file are the same memory, and a futex on one wakes at the other', async (t) => {
  const fd = openSync(join(t.testdir(), 'file'), 'w+');
  native.allocate(fd, 0, 4_096);
  const one = new Int32Array(native.map(fd, 4_096));
  const other = new Int32Array(native.map(fd, 4_096));
  closeSync(fd);
  one[3] = 42;
  t.equal(other[3], 42);
  t.equal(native.futexWait(other, 3, 41, 1_000), 'changed');
  t.equal(native.futexWait(other, 3, 42, 2), 'timed-out');
  t.equal(native.futexWake(one, 3, 10), 0);
  t.throws(() => native.futexWait(one, 1_024, 0, 0), RangeError);
  t.throws(() => native.futexWake(one, -1, 0), RangeError);
});

t.test('SIGALRM rings the bell: the word goes up and who waits is woken', async (t) => {
  const fd = native.memfd('bell', new Uint8Array(4_096));
  const words = new Int32Array(native.map(fd, 4_096));
  closeSync(fd);
  native.bellOnAlarm(words, 5);
  native.setAlarm(2_000);
  // The signal may reach us before we wait, while we wait, or another thread: in each case the word has changed.
  while (words[5] === 0) native.futexWait(words, 5, 0, 10_000);
  t.equal(words[5], 1);
  native.setAlarm(1_000_000);
  native.setAlarm(0);
  t.equal(native.futexWait(words, 5, 1, 5), 'timed-out');
});

t.test('a memfd holds its content and begins at its beginning', async (t) => {
  const fd = native.memfd('content', Buffer.from('hello'));
  const bytes = Buffer.alloc(10);
  t.equal(readSync(fd, bytes, 0, 10, null), 5);
  t.equal(fstatSync(fd).size, 5);
  closeSync(fd);
});

t.test('bytes longer than the socket holds arrive whole, with their descriptors', async (t) => {
  const [ours, theirs] = native.socketPair();
  const reader = new Socket({ fd: ours });
  const received: Buffer[] = [];
  const content = Buffer.alloc(50_000, 'abc');
  const whole = new Promise<void>((resolve) =>
    reader.on('data', (data) => {
      received.push(data);
      if (Buffer.concat(received).length >= content.length) resolve();
    }),
  );
  const file = native.memfd('sent', Buffer.from('x'));
  native.sendWithFds(theirs, content, [file, file]);
  await whole;
  t.ok(Buffer.concat(received).equals(content));
  t.throws(() => native.sendWithFds(theirs, content, [-1]), { code: 'EBADF' });
  t.throws(() => native.sendWithFds(theirs, content, new Array(300).fill(file)), { code: 'E2BIG' });
  closeSync(file);
  closeSync(theirs);
  reader.destroy();
});

t.test('nothing outside the directory is opened, and no symbolic link', async (t) => {
  const directory = t.testdir({ inside: 'yes', outside: 'no' });
  mkdirSync(join(directory, 'box'));
  writeFileSync(join(directory, 'box/file'), 'yes');
  symlinkSync('../outside', join(directory, 'box/link'));
  symlinkSync('file', join(directory, 'box/harmless'));
  const box = openSync(join(directory, 'box'), constants.O_RDONLY | constants.O_DIRECTORY);
  const opened = (path: string) => native.openBeneath(box, path, constants.O_RDONLY, 0);
  const fd = opened('file');
  t.equal(readFileSync(fd, 'utf8'), 'yes');
  closeSync(fd);
  t.throws(() => opened('../outside'), { code: 'EXDEV' });
  t.throws(() => opened('/etc/passwd'), { code: 'EXDEV' });
  t.throws(() => opened('link'), { code: 'ELOOP' });
  t.throws(() => opened('harmless'), { code: 'ELOOP' });
  closeSync(box);
});

t.test('a file lock is held by one, or shared by many', async (t) => {
  const path = join(t.testdir({ file: '' }), 'file');
  const [one, other] = [openSync(path, 'r'), openSync(path, 'r')];
  t.ok(native.lockFile(one, 'exclusive'));
  t.notOk(native.lockFile(other, 'shared'));
  t.ok(native.lockFile(one, 'shared'));
  t.ok(native.lockFile(other, 'shared'));
  t.notOk(native.lockFile(one, 'exclusive'));
  t.ok(native.lockFile(other, 'none'));
  t.ok(native.lockFile(one, 'exclusive'));
  for (const fd of [one, other]) closeSync(fd);
});

t.test('two parts are written one behind the other; released blocks read as zeros', async (t) => {
  const path = join(t.testdir(), 'file');
  const fd = openSync(path, 'w+');
  native.writeDurably(fd, Buffer.from('hello '), Buffer.from('world'), 3, true);
  t.equal(readFileSync(path, 'latin1'), '\0\0\0hello world');
  native.writeDurably(fd, Buffer.alloc(8_192, 'x'), undefined, 0, false);
  native.release(fd, 0, 4_096);
  t.equal(readFileSync(path, 'latin1'), '\0'.repeat(4_096) + 'x'.repeat(4_096));
  native.syncFileSystem(fd);
  closeSync(fd);
});

t.test('a real-time signal reaches a process whose queue of signals is full', { skip: noPrlimit }, async (t) => {
  const child = spawn('prlimit', ['--sigpending=0', 'sleep', '60'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const pid = child.pid ?? 0;
  while (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep')) await delay(5);
  t.throws(() => native.queueSignal(pid, 34, 0), { code: 'EAGAIN' });
  t.ok(native.sendSignal(pid, 34));
  await ended;
});

t.test('a signal to a process that is gone is false, not an error', async (t) => {
  t.equal(native.queueSignal(2 ** 22 + 1, os.signals.SIGTERM, 0), false);
  t.equal(native.sendSignal(2 ** 22 + 1, os.signals.SIGTERM), false);
  for (const nobody of [0, -1, -process.pid]) t.equal(native.sendSignal(nobody, 34), false, 'no group is meant');
  t.ok(native.threadId() > 0);
});
