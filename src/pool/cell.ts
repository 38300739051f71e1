/**
 * One cell, seen from the runner: its process, its socket, its slot, its end.
 *
 *     starting --hello--> idle --run()--> busy --result--> idle ... --end()/crash--> ended
 *
 * The descriptors of a run are memfds the runner made: nothing is pumped, the output is read with pread after the end and
 * never mapped (the program could have truncated it under us). Whatever makes a cell doubtful (an error report, bytes that
 * are no report, end of file) ends it; the run it had is answered with an error, and the runner makes a new cell.
 */

import { spawn } from 'node:child_process';
import { closeSync, constants, fchmodSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { TurnoError } from '../errors.js';
import { native } from '../shm/native.js';
import type { SlotIndex } from '../units.js';
import { CELL_SIGNATURE, REPORT, ReportKind, RunFlag, SlotState, Wanted } from './cell-layout.js';
import { type CellReport, decodeReport, encodeRequest, numbered, type RunLimits } from './cell-messages.js';
import type { ProcessTable, RunPosting } from './process-table.js';

/** The doorbell: SIGRTMIN as glibc numbers it. */
export const DOORBELL_SIGNAL = 34;
/** Asks PID 1 to send SIGUSR1 to its programs: SIGRTMIN + 1. */
export const FORWARD_SIGNAL = 35;

/** Each cell has two uids of its own, for PID 1 and for programs, in a range no distribution hands out. */
const FIRST_UID = 2_000_000;

export interface CellSetup {
  /** The turno-cell executable. */
  readonly cellBinary: string;
  /** Open descriptor of turns.turno, which the cell inherits and maps. */
  readonly turnsFd: number;
  /** Name of the server's control group; cells add their own below it. */
  readonly cellGroup: string;
  readonly mounts: readonly string[];
  readonly backend: string;
  /** The first two ids of the range the cells take theirs from; a server's own by default. */
  readonly firstUid?: number;
}

/** What goes into the cell before a run: bytes, or an open file. */
export interface InFile {
  /** `box`: in the working directory; `exe`: in /exe, kept from run to run while the file is the same. */
  readonly place: 'box' | 'exe';
  readonly name: string;
  readonly content: Uint8Array | { readonly fd: number };
  /** In the box: it may be executed. */
  readonly isExecutable?: boolean;
}

export interface Run {
  readonly posting: RunPosting;
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** RunFlag bits. */
  readonly flags: number;
  readonly stdin: Uint8Array;
  /** Open descriptors in place of files in memory: the result has nothing of what went there. Without stderr that is kept. */
  readonly streams?: readonly [stdin: number, stdout: number, stderr?: number];
  readonly inFiles: readonly InFile[];
  /** Files brought out of the box when the program exited with 0, into the open descriptor given. */
  readonly outFiles: readonly { readonly name: string; readonly fd: number }[];
  readonly outBytes: number;
  readonly limits: RunLimits;
  /** Run from a template if that can be, made now or for a run before. */
  readonly template?: TemplateOrder | undefined;
  /** Looked at once the run can be found in the process table: it may have been cancelled just before that. */
  readonly isCancelled?: () => boolean;
}

export interface TemplateOrder {
  /** Runs with one number may share a template if their commands are equal too; above 0. */
  readonly number: number;
  /** CPU time it may use until it stands. */
  readonly cpuNs: number;
  /** Its preloaded half, open. */
  readonly half: number;
  /** Names of modules an interpreter is to import before it stands, a line each: an open file. */
  readonly modules?: number;
}

export interface RunResult {
  readonly report: CellReport;
  /** First bytes, at most the output limit. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

const NOTHING = new Uint8Array();

export class Cell {
  readonly slot: SlotIndex;
  /** Backend bits of the hello. */
  backend = 0;
  /** Number of the template its last warm run came from: likely to stand still. */
  template: number | undefined;
  readonly #table: ProcessTable;
  readonly #socket: Socket;
  readonly #socketFd: number;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { resolve(report: CellReport): void; reject(error: Error): void } | undefined;
  #failure: TurnoError | undefined;
  readonly ended: Promise<void>;

  private constructor(slot: SlotIndex, table: ProcessTable, socketFd: number, exited: Promise<void>) {
    this.slot = slot;
    this.#table = table;
    this.#socketFd = socketFd;
    this.#socket = new Socket({ fd: socketFd, readable: true, writable: true });
    this.#socket.on('data', (bytes) => this.#receive(bytes));
    this.#socket.on('error', (error) =>
      this.#fail(new TurnoError('TURNO_CELL', { problem: error.message }, { cause: error })),
    );
    this.#socket.on('close', () =>
      this.#fail(new TurnoError('TURNO_CELL', { problem: 'its control socket was closed' })),
    );
    this.ended = exited.then(() => {
      this.#socket.destroy();
      this.#fail(new TurnoError('TURNO_CELL', { problem: 'its process has ended' }));
    });
  }

  /**
   * Starts a cell in a slot the caller has claimed; the caller releases the slot after `ended`.
   * @throws TURNO_CELL with the step that failed when the sandbox cannot be made.
   */
  static async start(setup: CellSetup, slot: SlotIndex, table: ProcessTable): Promise<Cell> {
    const [ours, theirs] = native.socketPair();
    const args = ['--control', '3', '--turns', '4', '--slot', String(slot)];
    args.push(
      '--group',
      `${setup.cellGroup}/cell-${slot}`,
      '--uid',
      String((setup.firstUid ?? FIRST_UID) + 2 * slot),
      '--backend',
      setup.backend,
    );
    for (const mount of setup.mounts) args.push('--mount', mount);
    // The environment of the server stays outside: a cell needs none of it.
    const child = spawn(setup.cellBinary, args, {
      stdio: ['ignore', 'ignore', 'inherit', theirs, setup.turnsFd],
      env: {},
    });
    closeSync(theirs);
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    const cell = new Cell(slot, table, ours, exited);
    try {
      const hello = await cell.#next();
      if (hello.kind !== ReportKind.hello || hello.signature !== CELL_SIGNATURE) {
        throw new TurnoError('TURNO_CELL', { problem: `${setup.cellBinary} is of another build. Run \`npm rebuild\`` });
      }
      cell.backend = hello.backend;
      table.setCell(slot, hello.pid);
      return cell;
    } catch (error) {
      await cell.end(); // nobody may use the slot while a process that knows it lives
      throw error;
    }
  }

  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  /** PID 1 of its namespaces. */
  get pid(): number {
    return this.#table.cellPid(this.slot);
  }

  /** Its program has begun, and is not stopped. */
  get isRunning(): boolean {
    return this.#table.state(this.slot) === SlotState.running;
  }

  /** Runs one program; the promise settles when it has ended and the cell is clean again. One at a time. */
  async run(run: Run): Promise<RunResult> {
    const opened: number[] = [];
    const own = (fd: number) => {
      opened.push(fd);
      return fd;
    };
    try {
      const [stdin, stdout, stderr = own(native.memfd('stderr'))] = run.streams ?? [
        own(readOnly(sourceFile('stdin', run.stdin))),
        own(native.memfd('stdout')),
      ];
      const inFiles = run.template ? [...run.inFiles, ...filesOf(run.template)] : run.inFiles;
      const inFds = inFiles.map(({ name, content, isExecutable = false }) =>
        'fd' in content ? content.fd : own(sourceFile(name, content, isExecutable)),
      );
      const askedNs = process.hrtime.bigint();
      // All that can fail comes before the run is posted: from then on the slot may hold a lane.
      const request = encodeRequest({
        ...run,
        flags: run.flags | (run.template ? RunFlag.warm : 0),
        inNames: inFiles.map(({ place, name }) => `${place === 'exe' ? 'x' : 'b'}${name}`),
        outNames: run.outFiles.map(({ name }) => name),
      });
      const number = this.#table.post(this.slot, run.posting, askedNs);
      const mustWait = !this.#table.hasLane(this.slot);
      const answer = this.#next();
      this.#send(numbered(request, number), [stdin, stdout, stderr, ...inFds, ...run.outFiles.map(({ fd }) => fd)]);
      const { follower } = run.posting;
      if (!mustWait && follower !== undefined) native.sendSignal(this.#table.cellPid(follower), DOORBELL_SIGNAL);
      if (run.isCancelled?.()) this.cancel();
      const report = await answer;
      if (report.kind !== ReportKind.result || report.run !== number) {
        throw this.#fail(
          new TurnoError('TURNO_CELL', { problem: `a report of run ${report.run}, expected ${number}` }),
        );
      }
      if (report.isWarm) this.template = run.template?.number;
      return {
        report: mustWait ? withFirstWait(report, Number(process.hrtime.bigint() - askedNs)) : report,
        stdout: run.streams ? NOTHING : readOutput(stdout, Math.min(report.stdoutBytes, run.limits.outputBytes)),
        stderr:
          run.streams?.[2] !== undefined
            ? NOTHING
            : readOutput(stderr, Math.min(report.stderrBytes, run.limits.outputBytes)),
      };
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  /** Ends the program that runs now, wherever it is; its run is answered with the limit `cancelled`. */
  cancel(): void {
    this.#table.setWanted(this.slot, this.#table.run(this.slot), Wanted.kill);
    native.sendSignal(this.#table.cellPid(this.slot), DOORBELL_SIGNAL);
  }

  /** Ends the cell, with whatever runs in it: it sees the end of file on its control socket. */
  async end(): Promise<void> {
    this.#socket.destroy();
    await this.ended;
  }

  /** A request that went out in part, or not at all, leaves a cell that nobody can talk to: it ends, and its lane with it. */
  #send(request: Buffer, fds: readonly number[]): void {
    try {
      native.sendWithFds(this.#socketFd, request, fds);
    } catch (error) {
      this.#fail(new TurnoError('TURNO_CELL', { problem: `a request could not be sent: ${error}` }, { cause: error }));
    }
  }

  #next(): Promise<CellReport> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting = { resolve, reject };
    });
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= REPORT.size) {
      const report = this.#decode(this.#received.subarray(0, REPORT.size));
      this.#received = this.#received.subarray(REPORT.size);
      if (report === undefined) return;
      if (report.kind === ReportKind.error) {
        this.#fail(new TurnoError('TURNO_CELL', { problem: report.detail, errno: report.errno }));
        return;
      }
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(report);
    }
  }

  #decode(bytes: Buffer): CellReport | undefined {
    try {
      return decodeReport(bytes);
    } catch (error) {
      this.#fail(error instanceof TurnoError ? error : new TurnoError('TURNO_CELL', { problem: String(error) }));
      return undefined;
    }
  }

  /** The first failure is the one that is told; after it the cell is not used again. */
  #fail(error: TurnoError): TurnoError {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
    return this.#failure;
  }
}

/**
 * The cell's clocks begin with the first turn. What a run waited for that one is the rest of the time it took, with the
 * cell's own work before and after (well below a millisecond).
 */
function withFirstWait(report: CellReport, elapsedNs: number): CellReport {
  return { ...report, waitedNs: Math.max(report.waitedNs, elapsedNs - report.wallNs) };
}

/** The same file through a description that cannot write, so that no program changes what it is given to read. */
function readOnly(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY);
  } finally {
    closeSync(fd);
  }
}

function filesOf({ half, modules }: TemplateOrder): InFile[] {
  const files: InFile[] = [{ place: 'exe', name: 'template.so', content: { fd: half } }];
  if (modules !== undefined) files.push({ place: 'exe', name: 'template.modules', content: { fd: modules } });
  return files;
}

/** A file nobody but us may open for writing; the cell keeps execute bits. */
function sourceFile(name: string, content: Uint8Array, isExecutable = false): number {
  const fd = native.memfd(name, content);
  fchmodSync(fd, isExecutable ? 0o555 : 0o444);
  return fd;
}

function readOutput(fd: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, filled);
    if (count === 0) break; // shorter than reported: somebody truncated it
    filled += count;
  }
  return bytes.subarray(0, filled);
}
