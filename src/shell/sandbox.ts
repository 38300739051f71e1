/**
 * Turns for programs in cells (`turno shell --sandbox`): the parts a server has for it, without the server.
 *
 *     exec --> a cell of its own, with the program as /exe/NAME --> process table --> scheduler thread --> words, doorbell
 *
 * The program sees what a submission sees: an empty writable /box, the system's /usr read-only, no network, nobody else.
 * What it prints passes through the cell's PID 1 and a socket of the shell, so that it never holds the terminal itself.
 * The pid of a child is that of its cell's PID 1: the program has one only from its first turn on.
 */

import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as os, tmpdir, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { CELL_ENVIRONMENT } from '../languages/language.js';
import { Cell, FORWARD_SIGNAL, type Run } from '../pool/cell.js';
import { RunFlag } from '../pool/cell-layout.js';
import { ProcessTable } from '../pool/process-table.js';
import { TurnsThread } from '../server/turns-thread.js';
import { cellBinary, native } from '../shm/native.js';
import { signalName } from '../signal-name.js';
import { GIB, MIB, NS_PER_MS, NS_PER_S } from '../units.js';
import { type End, findProgram } from './child.js';
import { type ChildState, MAX_CHILDREN, type ShellChild, type ShellTurns, type TurnTakerOptions } from './turns.js';

/** Nobody gave a limit: time and output are as good as endless, the rest is what a submission may ask for. */
const ENDLESS_NS = 10 ** 6 * NS_PER_S;
const LIMITS: Run['limits'] = {
  ...{ cpuNs: ENDLESS_NS, wallNs: ENDLESS_NS, memoryBytes: GIB, processes: 64, openFiles: 1_024, stackBytes: 0 },
  ...{ outputBytes: 1_024 * GIB, fileBytes: 256 * MIB, boxBytes: 256 * MIB },
};
/** As in a server: part of the machine's memory that started programs may use together. */
const MEMORY_SHARE = 0.75;

export class SandboxTurns implements ShellTurns {
  readonly #directory: string;
  readonly #table: ProcessTable;
  readonly #turnsFd: number;
  readonly #thread: TurnsThread;
  readonly #out: NodeJS.WritableStream;
  readonly #err: NodeJS.WritableStream;
  readonly #cells = new Set<Cell>();

