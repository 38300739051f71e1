/**
 * Gives children of the shell their turns: carries out what turns.ts decides, with SIGSTOP and SIGCONT, and with SIGALRM
 * for the end of a slice. All of it happens in the shell's own process, on its event loop.
 *
 *     command, end of a child, SIGALRM --> look: tell the policy, ask it, stop and continue --> alarm
 *
 * A lane is passed on only when its child has been seen stopped, so never more children run than there are lanes.
 */

import { Turns } from '../pool/turns.js';
import { native } from '../shm/native.js';
import { Child } from './child.js';
import { type ChildState, MAX_CHILDREN, type ShellChild, type ShellTurns, type TurnTakerOptions } from './turns.js';

/** A stop takes some 20 us: looked at this often before the event loop goes on, then once a millisecond. */
const QUICK_LOOKS = 20;

export class TurnTaker implements ShellTurns {
  readonly #turns: Turns;
  readonly #children: (Child | undefined)[] = [];
  readonly #stopping = new Set<number>();
  readonly #running = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ lanes, sliceNs, mode }: TurnTakerOptions) {
    this.#turns = new Turns({ slots: MAX_CHILDREN, lanes, sliceNs, mode });
    process.on('SIGALRM', () => this.look());
  }

  /** Starts a child that stands still, and puts it at the end of the line. @throws RangeError when there are too many */
  async start(name: string, args: readonly string[], announce: (child: ShellChild) => void): Promise<void> {
    const child = await Child.start(name, args);
    const slot = freeSlot(this.#children);
    if (slot === undefined) throw new RangeError(`more than ${MAX_CHILDREN} children`);
    this.#children[slot] = child;
    this.#turns.arrive({ slot, user: 0, priority: 0, limitBytes: 0 }, nowNs());
    void child.ended.then(() => {
      this.#children[slot] = undefined;
      this.#stopping.delete(slot);
      this.#running.delete(slot);
      this.#turns.ended(slot, nowNs());
      this.look();
    });
    announce(child);
    this.look();
  }

  state(child: ShellChild): ChildState {
    const slot = this.#slotOf(child);
    if (this.#running.has(slot)) return 'running';
    return slot >= 0 && this.#turns.turns(slot) > 0 ? 'stopped' : 'waiting';
  }

  turns(child: ShellChild): number {
    const slot = this.#slotOf(child);
    return slot < 0 ? 0 : this.#turns.turns(slot);
  }

  /** No more turns. The listener stays: an alarm on its way would end the process without it. */
  close(): void {
    this.#isClosed = true;
    native.setAlarm(0);
    clearTimeout(this.#timer);
  }

  async end(): Promise<void> {
    // Its children are the shell's own: when they are gone, nothing is left.
  }

  #slotOf(child: ShellChild): number {
    return this.#children.indexOf(child as Child);
  }

  look(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#haltStrays();
    for (let looks = 0; looks < QUICK_LOOKS; looks++) {
      this.#tellStops();
      this.#decide();
      if (this.#stopping.size === 0) return;
    }
    this.#timer = setTimeout(() => this.look(), 1);
  }

  #decide(): void {
    const { decisions, alarmNs } = this.#turns.decide(nowNs());
    for (const decision of decisions) {
      const { slot } = decision;
      const child = this.#children[slot];
      if (decision.kind === 'run') {
        this.#running.add(slot);
        child?.proceed();
      } else if (decision.kind === 'stop') {
        this.#stopping.add(slot);
        child?.halt();
      }
    }
    const leftUs = Math.ceil((alarmNs - nowNs()) / 1_000);
    native.setAlarm(Number.isFinite(leftUs) ? Math.max(1, leftUs) : 0);
  }

  #tellStops(): void {
    for (const slot of this.#stopping) {
      const child = this.#children[slot];
      if (child?.isHalted === false) continue;
      this.#stopping.delete(slot);
      // One that is dead holds its lane until it was waited for: `add` tells its end.
      if (child?.isAlive !== true) continue;
      this.#running.delete(slot);
      this.#turns.stopped(slot, nowNs());
    }
  }

  /** Somebody outside may have continued a child out of its turn. */
  #haltStrays(): void {
    this.#children.forEach((child, slot) => {
      if (child && !this.#running.has(slot) && !child.isHalted) child.halt();
    });
  }
}

function freeSlot(children: readonly unknown[]): number | undefined {
  for (let slot = 0; slot < MAX_CHILDREN; slot++) if (children[slot] === undefined) return slot;
  return undefined;
}

function nowNs(): number {
  return Number(process.hrtime.bigint());
}
