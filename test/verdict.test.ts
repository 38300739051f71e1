/** Verdicts: numbers that never change, the order in which they win, and what follows from a run. */

import { t } from 'tap';
import { BoxFull, LimitKind } from '../src/pool/cell-layout.js';
import { MIB } from '../src/units.js';
import {
  ORDER,
  type RunEnd,
  VERDICTS,
  type Verdict,
  verdictNumber,
  verdictOfMachine,
  verdictOfNumber,
  verdictOfRun,
  worst,
} from '../src/verdict.js';

const limits = {
  cpuNs: 2e9,
  wallNs: 6e9,
  memoryBytes: 256 * 1024 * 1024,
  processes: 64,
  outputBytes: 1024 * 1024,
  fileBytes: 16 * 1024 * 1024,
  boxBytes: 64 * 1024 * 1024,
  openFiles: 64,
  stackBytes: 0,
};
const ended: RunEnd = { exitCode: 0, signal: null, limit: LimitKind.none, cpuNs: 5e6, wallNs: 6e6, memoryBytes: 1e6 };

t.test('the numbers in the table are the ones of the first release', async (t) => {
  const numbers = Object.fromEntries(ORDER.map((verdict) => [verdict, verdictNumber(verdict)]));
  t.strictSame(numbers, { AC: 1, WA: 2, TLE: 3, MLE: 4, OLE: 5, RE: 6, CE: 7, SE: 8, cancelled: 9 });
  for (const verdict of ORDER) t.equal(verdictOfNumber(verdictNumber(verdict)), verdict);
});

t.test('a number no verdict has ever had is an error, never accepted', async (t) => {
  t.equal(verdictOfNumber(0), null);
  for (const number of [-1, 1.5, 10, 255, Number.NaN]) t.throws(() => verdictOfNumber(number), RangeError);
});

t.test('every verdict has its place in the order', async (t) => {
  t.strictSame([...ORDER].sort(), Object.keys(VERDICTS).sort());
});

t.test('the order is the documented one: what can be trusted least wins', async (t) => {
  t.strictSame([...ORDER], ['SE', 'cancelled', 'CE', 'RE', 'MLE', 'TLE', 'OLE', 'WA', 'AC']);
});

t.test('the verdict earlier in the order wins, wherever it stands among the tests', async (t) => {
  for (const [index, stronger] of ORDER.entries()) {
    for (const weaker of ORDER.slice(index)) {
      t.equal(worst([weaker, stronger]), stronger);
      t.equal(worst([stronger, weaker, weaker]), stronger);
    }
  }
});

t.test('no verdicts at all are not accepted', async (t) => {
  t.throws(() => worst([]), RangeError);
});

const cases: readonly { name: string; end: Partial<RunEnd>; verdict: Verdict; reason: RegExp }[] = [
  { name: 'exit code 0 is accepted until a checker says otherwise', end: {}, verdict: 'AC', reason: /^$/ },
  { name: 'exit code 1 is RE', end: { exitCode: 1 }, verdict: 'RE', reason: /exit code 1$/ },
  { name: 'exit code 127 is RE, not SE', end: { exitCode: 127 }, verdict: 'RE', reason: /127/ },
  { name: 'exit code 137 is RE, not MLE', end: { exitCode: 137 }, verdict: 'RE', reason: /137/ },
  {
    name: 'a crash is RE with the name of its signal',
    end: { exitCode: null, signal: 11 },
    verdict: 'RE',
    reason: /SIGSEGV/,
  },
  { name: 'SIGKILL at oneself is RE, no limit', end: { exitCode: null, signal: 9 }, verdict: 'RE', reason: /SIGKILL/ },
  {
    name: 'a forbidden system call is told by its number',
    end: { exitCode: null, signal: 31, blockedSyscall: 101, detail: 'ptrace' },
    verdict: 'RE',
    reason: /SIGSYS for the forbidden system call 101 \(ptrace\)/,
  },
  {
    name: 'the CPU limit is TLE, measured against allowed',
    end: { limit: LimitKind.cpu, exitCode: null, signal: 9, cpuNs: 2.004e9 },
    verdict: 'TLE',
    reason: /CPU time 2004 ms, limit 2000 ms/,
  },
  {
    name: 'the wall limit is TLE',
    end: { limit: LimitKind.wall, exitCode: null, signal: 9 },
    verdict: 'TLE',
    reason: /wall/,
  },
  {
    name: 'the memory limit is MLE',
    end: { limit: LimitKind.memory, exitCode: null, signal: 9 },
    verdict: 'MLE',
    reason: /limit 256 MiB/,
  },
  {
    name: 'the memory limit is MLE also when the program then exited by itself',
    end: { limit: LimitKind.memory, exitCode: 1 },
    verdict: 'MLE',
    reason: /MiB/,
  },
  {
    name: 'too much output is OLE',
    end: { limit: LimitKind.output, exitCode: null, signal: 25 },
    verdict: 'OLE',
    reason: /1024 KiB/,
  },
  {
    name: 'too large a file is OLE',
    end: { limit: LimitKind.fileSize, exitCode: null, signal: 25 },
    verdict: 'OLE',
    reason: /file .*16384 KiB/,
  },
  {
    name: 'cancelled is cancelled',
    end: { limit: LimitKind.cancelled, exitCode: null, signal: 9 },
    verdict: 'cancelled',
    reason: /cancelled/,
  },
  {
    name: 'a program that met the processes limit and ended well is accepted',
    end: { limit: LimitKind.processes },
    verdict: 'AC',
    reason: /^$/,
  },
  {
    name: 'a program that met the processes limit and gave up is RE',
    end: { limit: LimitKind.processes, exitCode: 3 },
    verdict: 'RE',
    reason: /exit code 3/,
  },
];
for (const { name, end, verdict, reason } of cases) {
  t.test(name, async (t) => {
    const found = verdictOfRun({ ...ended, ...end }, limits);
    t.equal(found.verdict, verdict);
    t.match(found.reason, reason);
  });
}