  constructor({ lanes, sliceNs, mode }: TurnTakerOptions, out: NodeJS.WritableStream, err: NodeJS.WritableStream) {
    this.#directory = mkdtempSync(join(tmpdir(), 'turno-shell-'));
    const path = join(this.#directory, 'turns.turno');
    this.#table = ProcessTable.create(path, MAX_CHILDREN, lanes);
    this.#turnsFd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    this.#out = out;
    this.#err = err;
    const memoryBytes = Math.max(GIB, totalmem() * MEMORY_SHARE);
    this.#thread = new TurnsThread(this.#table, { mode, sliceNs, memoryBytes, isRealtime: false }, (error) => {
      throw error; // nobody would get a turn any more: the shell ends, and its cells with it
    });
  }

  /** @throws TURNO_CELL when no sandbox can be made here */
  async start(name: string, args: readonly string[], announce: (child: ShellChild) => void): Promise<void> {
    const program = openSync(findProgram(name), constants.O_RDONLY);
    try {
      const cell = await this.#cell();
      const run = this.#run(cell, name, args, program);
      announce(new SandboxedChild(cell, this.#table, name, args, run)); // what it prints comes through the event loop
    } finally {
      closeSync(program); // the request is out, or has failed
    }
  }

  async #cell(): Promise<Cell> {
    const slot = this.#table.claim(process.pid);
    if (slot === undefined) throw new RangeError(`more than ${MAX_CHILDREN} children`);
    const cellGroup = `turno-shell-${process.pid}`;
    const setup = { cellBinary, turnsFd: this.#turnsFd, cellGroup, mounts: [], backend: 'auto' };
    try {
      const cell = await Cell.start(setup, slot, this.#table);
      this.#cells.add(cell);
      void cell.ended.then(() => {
        this.#cells.delete(cell);
        this.#table.release(slot);
      });
      return cell;
    } catch (error) {
      this.#table.release(slot);
      throw error;
    }
  }

  /** The cell has what it needs when this returns; the promise settles when it has ended. */
  async #run(cell: Cell, name: string, args: readonly string[], fd: number): Promise<End> {
    const file = basename(name);
    const nothing = openSync('/dev/null', constants.O_RDONLY);
    const [out, err] = [printTo(this.#out), printTo(this.#err)];
    const running = cell.run({
      posting: { user: 0, row: 0, priority: 0, memoryLimitBytes: LIMITS.memoryBytes, title: name },
      ...{ path: `/exe/${file}`, argv: [name, ...args], env: CELL_ENVIRONMENT, flags: RunFlag.pipeOutput },
      ...{
        stdin: new Uint8Array(),
        inFiles: [{ place: 'exe', name: file, content: { fd } }],
        outFiles: [],
        outBytes: 0,
      },
      streams: [nothing, out.fd, err.fd],
      limits: LIMITS,
    });
    try {
      const { exitCode, signal } = (await running).report;
      return { code: exitCode, signal: signal === null ? null : signalName(signal) };
    } catch {
      return { code: null, signal: 'SIGKILL' }; // its cell was killed from outside, and it with it
    } finally {
      for (const opened of [nothing, out.fd, err.fd]) closeSync(opened);
      await Promise.all([out.printed, err.printed]); // its last words come before the news of its end
      await cell.end();
    }
  }

  state(child: ShellChild): ChildState {
    const { state } = this.#entry(child);
    return state === 'running' || state === 'stopped' ? state : 'waiting';
  }

  turns(child: ShellChild): number {
    return this.#entry(child).turns;
  }

  #entry(child: ShellChild) {
    return this.#table.entry((child as SandboxedChild).cell.slot);
  }

  close(): void {
    // Turns go on: whoever is to end must run to hear of it.
  }

  async end(): Promise<void> {
    await Promise.all([...this.#cells].map((cell) => cell.end()));
    await this.#thread.stop();
    closeSync(this.#turnsFd);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

class SandboxedChild implements ShellChild {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly ended: Promise<End>;
  readonly cell: Cell;
  readonly #table: ProcessTable;

  constructor(cell: Cell, table: ProcessTable, name: string, args: readonly string[], ended: Promise<End>) {
    this.pid = table.cellPid(cell.slot);
    this.name = name;
    this.args = args;
    this.ended = ended;
    this.cell = cell;
    this.#table = table;
  }

  /** Up to its last stop. */
  get cpuMs(): number {
    return this.#table.entry(this.cell.slot).cpuNs / NS_PER_MS;
  }

  /** To the program; one that has not begun ends without ever having run. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGUSR1') {
      native.sendSignal(this.pid, FORWARD_SIGNAL);
      return;
    }
    const program = signal === 'SIGKILL' ? undefined : this.#program();
    if (program === undefined) this.cell.cancel();
    else native.queueSignal(program, os.signals[signal], 0); // if it has not just ended
  }

  proceed(): void {
    // Its turn comes.
  }

  /** First child of PID 1, which has no other but orphans, later ones. */
  #program(): number | undefined {
    try {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'latin1');
      return Number.parseInt(children, 10) || undefined;
    } catch {
      return undefined; // the cell is just ending
    }
  }
}

/** A descriptor for a program to print to, and when all of it is printed. */
function printTo(stream: NodeJS.WritableStream): { fd: number; printed: Promise<void> } {
  const [ours, theirs] = native.socketPair();
  const socket = new Socket({ fd: ours, readable: true, writable: false });
  socket.pipe(stream, { end: false });
  const printed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { fd: theirs, printed };
}
