/** `turno shell`, driven from a script and through a pseudo-terminal, with examples/worker.c as its children. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const WORKER_SOURCE = fileURLToPath(new URL('../../../examples/worker.c', import.meta.url));
/** A pseudo-terminal for a command, copied to stdin and stdout; its first line says the pid of the command. */
const TERMINAL = `
import os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
print("pid", pid, flush=True)
pty._copy(master)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

const worker = join(t.testdir(), 'worker');
execFileSync('cc', ['-O2', '-o', worker, WORKER_SOURCE]);

/** A running shell, and what it has printed. */
class RunningShell {
  readonly #process: ChildProcess;
  #output = '';
  #read = 0;
  #wake: (() => void) | undefined;
  pid: number;
  readonly exited: Promise<unknown[]>;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.pid = process.pid ?? 0;
    this.exited = once(process, 'close');
    for (const stream of [process.stdout, process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#wake?.();
      });
    }
    process.once('close', () => this.#wake?.());
  }

  static start(t: Test, args: readonly string[] = []): RunningShell {
    const shell = new RunningShell(spawn(process.execPath, [MAIN, 'shell', ...args]));
    t.teardown(() => shell.#process.kill('SIGKILL'));
    return shell;
  }

  static async onTerminal(t: Test, args: readonly string[] = []): Promise<RunningShell> {
    const command = ['-c', TERMINAL, process.execPath, MAIN, 'shell', ...args];
    const shell = new RunningShell(spawn('python3', command, { env: { ...process.env, TERM: 'xterm' } }));
    t.teardown(() => shell.#process.kill('SIGKILL'));
    shell.pid = Number((await shell.until(/pid (\d+)/))[1]);
    await shell.until(/turno> /);
    return shell;
  }

  type(text: string): void {
    this.#process.stdin?.write(text);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Waits for what is printed after the last match. Fails when the shell ends without it. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output.slice(this.#read));
      if (found) {
        this.#read += found.index + found[0].length;
        return found;
      }
      if (this.#process.exitCode !== null) throw new Error(`${pattern} is not in: ${this.#output.slice(this.#read)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async exec(...words: string[]): Promise<number> {
    this.type(`exec ${words.join(' ')}\n`);
    return Number((await this.until(/\[(\d+)\] \S+ waits for its turn/))[1]);
  }

  get output(): string {
    return this.#output;
  }
}

/** R, S, T, Z ... or undefined when there is no such process, not even a zombie. */
function stateOf(pid: number): string | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.charAt(stat.lastIndexOf(')') + 2);
}

/** A process that ends closes its files a moment before it is a zombie. */
async function hasEnded(pid: number): Promise<void> {
  while (!['Z', undefined].includes(stateOf(pid))) await delay(1);
}

function isRunning(pid: number): boolean {
  return !['T', undefined].includes(stateOf(pid));
}

/** Looks every millisecond whether two processes run at once. */
class Sampler {
  #samples = 0;
  #together = 0;
  readonly #interval: NodeJS.Timeout;

