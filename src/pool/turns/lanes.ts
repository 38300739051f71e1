/** Who holds which lane, and what follows from that alone. */

import type { Program } from './program.js';

export class Lanes {
  /** Lanes from `count` on are being given up. */
  readonly #holders: (Program | undefined)[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @throws RangeError unless it is a whole number from 1 on */
  setCount(count: number): void {
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`lanes: expected at least 1, got ${count}`);
    this.#count = count;
    while (this.#holders.length < count) this.#holders.push(undefined);
  }

  holder(lane: number): Program | undefined {
    return this.#holders[lane];
  }

  hold(lane: number, program: Program): void {
    this.#holders[lane] = program;
  }

  leave(lane: number): void {
    this.#holders[lane] = undefined;
  }

  get isAnyHeld(): boolean {
    return this.#holders.some((holder) => holder !== undefined);
  }

  /** Those that run and have not been told to stop, by lane. */
  *running(): Generator<Program> {
    for (const program of this.#holders) if (program?.phase === 'running') yield program;
  }

  /** Lanes that are free, or will be without a further decision. */
  get coming(): number {
    let coming = 0;
    for (let lane = 0; lane < this.#count; lane++) if (this.#holders[lane]?.phase !== 'running') coming++;
    return coming;
  }

  /** Who is to give its lane first, unless its turn is protected: the last ring, and there the most service. */
  worst(ringOf: (program: Program) => number, nowNs: number): { program: Program; ring: number } | undefined {
    let worst: { program: Program; ring: number } | undefined;
    for (const program of this.running()) {
      if (program.lane >= this.#count || program.protectedUntilNs > nowNs) continue;
      const ring = ringOf(program);
      if (worst && ring < worst.ring) continue;
      if (worst?.ring === ring && program.serviceAtNs(nowNs) <= worst.program.serviceAtNs(nowNs)) continue;
      worst = { program, ring };
    }
    return worst;
  }

  /** When the next slice ends, after now. */
  nextEndNs(nowNs: number): number {
    let endNs = Number.POSITIVE_INFINITY;
    for (const program of this.running()) {
      if (program.lane < this.#count) endNs = Math.min(endNs, Math.max(program.sliceEndNs, nowNs + 1));
    }
    return endNs;
  }
}
