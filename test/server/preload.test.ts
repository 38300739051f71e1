/** `--python-preload` through the real server: with a module of the standard library, and with numpy where a Python has it. */

import { execFileSync } from 'node:child_process';
import { type Test, t } from 'tap';
import { startServer } from '../start-server.js';

/** A Python with numpy that cells can be given; PYTHON_WITH_NUMPY names another, such as that of a virtual environment. */
function pythonWithNumpy(): string | undefined {
  return [process.env.PYTHON_WITH_NUMPY, '/usr/bin/python3'].find((python) => {
    if (python === undefined) return false;
    try {
      execFileSync(python, ['-c', 'import numpy'], { stdio: 'ignore' });
      return true;
    } catch {
      return false; // not there, or without numpy: the next
    }
  });
}

async function serverWith(t: Test, ...flags: string[]) {
  const server = await startServer(t, { args: flags });
  const token = await server.register('ada');
  const judge = (source: string, more = {}) => server.judge(token, { language: 'python', source, ...more });
  return { server, token, judge };
}

t.test('a module of the standard library', async (t) => {
  const { server, token, judge } = await serverWith(t, '--python-preload', 'decimal');
  t.match(server.startLine, /python \(3[0-9.]+ with decimal, [0-9.]+ MiB in each cell that runs it\)/);
  const source =
    'import sys\nprint("decimal" in sys.modules, __name__)\nimport decimal\nprint(decimal.Decimal("0.1") * 3)';
  t.match(await judge(source), { warm: true, verdict: 'AC', stdout: 'True __main__\n0.3\n' });
  t.match(await judge(source, { fresh: true }), { warm: false, stdout: 'False __main__\n0.3\n' });
  const draw = 'import random\nprint(random.random())';
  t.not((await judge(draw)).stdout, (await judge(draw)).stdout, 'two runs of one template draw different numbers');
  const files = [
    { path: 'main.py', content: 'import decimal\nprint(decimal.mine)' },
    { path: 'decimal.py', content: 'mine = 1' },
  ];
  t.match(await server.judge(token, { language: 'python', files, main: 'main.py' }), { warm: false, stdout: '1\n' });
});

const python = pythonWithNumpy();
t.test('numpy', { skip: python === undefined ? 'no Python with numpy here' : false }, async (t) => {
  const { judge } = await serverWith(t, '--python', python ?? '', '--python-preload', 'numpy');
  const source = 'import numpy\nprint(numpy.arange(6).reshape(2, 3).sum(axis=0), numpy.linalg.det(numpy.eye(3)))';
  const warm = await judge(source);
  t.match(warm, { warm: true, verdict: 'AC', stdout: '[3 5 7] 1.0\n', stderr: '' });
  const again = await judge(source);
  const fresh = await judge(source, { fresh: true });
  t.match(fresh, { warm: false, verdict: 'AC', stdout: warm.stdout });
  t.ok(again.cpuTimeMs < fresh.cpuTimeMs, `${again.cpuTimeMs} ms of CPU, fresh ${fresh.cpuTimeMs}`);
  const draw = 'import numpy\nprint(numpy.random.rand())';
  t.not((await judge(draw)).stdout, (await judge(draw)).stdout, 'its generator is seeded anew for each run');
});
