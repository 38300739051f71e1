/** Interactive problems with real cells: conversations on one lane and on two, floods, crashes, waiting for each other. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { t } from 'tap';
import { type Json, startServer, type TestServer } from '../start-server.js';

/** Sends N numbers, wants each one doubled; what else it does is said by the input. */
const INTERACTOR = [
  'import sys, signal',
  'signal.signal(signal.SIGPIPE, signal.SIG_DFL)',
  'mode, rounds = open(sys.argv[1]).read().split()',
  'if mode == "plain":',
  '  signal.signal(signal.SIGPIPE, signal.SIG_IGN)',
  '  for n in range(int(rounds)):',
  '    print(n, flush=True)',
  '    if int(input()) != 2 * n: raise SystemExit(43)',
  'if mode == "crash": raise SystemExit(1)',
  'if mode == "flood":',
  '  while True: sys.stdout.write("9" * 65536)',
  'if mode == "loop":',
  '  while True: pass',
  'for n in range(int(rounds)):',
  '  print(n, flush=True)',
  '  line = sys.stdin.readline()',
  '  if line.strip() != str(2 * n):',
  '    open(sys.argv[3] + "judgemessage.txt", "w").write("round %d: %r" % (n, line[:20]))',
  '    raise SystemExit(43)',
  'if mode == "last": print(1, flush=True); print(2, flush=True); [print("x" * 1000) for _ in range(1000)]',
  'raise SystemExit(42)',
].join('\n');

const DOUBLE = 'import sys\nfor line in sys.stdin: print(2 * int(line), flush=True)';

async function withProblem(server: TestServer, mode: string, rounds = 5) {
  const token = readFileSync(join(server.data, 'operator.token'), 'utf8').trim();
  const texts = {
    'problem.yaml': 'validation: custom interactive\nlimits: {validation_time: 1, output: 1, time_limit: 1}\n',
    'output_validators/interact.py': INTERACTOR,
    'data/secret/1.in': `${mode} ${rounds}\n`,
  };
  const raw = Uint8Array.from(
    zipSync(Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)]))),
  );
  const added = await server.request('POST', `/v1/problems?id=${mode}`, { token, raw, type: 'application/zip' });
  if (added.status !== 201) throw new Error(JSON.stringify(added.body));
  return async (source: string, language = 'python'): Promise<Json> => {
    const body = { language, source };
    return (await server.request('POST', `/v1/problems/${mode}/submissions?wait=true`, { token, body })).body;
  };
}

const [oneLane, twoLanes] = await Promise.all([
  startServer(t, { args: ['--lanes', '1'] }),
  startServer(t, { args: ['--lanes', '2'] }),
]);

for (const [lanes, server] of [
  [1, oneLane],
  [2, twoLanes],
] as const) {
  t.test(`on ${lanes} lane(s): a long conversation ends, beside programs that never end`, async (t) => {
    const ada = await server.register('ada');
    const loop = { language: 'python', source: 'while True: pass', limits: { cpuTimeMs: 60_000, wallTimeMs: 120_000 } };
    const loops = await Promise.all(
      Array.from({ length: lanes }, () => server.request('POST', '/v1/submissions', { token: ada, body: loop })),
    );
    const judge = await withProblem(server, 'talk', 500);
    t.match(await judge(DOUBLE), { verdict: 'AC' });
    const wrong = await judge('n = 0\nwhile True:\n  input(); print(0, flush=True)');
    t.match(wrong, { verdict: 'WA', reason: /round 1: '0/ });
    for (const { body } of loops) await server.request('DELETE', `/v1/submissions/${body.id}`, { token: ada });
  });
}

t.test('early ends, floods, crashes and waiting for each other: each with its verdict and its blame', async (t) => {
  const server = oneLane;
  const talk = await withProblem(server, 'talk');
  t.match(await talk('pass'), { verdict: 'WA' }, 'ends at once, content');
  t.match(await talk('raise SystemExit(7)'), { verdict: 'RE', exitCode: 7 }, 'ends at once, badly');
  t.match(await talk('while True: print("y" * 10000)'), { verdict: /WA|OLE/ }, 'floods who reads a line of it');
  t.match(
    await talk('input(); input()'),
    { verdict: 'TLE', reason: /idle: .*wait for each other/ },
    'says nothing, and waits for more: found at once, not at the limit',
  );
  t.match(
    await talk('import os\nos.close(1)\ninput(); input()'),
    { verdict: 'TLE' },
    'closes its mouth, and waits: that is seen only at its end',
  );
  t.match(await talk(`${DOUBLE}\nwhile True: pass`), { verdict: 'TLE', reason: /CPU/ }, 'right, but goes on for ever');

  const last = await withProblem(server, 'last');
  t.match(await last(`import os\nfor n in range(5): print(2 * int(input()), flush=True)\nos._exit(0)`), {
    verdict: 'WA',
    reason: /ended before the interactor was done/,
  });
  const plain = await withProblem(server, 'plain');
  t.match(
    await plain('print(2 * int(input()))'),
    { verdict: 'WA', reason: /ended before the interactor was done/ },
    'an interactor in Python that knows nothing of pipes',
  );
  t.match(await (await withProblem(server, 'crash'))(DOUBLE), {
    verdict: 'SE',
    reason: /interactor ended with exit code 1/,
  });
  t.match(
    await (await withProblem(server, 'flood'))('import sys\nfor part in iter(lambda: sys.stdin.read(65536), ""): pass'),
    {
      verdict: 'SE',
      reason: /interactor wrote more/,
    },
  );
  t.match(await (await withProblem(server, 'loop'))('input()'), {
    verdict: 'SE',
    reason: /interactor did not end by itself/,
  });
});

t.test(
  'who sleeps, or thinks, is not taken for one that waits for ever; who really does is, in any language',
  async (t) => {
    const server = twoLanes;
    const talk = await withProblem(server, 'talk', 2);
    const slow = 'import time\nfor _ in range(2): n = int(input()); time.sleep(0.3); print(2 * n, flush=True)';
    t.match(await talk(slow), { verdict: 'AC' }, 'sleeps');
    const thread = `import threading, time
def answer(n): time.sleep(0.3); print(2 * n, flush=True)
for _ in range(2): threading.Thread(target=answer, args=(int(input()),)).start()`;
    t.match(await talk(thread), { verdict: 'AC' }, 'a thread sleeps while another waits for more');
    const alarm = `#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static int n;
static void answer(int s) { printf("%d\\n", 2 * n); fflush(stdout); }
int main(void) { signal(SIGALRM, answer); while (scanf("%d", &n) == 1) ualarm(300000, 0); }`;
    t.match(await talk(alarm, 'c'), { verdict: 'AC' }, 'an alarm is to come');
    const idle = { verdict: 'TLE', reason: /idle: / };
    t.match(
      await talk(
        '#include <stdio.h>\nint main(void) { int n; while (scanf("%d", &n) == 1) printf("%d\\n", 2 * n); }',
        'c',
      ),
      idle,
      'C, not flushed',
    );
    t.match(await talk('#include <iostream>\nint main() { int a, b; std::cin >> a >> b; }', 'cpp'), idle, 'C++');
    const child = 'import subprocess\nsubprocess.run(["cat"], stdout=subprocess.DEVNULL)';
    t.match(await talk(child), idle, 'a child of the program waits');
  },
);
