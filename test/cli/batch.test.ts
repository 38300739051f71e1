/** `turno batch`: every line gets one result, whatever comes between, and memory does not grow with the lines. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import { fillUp, NO_MOUNT, smallDisk } from '../small-disk.js';
import { startServer } from '../start-server.js';
import { cli } from './run-cli.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const PROGRAMS = 300;
/** With LINES=100000 (npm run test:batch) the memory is looked at too. */
const LINES = Number(process.env.LINES ?? 2_000);

/** Compiled once; the line decides what becomes of it. */
const SOURCE = `#include <stdio.h>
int main(void) { int n; if (scanf("%d", &n) != 1) return 1; printf("%d\\n", n * n); return n % 100 == 99 ? 3 : 0; }`;

interface Result {
  readonly line: number;
  readonly verdict?: string;
  readonly stdout?: string;
  readonly error?: { readonly code: string; readonly field?: string };
}

/** One server for all; each test has a user and a directory of its own. */
const sockets = mkdtempSync(join(tmpdir(), 'turno-batch-'));
t.teardown(() => rmSync(sockets, { recursive: true, force: true }));
const server = await startServer(t, { args: ['--socket', join(sockets, 's')] });

async function begin(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'turno-batch-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = (name: string) => join(directory, name);
  const environment = { TURNO_SERVER: server.address('unix'), TURNO_TOKEN: await server.newUser('ada') };
  const results = (name: string): Result[] =>
    readFileSync(file(name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { file, environment, results };
}

const program = (n: number) => JSON.stringify({ language: 'c', source: SOURCE, stdin: `${n}` });

t.test('a batch that is killed in the middle goes on where it was, and each line has one result', async (t) => {
  const { file, environment, results } = await begin(t);
  writeFileSync(file('in'), Array.from({ length: PROGRAMS }, (_, i) => `${program(i + 1)}\n`).join(''));
  const args = ['batch', file('in'), '--to', file('out')];
  const child = spawn(process.execPath, [MAIN, ...args, '--concurrency', '8'], {
    env: { ...process.env, ...environment },
    stdio: 'ignore',
  });
  while (!existsSync(file('out')) || statSync(file('out')).size < 20_000) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  truncateSync(file('out'), statSync(file('out')).size - 7); // as if it had been killed while it wrote
  t.match(await cli(args, environment), { status: 2, err: /is there already: --resume/ }, 'nothing is overwritten');
  const { status, err } = await cli([...args, '--resume'], environment);
  t.equal(status, 0, err);
  t.match(err, /300 lines: \d+ AC, \d+ RE; \d+ had their result already/);
  const all = results('out').sort((a, b) => a.line - b.line);
  t.same(
    all.map(({ line }) => line),
    Array.from({ length: PROGRAMS }, (_, i) => i + 1),
  );
  for (const { line, verdict, stdout } of all) {
    t.match({ verdict, stdout }, { verdict: line % 100 === 99 ? 'RE' : 'AC', stdout: `${line * line}\n` });
  }
  await server.idle();
});

t.test(
  'with --ordered the results stand in the order of the lines, and bad lines are told by their number',
  async (t) => {
    const { file, environment } = await begin(t);
    const slow = JSON.stringify({ language: 'python', source: 'import time\ntime.sleep(0.3)\nprint("slow")' });
    const lines = [
      slow,
      '',
      program(2),
      'not JSON',
      '{"language": "cobol", "source": ""}',
      '[1]',
      program(3),
      '{"language":"c"}',
    ];
    writeFileSync(file('in'), lines.join('\n'));
    const { status, out, err } = await cli(['batch', file('in'), '--ordered'], environment);
    t.equal(status, 1);
    t.match(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [
        { line: 1, verdict: 'AC', stdout: 'slow\n' },
        { line: 3, verdict: 'AC', stdout: '4\n' },
        { line: 4, error: { code: 'TURNO_BAD_REQUEST', field: 'line' } },
        { line: 5, error: { code: 'TURNO_BAD_REQUEST', field: 'language' } },
        { line: 6, error: { code: 'TURNO_BAD_REQUEST', field: 'body' } },
        { line: 7, verdict: 'AC', stdout: '9\n' },
        { line: 8, error: { code: 'TURNO_BAD_REQUEST', field: 'source' } },
      ],
    );
    t.match(err, new RegExp(`${file('in')}:5: language: expected one of .*TURNO_BAD_REQUEST`));
    t.match(err, /7 lines: 3 AC; 4 refused/);
  },
);

t.test('a server that goes away is waited for, and a wrong token or no server ends the batch', async (t) => {
  const { file, environment, results } = await begin(t);
  const token = { ...environment, TURNO_TOKEN: 'wrong' };
  writeFileSync(file('in'), Array.from({ length: 40 }, (_, i) => `${program(i + 1)}\n`).join(''));
  t.match(await cli(['batch', file('in')], token), { status: 2, err: /TURNO_TOKEN_UNKNOWN/ });
  t.match(await cli(['batch', file('none')], environment), { status: 2, err: /none: cannot be read \(ENOENT\)/ });
  t.match(await cli(['batch', '--resume'], environment), { status: 2, err: /--resume needs --to/ });
  const nowhere = { ...environment, TURNO_SERVER: `${environment.TURNO_SERVER}-none` };
  t.match(await cli(['batch', file('in'), '--patience', '0'], nowhere), { status: 2, err: /TURNO_UNREACHABLE/ });
  const batch = cli(['batch', file('in'), '--to', file('out'), '--concurrency', '4'], environment);
  while (!existsSync(file('out')) || statSync(file('out')).size === 0) await new Promise(setImmediate);
  for (const front of server.fronts) process.kill(front, 'SIGKILL');
  t.match(await batch, { status: 0, err: /40 lines: 40 AC/ });
  t.equal(new Set(results('out').map(({ line }) => line)).size, 40);
});

t.test(`${LINES} lines leave memory as it is, in order too`, async (t) => {
  const { file, environment } = await begin(t);
  const out = createWriteStream(file('in'));
  for (let i = 0; i < LINES; i++) {
    // Refused by the server, each with an answer of its own: what is measured is the batch, not the sandbox.
    if (!out.write(`${JSON.stringify({ language: 'c', source: 'x'.repeat(500), limits: { cpuTimeMs: -i } })}\n`)) {
      await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'close');
  const child = spawn(process.execPath, [MAIN, 'batch', file('in'), '--to', file('out'), '--ordered'], {
    env: { ...process.env, ...environment },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  let warmKiB = 0;
  let lastKiB = 0;
  const look = setInterval(() => {
    const size = existsSync(file('out')) ? statSync(file('out')).size : 0;
    const kiB = Number(/VmRSS:\s*(\d+)/.exec(readStatus(child.pid ?? 0))?.[1] ?? 0);
    // The line of 100 bytes and more is the result of about one.
    if (size < (LINES * 100) / 3) warmKiB = Math.max(warmKiB, kiB);
    else lastKiB = Math.max(lastKiB, kiB);
  }, 20);
  const [code] = await ended;
  clearInterval(look);
  t.equal(code, 1, 'all refused');
  const lines = readFileSync(file('out'), 'utf8').trimEnd().split('\n');
  t.equal(lines.length, LINES);
  t.ok(
    lines.every((line, i) => line.startsWith(`{"line":${i + 1},"error":`)),
    'in order',
  );
  t.comment(`largest memory in the first third ${warmKiB} KiB, after it ${lastKiB} KiB`);
  if (LINES >= 100_000) t.ok(lastKiB < warmKiB * 1.1, 'flat');
});

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

t.test('results that find no room on the disk end the batch with the name of their file', async (t) => {
  const disk = smallDisk(t, 1);
  if (disk === undefined) {
    t.pass('a small disk', NO_MOUNT);
    return;
  }
  const { file, environment } = await begin(t);
  writeFileSync(file('in'), `${program(1)}\n`);
  fillUp(join(disk, 'ballast'));
  const to = join(disk, 'out');
  t.match(await cli(['batch', file('in'), '--to', to], environment), {
    status: 2,
    err: /^turno: .*out: no space left .*TURNO_DISK_FULL/,
  });
});