  constructor([a = 0, b = 0]: readonly number[]) {
    this.#interval = setInterval(() => {
      const fromMs = performance.now();
      // The first is looked at twice: between one look and the next its turn may have ended.
      const isTogether = isRunning(a) && isRunning(b) && isRunning(a);
      // And if this process itself had to wait in between, its looks say nothing.
      if (performance.now() - fromMs > 5) return;
      this.#samples++;
      if (isTogether) this.#together++;
    }, 1);
  }

  stop(): { samples: number; together: number } {
    clearInterval(this.#interval);
    return { samples: this.#samples, together: this.#together };
  }
}

t.test('children take turns in a circle, and never two of them run at once', async (t) => {
  const shell = RunningShell.start(t, ['--slice', '20ms']);
  const pids = [await shell.exec(worker, '5', 'burn'), await shell.exec(worker, '5', 'burn')];
  const third = await shell.exec(worker, '5', 'burn');
  const sampler = new Sampler(pids);
  for (const pid of [...pids, third]) await shell.until(new RegExp(`worker ${pid}: turn 8,`));
  const { samples, together } = sampler.stop();
  t.ok(samples > 20);
  t.equal(together, 0);
  shell.type('list\n');
  await shell.until(/COMMAND/);
  const turns: number[] = [];
  for (const pid of [...pids, third]) turns.push(Number((await shell.until(new RegExp(`${pid} +\\w+ +(\\d+)`)))[1]));
  t.ok(Math.max(...turns) - Math.min(...turns) <= 1, `a circle: ${turns.join(', ')} turns had`);
  shell.type('quit\n');
  t.same(await shell.exited, [0, null]);
  for (const pid of [...pids, third]) t.equal(stateOf(pid), undefined, 'no process and no zombie is left');
});

for (const how of ['sleeps', 'burns']) {
  t.test(`a worker that ${how} counts its turns, and a line belongs to the turn in which it is printed`, async (t) => {
    const shell = RunningShell.start(t, ['--slice', '60ms']);
    const words = how === 'burns' ? ['10', 'burn'] : ['10'];
    const pids = [await shell.exec(worker, ...words), await shell.exec(worker, ...words)];
    for (const pid of pids) await shell.until(new RegExp(`worker ${pid}: turn 10,`));
    shell.type('quit\n');
    await shell.exited;
    const last = new Map<string, string>();
    let before = '';
    let wrong = 0;
    for (const [, pid = '', turn = ''] of shell.output.matchAll(/worker (\d+): turn (\d+), line/g)) {
      if (pid !== before && last.get(pid) === turn) wrong++;
      before = pid;
      last.set(pid, turn);
    }
    t.ok(wrong <= 1, `${wrong} of some 20 turns began with a line of the turn before: ${shell.output}`);
  });
}

t.test('with two lanes two children run at once', async (t) => {
  const shell = RunningShell.start(t, ['--lanes', '2', '--slice', '1s']);
  const first = await shell.exec(worker, '5');
  const second = await shell.exec(worker, '5');
  await shell.until(new RegExp(`worker ${first}: turn 1`));
  await shell.until(new RegExp(`worker ${second}: turn 1`));
  t.ok(isRunning(first) && isRunning(second));
  shell.type('quit\n');
  t.same(await shell.exited, [0, null]);
});

t.test('on a terminal: all commands, a child that ends by itself, one killed from outside', async (t) => {
  const shell = await RunningShell.onTerminal(t, ['--slice', '20ms']);
  shell.type('help\n');
  await shell.until(/exec PROGRAM.*\r\n(.*\r\n)*quit .*\r\n/);
  const pid = await shell.exec(worker, '10');
  await shell.until(new RegExp(`worker ${pid}: turn 1, line 1`));
  shell.type(`sig ${pid}\n`);
  await shell.until(new RegExp(`worker ${pid}: \\d+ turns and \\d+ lines since the last report`));
  shell.type('list\n');
  await shell.until(/PID +STATE +TURNS +CPU +COMMAND/);
  await shell.until(new RegExp(`${pid} +running +\\d+ +\\d+\\.\\d\\ds +${worker} 10`));
  const brief = await shell.exec('sh', '-c', '"exit 3"');
  await shell.until(new RegExp(`\\[${brief}\\] sh exited with 3`));
  const victim = await shell.exec(worker, '10');
  process.kill(victim, 'SIGKILL');
  await shell.until(new RegExp(`\\[${victim}\\] ${worker} was ended by SIGKILL`));
  shell.type(`term ${pid}\n`);
  await shell.until(new RegExp(`worker ${pid}: ends after`));
  await shell.until(new RegExp(`\\[${pid}\\] ${worker} exited with 0`));
  shell.type('list\n');
  await shell.until(/COMMAND/);
  shell.type('quit\n');
  t.same(await shell.exited, [0, null]);
});

t.test('on a terminal: completion and history', async (t) => {
  const shell = await RunningShell.onTerminal(t);
  const pid = await shell.exec(worker, '60000');
  shell.type('te\t');
  await shell.until(/term /);
  shell.type('\t');
  await shell.until(new RegExp(`${pid}`));
  shell.type('\x15exec slee\t'); // Ctrl-U
  await shell.until(/exec sleep /);
  shell.type('\x15bogus\n');
  await shell.until(/unknown command "bogus"/);
  shell.type('\x1b[A\n'); // the arrow up
  await shell.until(/unknown command "bogus"/);
  shell.type('\x04');
  t.same(await shell.exited, [0, null], 'Ctrl-D leaves');
  t.equal(stateOf(pid), undefined);
});

t.test('Ctrl-C on a terminal ends the children and the shell', async (t) => {
  const shell = await RunningShell.onTerminal(t, ['--slice', '20ms']);
  const pids = [await shell.exec(worker, '10'), await shell.exec(worker, '10')];
  await shell.until(new RegExp(`worker ${pids[1]}: turn 2`));
  shell.type('\x03');
  t.same(await shell.exited, [0, null]);
  for (const pid of pids) {
    t.equal(stateOf(pid), undefined);
    t.match(shell.output, `worker ${pid}: ends after`);
  }
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  t.test(`${signal} does what quit does`, async (t) => {
    const shell = RunningShell.start(t);
    const pid = await shell.exec(worker, '10');
    await shell.until(/turn 1, line 1/);
    process.kill(shell.pid, signal);
    t.same(await shell.exited, [0, null]);
    t.equal(stateOf(pid), undefined);
  });
}

t.test('what was typed ahead of a signal that ends the shell is not begun any more', async (t) => {
  const shell = RunningShell.start(t);
  shell.type(`exec ${worker} 10\n`.repeat(50));
  await shell.until(/waits for its turn/);
  process.kill(shell.pid, 'SIGTERM');
  t.same(await shell.exited, [0, null]);
  t.ok(shell.output.split('waits for its turn').length < 40, shell.output);
});

t.test('the end of a script does what quit does', async (t) => {
  const shell = RunningShell.start(t);
  const pid = await shell.exec(worker, '10');
  shell.endInput();
  t.same(await shell.exited, [0, null]);
  t.equal(stateOf(pid), undefined);
});

t.test('SIGUSR1 sent to the shell goes to every living child', async (t) => {
  const shell = RunningShell.start(t, ['--slice', '10ms']);
  const pids = [await shell.exec(worker, '5'), await shell.exec(worker, '5')];
  for (const pid of pids) await shell.until(new RegExp(`worker ${pid}: turn 2`));
  process.kill(shell.pid, 'SIGUSR1');
  const reports = new Set<number>();
  while (reports.size < 2) reports.add(Number((await shell.until(/worker (\d+): \d+ turns and .* report/))[1]));
  t.same([...reports].sort(), [...pids].sort());
  shell.type('quit\n');
  await shell.exited;
});

t.test('children start with the default handling of SIGUSR1', async (t) => {
  const shell = RunningShell.start(t);
  const pid = await shell.exec('sleep', '1000');
  shell.type(`sig ${pid}\n`);
  await shell.until(/sleep was ended by SIGUSR1/);
  shell.type('quit\n');
  t.same(await shell.exited, [0, null]);
});

t.test('quit ends a child that ignores SIGTERM, and what a child has forked', async (t) => {
  const shell = RunningShell.start(t);
  await shell.exec('sh', '-c', `"trap '' TERM; sleep 1000 & echo forked \\$!; wait; sleep 1000"`);
  const forked = Number((await shell.until(/forked (\d+)/))[1]);
  shell.type('quit\n');
  t.same(await shell.exited, [0, null]);
  await hasEnded(forked); // it was adopted and killed; whoever adopted it reaps it
});

t.test(
  'when the shell is killed its children do not outlive it',
  {
    skip: existsSync('/usr/bin/setpriv') ? false : 'no setpriv here: stopped children would stay',
  },
  async (t) => {
    const shell = RunningShell.start(t, ['--slice', '10ms']);
    const pids = [await shell.exec(worker, '5'), await shell.exec(worker, '5')];
    for (const pid of pids) await shell.until(new RegExp(`worker ${pid}: turn 2`));
    process.kill(shell.pid, 'SIGKILL');
    t.same(await shell.exited, [null, 'SIGKILL']); // "close": the pipe the children write to is closed by all of them
    for (const pid of pids) await hasEnded(pid);
  },
);

t.test('mistakes get a message, and a script with mistakes ends with status 1', async (t) => {
  const shell = RunningShell.start(t);
  for (const [line, message] of [
    ['lst', /unknown command "lst"\. Did you mean "list"\?/],
    ['xyzzy', /unknown command "xyzzy"\. `help` lists the commands/],
    ['exec', /exec: nothing to run\. Usage: exec PROGRAM/],
    ['exec no-such-program', /exec: no program "no-such-program" on the PATH\n/],
    ['exec ./no-such-program', /exec: \.\/no-such-program is not there/],
    ['exec "sleep', /a quote is not closed: "/],
    ['term', /term: expected one pid, got nothing/],
    ['sig 1', /sig: 1 is not a living child of this shell/],
    ['sig x', /sig: expected one pid, got x/],
    ['list all', /list: expected nothing more, got all/],
    ['# a comment', undefined],
    ['', undefined],
  ] as const) {
    shell.type(`${line}\n`);
    if (message) await shell.until(message);
  }
  shell.type('quit\n');
  t.same(await shell.exited, [1, null]);
});

t.test('flags that make no sense are refused', async (t) => {
  for (const args of [
    ['--slice', '0ms'],
    ['--slice', '200'],
    ['--lanes', '0'],
    ['--lanes', '1.5'],
    ['--turns', 'lifo'],
  ]) {
    const shell = RunningShell.start(t, args);
    t.same(await shell.exited, [2, null], args.join(' '));
    t.match(shell.output, /Expected/);
  }
});

t.test('with --sandbox children take turns in cells: signals reach them, nothing of the machine does', async (t) => {
  const shell = RunningShell.start(t, ['--sandbox', '--slice', '20ms']);
  const [first, second] = [await shell.exec(worker, '5', 'burn'), await shell.exec(worker, '5', 'burn')];
  await shell.until(/worker \d+: turn 5,/);
  shell.type(`sig ${first}\n`);
  await shell.until(/worker \d+: \d+ turns and \d+ lines since the last report/);
  shell.type('list\n');
  await shell.until(new RegExp(`${first} +(running|stopped) +[1-9]\\d* +\\d+\\.\\d\\ds +${worker} 5 burn`));
  const script = `"ls ${worker} 2>&1; echo $(ls /box | wc -l) files, $(ls /proc | grep -c ^[0-9]) processes; exit 3"`;
  const look = await shell.exec('sh', '-c', script);
  await shell.until(/No such file/);
  await shell.until(/\n0 files, \d processes\n/);
  await shell.until(new RegExp(`\\[${look}\\] sh exited with 3`));
  shell.type(`term ${first}\n`);
  await shell.until(/worker \d+: ends after/);
  await shell.until(new RegExp(`\\[${first}\\] ${worker} exited with 0`));
  process.kill(second, 'SIGKILL');
  await shell.until(new RegExp(`\\[${second}\\] ${worker} was ended by SIGKILL`));
  const last = await shell.exec(worker, '5');
  shell.type('quit\n');
  t.same(await shell.exited, [0, null]);
  for (const pid of [first, second, look, last]) t.equal(stateOf(pid), undefined, 'no cell is left');
});
