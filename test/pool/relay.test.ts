/** Two programs joined by a relay: what one says the other hears, and each feels it when the other has gone. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { t } from 'tap';
import { Relay } from '../../src/pool/relay.js';

/** Runs two Python programs joined by a relay; how they ended, and what came through. */
async function joined(program: string, interactor: string, mostBytes = 1_000_000) {
  const relay = new Relay(mostBytes, mostBytes);
  const start = (source: string, [stdin, stdout]: readonly [number, number]) =>
    spawn('python3', ['-c', source], { stdio: [stdin, stdout, 'ignore'] });
  const [first, second] = [start(program, relay.program), start(interactor, relay.interactor)];
  const ends = Promise.all([once(first, 'exit'), once(second, 'exit')]);
  relay.onFlood = () => first.kill('SIGKILL');
  relay.start();
  const [[code, signal], [otherCode, otherSignal]] = await ends;
  relay.close();
  const { flooded, firstToEnd } = relay;
  return {
    program: code ?? signal,
    interactor: otherCode ?? otherSignal,
    flooded,
    firstToEnd,
    words: String(relay.words),
  };
}

const DIE_OF_PIPES = 'import sys, signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\n';

t.test('a conversation: each line is answered, and the words of the program are kept', async (t) => {
  const asks = 'for n in range(50):\n  print(n, flush=True)\n  assert int(input()) == n + 1\nprint("end", flush=True)';
  const answers = 'import sys\nfor line in sys.stdin:\n  if line != "end\\n": print(int(line) + 1, flush=True)';
  const found = await joined(asks, answers);
  t.match(found, { program: 0, interactor: 0, flooded: undefined, firstToEnd: 'program' });
  t.equal(found.words, `${Array.from({ length: 50 }, (_, n) => `${n}\n`).join('')}end\n`);
});

t.test('who reads from one that has gone sees the end of file', async (t) => {
  const reads = 'import sys\nsys.exit(5 if sys.stdin.read() == "last words" else 6)';
  t.match(await joined('print("last words", end="")', reads), { program: 0, interactor: 5, firstToEnd: 'program' });
  t.match(await joined(reads, 'print("last words", end="")'), { program: 5, interactor: 0, firstToEnd: 'interactor' });
});

t.test('who writes to one that has gone gets SIGPIPE', async (t) => {
  const writes = `${DIE_OF_PIPES}while True: print("x" * 1000)`;
  t.match(await joined('pass', writes, 1e9), { program: 0, interactor: 'SIGPIPE', firstToEnd: 'program' });
  t.match(await joined(writes, 'pass', 1e9), { program: 'SIGPIPE', interactor: 0, firstToEnd: 'interactor' });
});

t.test('a flood is blamed on who made it, read or not', async (t) => {
  const floods = `${DIE_OF_PIPES}while True: print("x" * 1000)`;
  const reads = 'import sys\nwhile sys.stdin.read(65536): pass';
  t.match(await joined(floods, reads), { flooded: 'program', interactor: 0 });
  t.match(await joined(reads, floods), { flooded: 'interactor', interactor: 'SIGPIPE' });
});

t.test('megabytes go through whole, however slowly they are read', async (t) => {
  const writes = 'import sys\nfor n in range(200_000): sys.stdout.write("%06d\\n" % n)';
  const reads =
    'import sys, time\ntime.sleep(0.2)\ndata = sys.stdin.read()\n' +
    'sys.exit(data != "".join("%06d\\n" % n for n in range(200_000)))';
  t.match(await joined(writes, reads, 1_400_000), { program: 0, interactor: 0, flooded: undefined });
});
