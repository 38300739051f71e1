/**
 * The cells of one runner thread: made when needed, used again from run to run, replaced when one has ended.
 *
 * `use` gives a cell to one user at a time; who finds none idle gets a new one while there are fewer than `max`, and waits
 * in order otherwise. A cell is used again most recently used first: its pages are the warmest, and those at the bottom
 * show how many are too many.
 *
 * In a server no submission waits for a cell behind others: it has a ticket before it asks for one (cell-tickets.ts).
 */

import { TurnoError } from '../errors.js';
import { native } from '../shm/native.js';
import { Cell, type CellSetup, type Run, type RunResult } from './cell.js';
import type { CellTickets, TicketHolder } from './cell-tickets.js';
import type { ProcessTable } from './process-table.js';

export class Cells {
  #setup: CellSetup;
  readonly #table: ProcessTable;
  readonly #max: number;
  readonly #tickets: CellTickets | undefined;
  readonly #idle: Cell[] = [];
  readonly #living = new Set<Cell>();
  /** Living ones whose mounts are not those of now. */
  readonly #outdated = new Set<Cell>();
  readonly #making = new Set<Promise<Cell>>();
  readonly #waiting: { resolve(cell: Cell): void; reject(error: Error): void }[] = [];
  #pairing: Promise<void> = Promise.resolve();
  /** Cells living and cells being made. */
  #count = 0;
  #isEnding = false;

  /** @param tickets without them everybody may have as many cells as there are */
  constructor(setup: CellSetup, table: ProcessTable, max: number, tickets?: CellTickets) {
    this.#setup = setup;
    this.#table = table;
    this.#max = max;
    this.#tickets = tickets;
  }

  /**
   * Lends a cell to `body`, one with this template if one is idle. Whatever happens in there, the cell comes back, or is replaced when it has ended.
   * @throws TURNO_CELL when no cell can be made, TURNO_STOPPING when the cells are being ended.
   */
  async use<T>(body: (cell: Cell) => Promise<T>, template?: number): Promise<T> {
    let cell: Cell | undefined;
    try {
      cell = await this.#acquire(template);
      return await body(cell);
    } catch (error) {
      // Cells that are being ended break under their programs: that is the server's end, not the cell's fault.
      throw this.#isEnding ? new TurnoError('TURNO_STOPPING', {}, { cause: error }) : error;
    } finally {
      if (cell) this.#giveBack(cell);
    }
  }

  /**
   * Runs one program in some cell. When the cell breaks under it (killed from outside, say) the program is run once more,
   * in another: what became of the first attempt is unknown, and nobody has seen anything of it.
   * @throws TURNO_CELL when the second cell broke too, or none can be made.
   */
  run(run: Run): Promise<RunResult> {
    return this.#withTicket(run.posting, 1, async () => {
      try {
        return await this.use((cell) => cell.run(run), run.template?.number);
      } catch (error) {
        if (this.#isEnding || !(error instanceof TurnoError) || error.code !== 'TURNO_CELL') throw error;
        return this.use((cell) => cell.run(run));
      }
    });
  }

  /** Makes a cell, to see that one can be made. @returns its Backend bits @throws TURNO_NO_SANDBOX */
  async probe(): Promise<number> {
    try {
      return await this.use(async ({ backend }) => backend);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new TurnoError('TURNO_NO_SANDBOX', { problem }, { cause });
    }
  }

  /**
   * Lends two cells at once. One pair is being put together at a time: two that each hold one cell, and wait for a second,
   * would wait for each other.
   * @throws TURNO_CELL where there may be only one
   */
  async usePair<T>(holder: TicketHolder, body: (first: Cell, second: Cell) => Promise<T>): Promise<T> {
    if (this.#max < 2)
      throw new TurnoError('TURNO_CELL', { problem: 'two are needed, --cells allows one for a runner' });
    return this.#withTicket(holder, 2, () => this.#pair(body));
  }

  async #pair<T>(body: (first: Cell, second: Cell) => Promise<T>): Promise<T> {
    const before = this.#pairing;
    let isPaired: () => void = () => undefined;
    this.#pairing = new Promise((resolve) => {
      isPaired = resolve;
    });
    await before;
    try {
      return await this.use((first) =>
        this.use((second) => {
          isPaired();
          return body(first, second);
        }),
      );
    } finally {
      isPaired();
    }
  }

  async #withTicket<T>(holder: TicketHolder, cells: number, body: () => Promise<T>): Promise<T> {
    if (this.#isEnding) throw new TurnoError('TURNO_STOPPING');
    const ticket = await this.#tickets?.take(holder, cells);
    try {
      return await body();
    } finally {
      if (ticket) this.#tickets?.giveBack(ticket);
    }
  }

  /** Cells have these mounts from now on. One that has others ends: at once when it is idle, otherwise after what it runs. */
  remount(mounts: readonly string[]): void {
    if (mounts.join('\0') === this.#setup.mounts.join('\0')) return;
    this.#setup = { ...this.#setup, mounts };
    for (const cell of this.#living) this.#outdated.add(cell);
    for (const cell of this.#idle.splice(0)) void cell.end();
  }

  /** Ends all cells, also those that are just being made, with whatever runs in them. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#tickets?.refuse(new TurnoError('TURNO_STOPPING'));
    for (const { reject } of this.#waiting.splice(0)) reject(new TurnoError('TURNO_STOPPING'));
    await Promise.allSettled(this.#making);
    await Promise.all([...this.#living].map((cell) => cell.end()));
  }

  async #acquire(template?: number): Promise<Cell> {
    if (this.#isEnding) throw new TurnoError('TURNO_STOPPING');
    const standing = template === undefined ? -1 : this.#idle.findLastIndex((cell) => cell.template === template);
    const idle = this.#idle.splice(standing, 1)[0];
    if (idle) return idle;
    if (this.#count < this.#max) return this.#make();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #make(): Promise<Cell> {
    const making = this.#start();
    this.#making.add(making);
    making.catch(() => undefined).finally(() => this.#making.delete(making)); // the caller has the failure
    return making;
  }

  async #start(): Promise<Cell> {
    const slot = this.#table.claim(native.threadId());
    if (slot === undefined)
      throw new TurnoError('TURNO_CELL', { problem: `all ${this.#table.slotCount} slots are in use` });
    this.#count++;
    try {
      const setup = this.#setup;
      const cell = await Cell.start(setup, slot, this.#table);
      this.#living.add(cell);
      if (setup !== this.#setup) this.#outdated.add(cell);
      cell.ended.then(() => this.#forget(cell));
      return cell;
    } catch (error) {
      this.#count--;
      this.#table.release(slot);
      throw error;
    }
  }

  #giveBack(cell: Cell): void {
    if (this.#outdated.has(cell)) void cell.end();
    if (this.#outdated.has(cell) || !cell.isAlive || this.#isEnding) return; // `ended` does the rest
    const next = this.#waiting.shift();
    if (next) next.resolve(cell);
    else this.#idle.push(cell);
  }

  /** The cell's process is gone, and with it everything that ran in it: now its slot may be used again. */
  #forget(cell: Cell): void {
    this.#living.delete(cell);
    this.#outdated.delete(cell);
    this.#count--;
    const index = this.#idle.indexOf(cell);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#table.release(cell.slot);
    const next = this.#isEnding ? undefined : this.#waiting.shift();
    if (next) this.#make().then(next.resolve, next.reject);
  }
}
