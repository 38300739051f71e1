/** `turno image`: its command line, and every death in the middle: nothing is left, or the picture is whole. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import { made } from '../image/pictures.js';
import { cli } from './run-cli.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
/** A filter that takes long, so that there is a middle. */
const SLOW = ['--filter', 'blur', '--radius', '100', '--workers', '2'];
const FOREVER = '#include <unistd.h>\nint main(void) { for (;;) pause(); }';

interface Command {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly directory: string;
  readonly ended: Promise<{ status: number | null; out: string; err: string }>;
}

async function start(t: Test, args: readonly string[]): Promise<Command> {
  const directory = t.testdir({ 'forever.c': FOREVER });
  writeFileSync(join(directory, 'in.png'), await made({ width: 1_000, height: 600, channels: 3 }));
  const child = spawn(process.execPath, [MAIN, 'image', 'in.png', 'out.png', '--json', ...args], {
    cwd: directory,
    detached: true, // a group of its own, as a shell makes one
  });
  const [out, err] = [textOf(child.stdout), textOf(child.stderr)];
  const ended = new Promise<Awaited<Command['ended']>>((resolve) => {
    child.once('close', (status) => resolve({ status, out: out(), err: err() }));
  });
  t.teardown(() => child.kill('SIGKILL'));
  return { process: child, pid: child.pid ?? 0, directory, ended };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (part: Buffer) => {
    text += part.toString();
  });
  return () => text;
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // it has ended
  }
}

const childrenOf = (pid: number) => (read(pid, `task/${pid}/children`).match(/\d+/g) ?? []).map(Number);
const descendantsOf = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);

async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found) return found;
    await setTimeout(5);
  }
}

/** The processes of a command, once `count` of those that filter have the shared memory. */
async function inTheMiddle({ pid }: Command, count = 2) {
  return await until(() => {
    const [coordinator] = childrenOf(pid);
    if (coordinator === undefined) return undefined;
    const bands = childrenOf(coordinator).filter((band) => read(band, 'maps').includes('turno-space'));
    return bands.length === count && { coordinator, bands };
  });
}

/** Every process below a command, once a program runs in a cell for each of the two bands. */
async function inTheCells({ pid }: Command): Promise<number[]> {
  return await until(() => {
    const all = descendantsOf(pid);
    return all.filter((one) => read(one, 'comm') === 'program\n').length === 2 && all;
  });
}

const alive = (pids: readonly number[]) => pids.filter((pid) => !['', 'Z', 'X'].includes(stateOf(pid)));
const stateOf = (pid: number) => /\) (\w)/.exec(read(pid, 'stat'))?.[1] ?? '';
const filesOf = ({ directory }: Command) => readdirSync(directory).sort();
const BEFORE = ['forever.c', 'in.png'];

t.test('SIGINT in the middle: killed and reaped, nothing written, 130', async (t) => {
  const command = await start(t, SLOW);
  const { coordinator, bands } = await inTheMiddle(command);
  command.process.kill('SIGINT');
  t.match(await command.ended, { status: 130, out: '', err: /interrupted; out.png was not written/ });
  t.strictSame(
    [coordinator, ...bands].filter((pid) => stateOf(pid) !== ''),
    [],
  );
  t.strictSame(filesOf(command), BEFORE);
});

t.test('Ctrl-C, which reaches all of them, while programs run in cells', async (t) => {
  const command = await start(t, ['--program', 'forever.c', '--workers', '2']);
  const all = await inTheCells(command);
  process.kill(-command.pid, 'SIGINT');
  t.match(await command.ended, { status: 130 });
  t.strictSame(alive(all), [], 'the cells are gone when the command is');
  t.strictSame(filesOf(command), BEFORE);
});

t.test('the coordinator killed: its children die with it, and nothing is left', async (t) => {
  const command = await start(t, SLOW);
  const { coordinator, bands } = await inTheMiddle(command);
  process.kill(coordinator, 'SIGKILL');
  t.match(await command.ended, { status: 2, err: /the coordinator's process ended \(killed by SIGKILL\)/ });
  await until(() => alive(bands).length === 0);
  t.strictSame(filesOf(command), BEFORE);
});

t.test('the coordinator killed while programs run in cells: the cells end, too', async (t) => {
  const command = await start(t, ['--program', 'forever.c', '--workers', '2']);
  const all = await inTheCells(command);
  process.kill(childrenOf(command.pid)[0] ?? 0, 'SIGKILL');
  t.match(await command.ended, { status: 2 });
  await until(() => alive(all).length === 0);
  t.strictSame(filesOf(command), BEFORE);
});

t.test('the command itself killed: the coordinator clears up', async (t) => {
  const command = await start(t, SLOW);
  const { coordinator, bands } = await inTheMiddle(command);
  command.process.kill('SIGKILL');
  await command.ended;
  await until(() => alive([coordinator, ...bands]).length === 0);
  t.strictSame(filesOf(command), BEFORE);
});

t.test('a child killed: its band is done again by another, and the picture is the same', async (t) => {
  const command = await start(t, SLOW);
  const { bands } = await inTheMiddle(command);
  process.kill(bands[1] ?? 0, 'SIGKILL');
  const { status, out } = await command.ended;
  t.match({ status, ...JSON.parse(out) }, { status: 0, bands: 2, repeated: 1 });
  const undisturbed = await start(t, [...SLOW.slice(0, -1), '1']);
  t.match(await undisturbed.ended, { status: 0, out: /"repeated":0/ });
  const picture = ({ directory }: Command) => readFileSync(join(directory, 'out.png'));
  t.ok(picture(command).equals(picture(undisturbed)));
});

t.test('its successor killed too: a clear error, and nothing is left', async (t) => {
  const command = await start(t, SLOW);
  const { coordinator, bands } = await inTheMiddle(command);
  process.kill(bands[0] ?? 0, 'SIGKILL');
  const successor = await until(() => childrenOf(coordinator).find((pid) => !bands.includes(pid)));
  process.kill(successor, 'SIGKILL');
  const err = /rows 0 to 300: their process ended before they were done \(killed by SIGKILL\), 2 times/;
  t.match(await command.ended, { status: 2, err });
  t.strictSame(alive(bands), []);
  t.strictSame(filesOf(command), BEFORE);
});

t.test('what the command line gets wrong', async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--filter', 'blurr'], /expected one of grayscale, blur.*got "blurr". Did you mean "blur"/],
    [[], /expected --filter NAME or --program FILE/],
    [['--filter', 'blur', '--radius', '0'], /--radius: expected an integer from 1 to 100/],
    [['--filter', 'blur', '--workers', '0'], /--workers: expected an integer from 1 to 128/],
    [['--program', 'x.c', '--overlap', '-1'], /--overlap: expected an integer/],
    [['--program', 'x.c', '--cpu', '1'], /--cpu: expected a time/],
  ];
  for (const [args, err] of wrong) t.match(await cli(['image', 'in.png', 'out.png', ...args]), { status: 2, err });
});
