/**
 * Who may take a cell of a runner thread. A submission's first cell is its own: no more submissions come to a thread than there
 * are cells for that. Any more at the same time (further tests, an interactor) come out of those kept for it, shared
 * between users; so however many tests never end, they keep no other submission out.
 *
 *     cells of a thread   [ a first one for each submission under way              | for more than one ]
 *                           J = M - E                                                E = M / 4
 */

import { FairQueue } from './fair-queue.js';
import { FairShare, type Holder } from './fair-share.js';

/** How many submissions a thread with so many cells may have under way, and how many cells they share beyond their first. */
export function splitCells(cells: number): { submissions: number; more: number } {
  if (cells < 4) return { submissions: cells, more: Math.min(1, cells - 1) }; // too few to keep one
  const more = Math.floor(cells / 4);
  return { submissions: cells - more, more };
}

export interface TicketHolder extends Holder {
  readonly row: number;
}

/** Given back as a whole. */
export interface Ticket {
  readonly holder: TicketHolder;
  readonly hasFirst: boolean;
  readonly more: number;
}

interface Waiting {
  readonly holder: TicketHolder;
  readonly cells: number;
  resolve(ticket: Ticket): void;
  reject(error: Error): void;
}

export class CellTickets {
  readonly #more: FairShare;
  /** Rows that have their first. */
  readonly #firsts = new Set<number>();
  readonly #waiting = new FairQueue<Waiting>();

  /** @param more cells beyond the first of each submission */
  constructor(more: number) {
    this.#more = new FairShare(more);
  }

  /** Resolves when the submission may take so many cells, all at once: who held one and waited for another could wait for ever. */
  take(holder: TicketHolder, cells: number): Promise<Ticket> {
    if (this.#mayHave(holder, cells)) return Promise.resolve(this.#give(holder, cells));
    return new Promise((resolve, reject) => {
      this.#waiting.push(holder.user, { holder, cells, resolve, reject }, holder.priority);
    });
  }

  giveBack({ holder, hasFirst, more }: Ticket): void {
    if (more > 0) this.#more.count(holder, -more);
    if (hasFirst) {
      this.#firsts.delete(holder.row);
      // What of the same submission waits for another one may have this one, whoever of its user is before it.
      this.#serve(this.#waiting.remove(holder.user, (one) => one.holder.row === holder.row && this.#mayServe(one)));
    }
    while (this.#serve(this.#waiting.shift((one) => this.#mayServe(one))));
  }

  /** Nobody who waits gets any. */
  refuse(error: Error): void {
    for (const { reject } of this.#waiting.drain()) reject(error);
  }

  #serve(waiting: Waiting | undefined): boolean {
    waiting?.resolve(this.#give(waiting.holder, waiting.cells));
    return waiting !== undefined;
  }

  #mayServe({ holder, cells }: Waiting): boolean {
    return this.#mayHave(holder, cells);
  }

  #mayHave(holder: TicketHolder, cells: number): boolean {
    const more = this.#beyondFirst(holder, cells);
    return more === 0 || this.#more.mayHave(holder, more);
  }

  #give(holder: TicketHolder, cells: number): Ticket {
    const more = this.#beyondFirst(holder, cells);
    this.#firsts.add(holder.row);
    if (more > 0) this.#more.count(holder, more);
    return { holder, hasFirst: more < cells, more };
  }

  #beyondFirst({ row }: TicketHolder, cells: number): number {
    return this.#firsts.has(row) ? cells : cells - 1;
  }
}
