/**
 * The primary: locks the data directory, maps the table, decides the turns, handles the signals, starts the fronts and
 * starts them again. It is in no connection and runs no program.
 *
 *     lock -> table -> process table -> scheduler -> fronts        and in reverse at the end
 */

import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { SETTINGS, type Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { Store } from '../io/store.js';
import { turnsFor } from '../judging/wait.js';
import type { FoundLanguages } from '../languages/registry.js';
import { FORWARD_SIGNAL } from '../pool/cell.js';
import { COMPILE_LIMITS } from '../pool/executables.js';
import { ProcessTable } from '../pool/process-table.js';
import { parsed } from '../read-settings.js';
import { lookAtDisk, setFloor } from '../shm/disk.js';
import { native } from '../shm/native.js';
import { secure } from '../shm/snapshot.js';
import { openTable, type Table } from '../shm/table.js';
import { MIB, rowIndex, type SlotIndex } from '../units.js';
import { Caretaker } from './caretaker.js';
import { removeStaleGroups, serverGroup } from './cell-groups.js';
import { type ControlCommands, ControlFifo } from './control.js';
import { DataDirectory, startTimeOf } from './data-directory.js';
import { Fronts } from './fronts.js';
import { invitePath, operatorPath, tokenAt } from './invite.js';
import { LockWatch } from './lock-watch.js';
import { placed, removeStaleSocket } from './places.js';
import { TurnsThread } from './turns-thread.js';

const CARE_MS = 1_000;
/** Those of the data directory in which something is written: each may be a file system of its own. */
const DIRECTORIES = ['journal', 'snapshots', 'sources', 'executables', 'responses'];
const CELL_LOOK_MS = 5;

/** Part of the machine's memory that started programs may use together. */
const MEMORY_SHARE = 0.75;

/** Fronts get this long to end; then they are killed, and what they ran is run again at the next start. */
const STOP_DEADLINE_MS = 10_000;

export interface Started {
  /** One a way in; HTTP first. */
  readonly urls: readonly string[];
  readonly rows: number;
  readonly backend: readonly string[];
}

export class Primary {
  readonly #settings: Settings;
  readonly #languages: FoundLanguages;
  readonly #lookForLanguages: () => Promise<FoundLanguages>;
  readonly #log: Logger;
  readonly #stops: (() => Promise<void> | void)[] = [];
  #table: Table | undefined;
  #isStopping = false;
  /** Code of the error new submissions get, null when they are taken; undefined before the first look. */
  #refuses: string | null | undefined;
  #caretaker: Caretaker | undefined;
  #fronts: Fronts | undefined;
  #processTable: ProcessTable | undefined;
  /** Slots of the dead whose cells are not gone yet. */
  readonly #releasing = new Set<SlotIndex>();

  /** Resolves when `drain` was asked for over the control FIFO. */
  readonly drainAsked: Promise<void>;
  #askToDrain: () => void = () => undefined;

  /** @param lookForLanguages looks again, at `reload` */
  constructor(
    settings: Settings,
    languages: FoundLanguages,
    lookForLanguages: () => Promise<FoundLanguages>,
    log: Logger,
  ) {
    this.#settings = settings;
    this.#languages = languages;
    this.#lookForLanguages = lookForLanguages;
    this.#log = log;
    this.drainAsked = new Promise((resolve) => {
      this.#askToDrain = resolve;
    });
  }

  get dataDirectory(): string {
    return resolve(this.#settings.data);
  }

  /** Starts all parts; when one cannot start, those before it are stopped again and the error is thrown. */
  async start(): Promise<Started> {
    try {
      return await this.#start();
    } catch (error) {
      if (!this.#isStopping) await this.stop(false);
      throw TurnoError.ofDisk(error, this.dataDirectory, 'more') ?? error;
    }
  }

  async #start(): Promise<Started> {
    const { lanes, cells, fronts: count, maxRows, durability, minFreeMib } = this.#settings;
    const { snapshots, keepDays, keepRows } = this.#settings;
    const data = this.dataDirectory;
    checkCells(this.#settings);
    const directory = await DataDirectory.lock(data, (error) =>
      this.#endFor(error, 'the lock of the data directory was taken away, and two servers must not write'),
    );
    this.#stops.push(() => directory.unlock());

    const group = serverGroup(data);
    removeStaleGroups(group);
    const store = new Store(data, durability === 'power');
    const table = openTable({
      path: join(data, 'table.turno'),
      create: true,
      maxRows,
      durability,
      onSource: (id, packed) => store.restoreRequest(Buffer.from(id).toString('hex'), packed),
      onArchived: (id) => store.removeSubmission(Buffer.from(id).toString('hex')),
      onRepair: (message) => this.#log.warn(message),
    });
    this.#table = table;
    this.#stops.push(() => table.closeClean());
    setFloor(table.region, minFreeMib * MIB);
    const snapshot = secure(table, snapshots);
    if (snapshot) this.#log.warn({ snapshot }, 'the table was here without its journal: a snapshot was written first');
    const lockWatch = new LockWatch(
      table,
      (done) => this.#log.warn(done, 'a stopped process held up the table'),
      (error) => this.#endFor(error, 'a stopped process may hold up the table'),
    );
    this.#stops.push(() => lockWatch.stop());
    this.#lookAtDisk(table);
    const care = setInterval(() => this.#takeCare(table), CARE_MS);
    this.#stops.push(() => clearInterval(care));
    const caretaker = new Caretaker(
      table,
      {
        snapshots,
        keepDays,
        keepRows,
        dataDirectory: data,
        isDurable: durability === 'power',
        startedAtMs: Date.now(),
      },
      this.#log,
      (error) => this.#endFor(error, 'nobody cares for the table any more'),
    );
    this.#caretaker = caretaker;
    this.#stops.push(() => caretaker.stop());

    const processTable = ProcessTable.create(join(data, 'turns.turno'), cells, lanes);
    this.#processTable = processTable;
    this.#stops.push(() => rmSync(join(data, 'turns.turno'), { force: true }));

    const turns = new TurnsThread(
      processTable,
      {
        mode: this.#settings.turns,
        memoryBytes: memoryBudget(this.#settings),
        isRealtime: this.#settings.realtime === 'auto',
      },
      (error) => this.#endFor(error, 'nobody gets a turn any more'),
      (cell) => this.#log.warn(cell, 'a cell did not stop its program: killed, and what it ran is run again elsewhere'),
    );
    this.#stops.push(() => turns.stop());

    const umask = process.umask();
    // A Unix socket is bound here, for the fronts; from its birth on nobody else may connect (socket.ts).
    if (this.#settings.socket !== 'off') {
      process.umask(0o077);
      this.#stops.push(() => void process.umask(umask));
      await removeStaleSocket(this.#settings.socket);
    }
    const fronts = new Fronts({
      count,
      setup: {
        settings: await placed(this.#settings),
        umask,
        dataDirectory: data,
        cellGroup: group,
        slotCount: cells,
        languages: this.#languages,
        invite: this.#invite(),
        operator: tokenAt(operatorPath(data)),
      },
      log: this.#log,
      onDeath: () => this.#takeBack(),
      orphans: (living) => [...table.unfinished()].filter(({ owner }) => !living.has(owner)).map(({ row }) => row),
      assign: (row, pid) => table.setOwner(rowIndex(row), pid),
    });
    this.#fronts = fronts;
    const { rows } = table.counts();
    // Pids come again: what the last server left must not look as if a front of this one were at it.
    for (const { row } of [...table.unfinished()]) table.setOwner(row, 0);
    const { urls, backend } = await fronts.start();

    writeFileSync(join(data, 'turno.pid'), `${process.pid}\n`);
    chmodSync(join(data, 'turno.pid'), 0o644);
    this.#stops.push(() => rmSync(join(data, 'turno.pid'), { force: true }));
    const control = new ControlFifo(data, this.#controlCommands(table, caretaker, processTable, fronts), this.#log);
    control.start();
    this.#stops.push(() => control.stop());
    return { urls, rows, backend };
  }

  #controlCommands(table: Table, caretaker: Caretaker, processTable: ProcessTable, fronts: Fronts): ControlCommands {
    return {
      snapshot: { run: async () => ({ path: await caretaker.snapshot() }) },
      drain: {
        run: () => {
          this.#askToDrain();
          return { draining: true };
        },
      },
      lanes: {
        hasArgument: true,
        run: (text) => {
          const before = processTable.laneCount;
          processTable.setLaneCount(parsed(SETTINGS.lanes, text, 'lanes') as number);
          this.#log.info({ before, lanes: processTable.laneCount }, 'lanes changed');
          return { lanes: processTable.laneCount };
        },
      },
      list: { run: () => turnsFor('everybody', processTable, table, this.#settings.turns) },
      reload: {
        run: async () => {
          const languages = await this.#lookForLanguages();
          const invite = this.#invite();
          fronts.reload(invite, languages);
          const ids = languages.offered.map(({ id }) => id);
          return { invite: invite === undefined ? 'not used' : 'read', languages: ids };
        },
      },
    };
  }

  #endFor(error: Error, why: string): void {
    this.#log.fatal(error, `${why}: ending`);
    process.kill(process.pid, 'SIGTERM');
  }

  #invite(): string | undefined {
    if (this.#settings.registration !== 'invite') return undefined;
    const token = tokenAt(invitePath(this.dataDirectory));
    this.#log.info({ path: invitePath(this.dataDirectory) }, 'whoever has the token in this file may register');
    return token;
  }

  /** What is being finished by `stop(true)` is ended after all, and run again at the next start. */
  async hurry(): Promise<void> {
    await this.#fronts?.stop(STOP_DEADLINE_MS, false);
  }

  /** Ends everything in reverse order. With `drain` what runs is finished first; otherwise it is run again at the next start. */
  async stop(drain: boolean): Promise<void> {
    this.#isStopping = true;
    await this.#fronts?.stop(STOP_DEADLINE_MS, drain);
    for (const stop of this.#stops.reverse()) await stop();
    this.#stops.length = 0;
  }

  /** Hands SIGUSR1 on to every program that is alive. */
  forward(): void {
    const table = this.#processTable;
    if (table === undefined) return;
    for (const slot of table.slots()) native.sendSignal(table.cellPid(slot), FORWARD_SIGNAL);
  }

  /** Has a consistent copy of the table written; two at once are one. */
  snapshot(): void {
    this.#caretaker?.snapshot(); // how it ends is in the log
  }

  /** Once a second, what takes no time: whether the disk has room, and that no dead thread has a lane. */
  #takeCare(table: Table): void {
    this.#lookAtDisk(table);
    this.#takeSlotsBack();
  }

  /** The log says how much is free at the start, and whenever new work begins to be refused or is taken again. */
  #lookAtDisk(table: Table): void {
    const free = lookAtDisk(table.region, [
      this.dataDirectory,
      ...DIRECTORIES.map((name) => join(this.dataDirectory, name)),
    ]);
    const refusal = table.refusal();
    const refuses = refusal?.code ?? null;
    if (refuses === this.#refuses) return;
    this.#refuses = refuses;
    if (refusal === undefined) this.#log.info(free, 'new submissions are taken');
    else this.#log.error({ ...free, refuses }, `new submissions are refused: ${refusal.message}`);
  }

  /** A front has died: what it had half done in the table is put right, and its slots are free once its cells are gone. */
  #takeBack(): void {
    this.#table?.reclaimDead();
    this.#takeSlotsBack();
  }

  /** Those of threads that are gone: with their front, or alone. */
  #takeSlotsBack(): void {
    const table = this.#processTable;
    if (table === undefined) return;
    const isGone = new Map<number, boolean>();
    for (const slot of table.slots()) {
      const owner = table.owner(slot);
      if (owner === 0) continue; // given back between the two looks
      if (!isGone.has(owner)) isGone.set(owner, startTimeOf(owner) === undefined);
      if (isGone.get(owner) && !this.#releasing.has(slot)) void this.#releaseWhenGone(slot, table);
    }
  }

  /** A cell ends by itself when its thread has died, but its program may take a while to go: until then it has its lane. */
  async #releaseWhenGone(slot: SlotIndex, table: ProcessTable): Promise<void> {
    this.#releasing.add(slot);
    const pid = table.cellPid(slot);
    const born = pid === 0 ? undefined : startTimeOf(pid);
    while (born !== undefined && startTimeOf(pid) === born) await delay(CELL_LOOK_MS);
    table.release(slot);
    this.#releasing.delete(slot);
  }
}

/** Each runner thread has at least one cell; more threads than cells would leave some with nothing to run in. */
function checkCells({ cells, fronts, runners }: Settings): void {
  if (cells >= fronts * runners) return;
  const problem = `expected at least one for each runner (${fronts} fronts x ${runners} runners), got ${cells}`;
  throw new TurnoError('TURNO_SETTING', { name: '--cells', problem });
}

/** A limit that may be asked for must fit, whatever the machine: a program that fits nowhere would wait for ever. */
function memoryBudget({ maxMemoryMib }: Settings): number {
  return Math.max(totalmem() * MEMORY_SHARE, maxMemoryMib * MIB, COMPILE_LIMITS.memoryBytes);
}
