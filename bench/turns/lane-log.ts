/** Who had which lane when, seen once a millisecond in the process table of a running server. */

import { join } from 'node:path';
import { ProcessTable } from '../../src/pool/process-table.js';
import { slotIndex } from '../../src/units.js';
import type { Stay } from './plot.js';

export class LaneLog {
  readonly #table: ProcessTable;
  readonly #nameOf: (user: number) => string;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Map<number, { key: string; user: string; fromMs: number }>();
  readonly #stays: Stay[] = [];

  /** @param nameOf what a user, by index, is called in the plot */
  constructor(dataDirectory: string, slotCount: number, nameOf: (user: number) => string) {
    this.#table = ProcessTable.open(join(dataDirectory, 'turns.turno'), slotCount);
    this.#nameOf = nameOf;
    this.#timer = setInterval(() => this.#look(), 1);
  }

  /** Ends the log. */
  stop(): Stay[] {
    clearInterval(this.#timer);
    for (const lane of [...this.#open.keys()]) this.#close(lane, performance.now());
    return this.#stays;
  }

  #look(): void {
    const nowMs = performance.now();
    for (let lane = 0; lane < this.#table.laneCount; lane++) {
      const slot = this.#table.laneHolder(lane);
      const entry = slot === undefined ? undefined : this.#table.entry(slotIndex(slot));
      const key = entry === undefined ? '' : `${entry.slot}/${entry.run}`;
      if (this.#open.get(lane)?.key === key) continue;
      this.#close(lane, nowMs);
      if (entry !== undefined) this.#open.set(lane, { key, user: this.#nameOf(entry.user), fromMs: nowMs });
    }
  }

  #close(lane: number, nowMs: number): void {
    const stay = this.#open.get(lane);
    if (stay === undefined) return;
    this.#open.delete(lane);
    this.#stays.push({ lane, user: stay.user, fromMs: stay.fromMs, toMs: nowMs });
  }
}
