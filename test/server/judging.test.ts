/** Programs in, verdicts out: the real server over HTTP, real gcc and python3. */

import { t } from 'tap';
import { type Json, startServer } from '../start-server.js';

t.test('programs get the verdict they deserve', async (t) => {
  const server = await startServer(t);
  const token = await server.register('ada');
  const judge = (language: string, source: string, more = {}) => server.judge(token, { language, source, ...more });

  await t.test('a C program that prints is AC, with its output, times and memory', async (t) => {
    const reply = await judge('c', '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }');
    t.match(reply, {
      state: 'done',
      verdict: 'AC',
      stdout: 'hello\n',
      stderr: '',
      exitCode: 0,
      signal: null,
      user: 'ada',
    });
    t.match(reply.compile, { exitCode: 0 });
    t.match(reply.sentAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    t.ok(reply.memoryKiB > 0, 'memory is measured');
    t.type(reply.cpuTimeMs, 'number');
    t.type(reply.wallTimeMs, 'number');
  });

  await t.test('it is said to have run in a cell, and nowhere that there is no sandbox', async (t) => {
    t.match(await judge('python', 'print(1)'), { verdict: 'AC', sandbox: 'cell' });
    const health = await server.request('GET', '/v1/health');
    t.notOk(health.body.sandbox.includes('NONE (unsafe)'));
    t.equal(health.headers.get('turno-sandbox'), null);
  });

  await t.test('a Python program reads its stdin and its arguments', async (t) => {
    const source = 'import sys\nprint(input()[::-1], sys.argv[1:])';
    t.match(await judge('python', source, { stdin: 'abc\n', args: ['x', 'y z'] }), {
      verdict: 'AC',
      stdout: "cba ['x', 'y z']\n",
      compile: null,
    });
  });

  await t.test('a program that exits 127 gets RE, not SE', async (t) => {
    // 127 is what a shell says for "not found": set-up failures must not travel by exit code.
    t.match(await judge('c', 'int main(void) { return 127; }'), { verdict: 'RE', exitCode: 127, signal: null });
  });

  await t.test('a crash is RE with the name of its signal and no exit code', async (t) => {
    const source = 'int main(void) { volatile int *p = 0; return *p; }';
    t.match(await judge('c', source), { verdict: 'RE', exitCode: null, signal: 'SIGSEGV' });
  });

  await t.test('a program that kills itself with SIGKILL is RE, not MLE', async (t) => {
    const source = '#include <signal.h>\nint main(void) { raise(SIGKILL); }';
    t.match(await judge('c', source), { verdict: 'RE', signal: 'SIGKILL' });
  });

  await t.test('a forbidden system call is told by its name, and not hidden by a handler', async (t) => {
    const source =
      '#include <signal.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n' +
      'int main(void) { signal(SIGSYS, SIG_IGN); syscall(SYS_reboot, 0, 0, 0, 0); }';
    const systemCall = { name: 'reboot' };
    t.match(await judge('c', source), { verdict: 'RE', signal: 'SIGSYS', reason: /reboot/, cause: { systemCall } });
  });

  await t.test('a compile error is CE, with what the compiler said, and nothing is run', async (t) => {
    const reply = await judge('c', 'int main(void) { return oops; }');
    t.match(reply, { verdict: 'CE', compile: { exitCode: 1, output: /oops/ }, executable: null, exitCode: null });
  });

  await t.test('an infinite loop is TLE by its CPU time', async (t) => {
    const reply = await judge('c', 'int main(void) { for (;;); }', { limits: { cpuTimeMs: 300 } });
    t.match(reply, { verdict: 'TLE' });
    t.ok(reply.cpuTimeMs >= 300, `used its 300 ms (${reply.cpuTimeMs})`);
  });

  await t.test('a sleeper is TLE by its wall time', async (t) => {
    const reply = await judge('python', 'import time\ntime.sleep(60)', { limits: { wallTimeMs: 400 } });
    t.match(reply, { verdict: 'TLE' });
    t.ok(reply.cpuTimeMs < 400, 'it slept');
  });

  await t.test('too much memory is MLE, not RE', async (t) => {
    const source = 'x = bytearray(1)\nwhile True: x += bytes(1 << 20)';
    const cause = { limit: 'memory', allowed: 65_536, unit: 'KiB', systemCall: null };
    t.match(await judge('python', source, { limits: { memoryMiB: 64 } }), { verdict: 'MLE', cause });
  });

  await t.test('a program whose files fill the box is RE, and told that they do', async (t) => {
    const source = 'for i in range(9): open(str(i), "wb").write(bytes(15 << 20))';
    const cause = { limit: 'box', measured: 65_536, allowed: 65_536, unit: 'KiB', systemCall: null };
    t.match(await judge('python', source), { verdict: 'RE', stderr: /No space left/, reason: /64 MiB/, cause });
  });

  await t.test('too much output is OLE, and the first bytes are kept', async (t) => {
    const reply = await judge('c', '#include <stdio.h>\nint main(void) { for (;;) puts("spam"); }', {
      limits: { outputKiB: 4 },
    });
    t.match(reply, { verdict: 'OLE' });
    t.equal(reply.stdout, 'spam\n'.repeat(1_000).slice(0, 4_096));
  });

  await t.test('a fork bomb meets its limit of processes and harms nobody', async (t) => {
    const bomb = '#include <unistd.h>\nint main(void) { for (;;) fork(); }';
    const reply = await judge('c', bomb, { limits: { processes: 16, cpuTimeMs: 300, wallTimeMs: 3_000 } });
    t.match(reply, { verdict: 'TLE' });
    t.match(await judge('python', 'print("still here")'), { verdict: 'AC', stdout: 'still here\n' });
  });

  await t.test(
    'a small stack ends deep recursion by SIGSEGV; without a limit there is as much as memory',
    async (t) => {
      const source =
        'int f(int n) { volatile char a[1000]; a[0] = n; return n ? f(n - 1) + a[0] : 0; }\n' +
        'int main(void) { return f(20000) == 1; }';
      const limits = { stackKiB: 1_024 };
      t.match(await judge('c', source), { verdict: 'AC' });
      t.match(await judge('c', source, { limits }), { verdict: 'RE', signal: 'SIGSEGV', cause: null });
      const tests = [{ stdin: '1' }, { stdin: '2' }];
      const warmly = (more: Json) => server.judgeWarm(token, { language: 'c', source, ...more });
      const warm = await warmly({ limits, tests });
      t.match(warm, { verdict: 'RE', tests: [{ signal: 'SIGSEGV' }, { signal: 'SIGSEGV' }], warm: true }, 'warm');
      t.match(await warmly({ tests }), { verdict: 'AC', warm: true }, 'warm');
    },
  );

  await t.test('a virtual machine knows its stack limit, and ends recursion by its own error', async (t) => {
    const source =
      'let n = 0; const f = () => { n++; f(); };\ntry { f(); } catch (e) { console.log(e.name, n > 100_000); }';
    const of = (limits: object) => judge('javascript', source, { limits });
    t.match(await of({}), { verdict: 'AC', stdout: 'RangeError true\n' });
    t.match(await of({ stackKiB: 2_048 }), { verdict: 'AC', stdout: 'RangeError false\n' });
  });

  await t.test('open files are as many as asked for, fresh and warm', async (t) => {
    const source = 'import os\nfor i in range(100): os.open("/dev/null", 0)';
    const refused = { verdict: 'RE', stderr: /Too many open files/, reason: 'exit code 1', cause: null };
    const limits = { openFiles: 50, stackKiB: 65_536 };
    t.match(await judge('python', source), { verdict: 'AC' });
    t.match(await judge('python', source, { limits }), { ...refused, warm: true });
    t.match(await judge('python', source, { limits, fresh: true }), { ...refused, warm: false });
  });

  await t.test('output that is not UTF-8 comes readable and, exact, as base64', async (t) => {
    const reply = await judge('python', 'import sys\nsys.stdout.buffer.write(b"a\\xff\\n")');
    t.match(reply, {
      verdict: 'AC',
      stdout: 'a\uFFFD\n',
      stdoutBase64: Buffer.from('a\xff\n', 'latin1').toString('base64'),
    });
  });

  await t.test('tests are judged one by one, and the submission by all of them', async (t) => {
    const tests = [
      { name: 'small', stdin: '1 2\n', expected: '3\n' },
      { name: 'wrong', stdin: '2 2\n', expected: '5\n' },
      { name: 'crash', stdin: 'x\n', expected: '0\n' },
    ];
    const reply = await judge('python', 'a, b = map(int, input().split())\nprint(a + b)', { tests });
    t.same(
      reply.tests.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict]),
      [
        ['small', 'AC'],
        ['wrong', 'WA'],
        ['crash', 'RE'],
      ],
    );
    t.not(reply.verdict, 'AC');
  });

  await t.test('the checker asked for decides', async (t) => {
    const tests = [{ name: 'pi', stdin: '', expected: '3.14159' }];
    const checker = { kind: 'float', epsilon: 1e-3 };
    t.match(await judge('python', 'print(3.1415)', { tests, checker }), { verdict: 'AC' });
    t.match(await judge('python', 'print(3.2)', { tests, checker }), { verdict: 'WA' });
    t.match(await judge('python', 'print(3.1415)', { tests }), { verdict: 'WA' });
  });

  await t.test('several files, with directories, see each other', async (t) => {
    const files = [
      { path: 'main.c', content: '#include "lib/two.h"\nint main(void) { return TWO - 2; }' },
      { path: 'lib/two.h', content: Buffer.from('#define TWO 2\n').toString('base64'), encoding: 'base64' },
    ];
    const reply = await server.judge(token, { language: 'c', files, main: 'main.c' });
    t.match(reply, { verdict: 'AC' });
    const source = await server.request('GET', `/v1/submissions/${reply.id}/source`, { token });
    t.equal(source.status, 200);
  });

  await t.test('what lies beside a source is no option of the compiler, whatever it is called', async (t) => {
    // Taken for a specs file or a response file, these would not be linked; the tools would not be found behind their names.
    const reply = await server.judge(token, {
      language: 'c',
      main: 'main.c',
      files: [
        {
          path: 'main.c',
          content: 'int specs(void), response(void);\nint main(void) { return specs() + response(); }',
        },
        { path: '-specs=specs.c', content: 'int specs(void) { return 3; }' },
        { path: '@response.c', content: 'int response(void) { return 4; }' },
        { path: 'specs', content: '*cc1:\n%emalformed' },
        ...['cc1', 'as', 'ld', 'collect2'].map((path) => ({ path, content: '#!/bin/sh\nexit 1\n' })),
      ],
    });
    t.match(reply, { compile: { exitCode: 0 }, verdict: 'RE', exitCode: 7 });
  });

  await t.test('the source comes back as it was sent, and the executable runs', async (t) => {
    const source = '#include <stdio.h>\nint main(void) { puts("back"); }\n';
    const reply = await judge('c', source);
    const back = await server.request('GET', `/v1/submissions/${reply.id}/source`, { token });
    t.equal(back.body, source);
    const executable = await fetch(`${server.url}/v1/submissions/${reply.id}/executable`, {
      headers: { authorization: `Bearer ${token}` },
    });
    t.equal(
      Buffer.from(await executable.arrayBuffer())
        .subarray(1, 4)
        .toString(),
      'ELF',
    );
  });

  await t.test('a source that was compiled before is not compiled again', async (t) => {
    const source = '#include <stdio.h>\nint main(void) { puts("once"); }\n';
    const first = await judge('c', source);
    const second = await judge('c', source);
    t.match(second, { verdict: 'AC', stdout: 'once\n', executable: first.executable });
    const lines = server.log
      .split('\n')
      .filter((line) => line.includes('"compiled"') && line.includes(first.executable));
    t.equal(lines.length, 1, 'one line in the log says that it was compiled');
  });

  await t.test('nothing of one run is there in the next', async (t) => {
    await judge('python', 'open("left", "w").write("x"); open("/tmp/left", "w").write("x")');
    t.match(await judge('python', 'import os\nprint(os.path.exists("left"), os.path.exists("/tmp/left"))'), {
      stdout: 'False False\n',
    });
  });

  await t.test('a program has no network and does not see the host', async (t) => {
    const source = [
      'import os, socket',
      'for path in ["/etc/shadow", "/home", "/root/.bashrc", "/var"]:',
      '  print(os.path.exists(path))',
      'try:',
      '  socket.create_connection(("127.0.0.1", 22), timeout=1)',
      'except OSError as error:',
      '  print("no network")',
      'print(os.getuid() != 0, len([p for p in os.listdir("/proc") if p.isdigit()]) <= 2)',
    ].join('\n');
    t.match(await judge('python', source), { stdout: 'False\nFalse\nFalse\nFalse\nno network\nTrue True\n' });
  });
});