t.test('a limit this build does not know is an error, never accepted', async (t) => {
  t.throws(() => verdictOfRun({ ...ended, limit: 99 as LimitKind }, limits), RangeError);
});

t.test('the cause says the same to programs: limit, measured, allowed', async (t) => {
  const cause = (end: Partial<RunEnd>) => verdictOfRun({ ...ended, ...end }, limits).cause;
  const memory = { limit: LimitKind.memory, memoryBytes: 300 * 2 ** 20 };
  t.strictSame(cause(memory), {
    limit: 'memory',
    measured: 300 * 1024,
    allowed: 256 * 1024,
    unit: 'KiB',
    systemCall: null,
  });
  t.match(cause({ limit: LimitKind.cpu, cpuNs: 2.5e9 }), { limit: 'cpu', measured: 2500, allowed: 2000, unit: 'ms' });
  t.match(cause({ exitCode: null, signal: 31, blockedSyscall: 169, detail: 'reboot' }), {
    limit: null,
    systemCall: { number: 169, name: 'reboot' },
  });
  t.equal(cause({}), undefined, 'accepted');
  t.equal(cause({ exitCode: 1 }), undefined, 'a plain failure has no other cause than itself');
});

t.test('a program that was refused a process is judged by its end, and told why it may have failed', async (t) => {
  const verdict = (exitCode: number) => verdictOfRun({ ...ended, limit: LimitKind.processes, exitCode }, limits);
  t.strictSame(verdict(0), { verdict: 'AC', reason: '' });
  t.match(verdict(1), {
    verdict: 'RE',
    reason: /exit code 1; .*64 processes/,
    cause: { limit: 'processes', allowed: 64 },
  });
});

t.test('a program that failed with its box full is told so, whatever else it may have failed for', async (t) => {
  const of = (end: Partial<RunEnd>) => verdictOfRun({ ...ended, exitCode: 1, ...end }, limits);
  const cause = { limit: 'box', measured: 65_536, allowed: 65_536, unit: 'KiB', systemCall: null };
  t.strictSame(of({ boxFull: BoxFull.bytes }), {
    verdict: 'RE',
    reason: 'exit code 1; its files fill the box of 64 MiB',
    cause,
  });
  t.match(of({ boxFull: BoxFull.files, exitCode: null, signal: 7 }), {
    verdict: 'RE',
    reason: /^ended by SIGBUS; its box is full with 65536 files$/,
    cause: { limit: 'boxFiles', measured: 65_536, allowed: 65_536, unit: 'files' },
  });
  t.match(of({ boxFull: BoxFull.bytes, limit: LimitKind.cpu }), { verdict: 'TLE', cause: { limit: 'cpu' } });
  t.match(of({ boxFull: BoxFull.bytes, exitCode: null, signal: 31, blockedSyscall: 169, detail: 'reboot' }), {
    cause: { limit: null, systemCall: { number: 169 } },
  });
  t.equal(of({ boxFull: BoxFull.no }).cause, undefined);
});

t.test(
  'a virtual machine that gives up for want of memory is MLE by its own word, and only if it failed',
  async (t) => {
    const tight = { ...limits, memoryBytes: 64 * MIB };
    const end = { ...ended, memoryBytes: 60 * MIB };
    const words = /^java\.lang\.OutOfMemoryError: Java heap/m;
    const of = (stderr: string, exitCode: number) =>
      verdictOfMachine(verdictOfRun({ ...end, exitCode }, tight), end, tight, Buffer.from(stderr), words);
    const cause = { limit: 'memory', measured: 61_440, allowed: 65_536, unit: 'KiB' };
    const said = 'at x\njava.lang.OutOfMemoryError: Java heap space\n';
    t.match(of(said, 1), { verdict: 'MLE', reason: /^it said .*memory 60 MiB, limit 64 MiB$/, cause });
    t.match(of(`${said}${'x\n'.repeat(99_999)}`, 1), { verdict: 'MLE' });
    t.match(of(`${'x\n'.repeat(99_999)}${said}`, 1), { verdict: 'MLE' });
    t.match(of(said, 0), { verdict: 'AC' });
    const spy = /^FATAL ERROR: .*heap out of memory/m;
    const spied = verdictOfMachine(
      { verdict: 'RE', reason: '' },
      end,
      tight,
      Buffer.from('FATAL ERROR: 42 heap out of memory'),
      spy,
    );
    t.notMatch(spied.reason, /42/, 'the reason is told where stderr is not');
    t.match(of('x java.lang.OutOfMemoryError: Java heap space\n', 1), { verdict: 'RE' });
  },
);
