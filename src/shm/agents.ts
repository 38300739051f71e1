/**
 * Agents: who works on the table.
 *
 * Each thread that opens the table takes a slot of the agent table. A lock word holds an agent, not a pid:
 *
 *     bits 0-9   slot + 1      bits 10-29   generation of the slot, modulo 2^20      bits 30, 31   of the lock (word-lock.ts)
 *
 * The generation is raised with each new owner of a slot, so that the word of an agent that is gone never means another. An
 * agent is dead if its slot has another generation or is free (it has retired), or if its task is gone, is a zombie, or
 * began at another time (its number was given to somebody else). Nobody has to be told of a death: who waits for the dead
 * looks, and cleans up.
 *
 * A slot keeps what its owners added to the counters: the totals are the sum over all slots, so that no counter is shared.
 */

import { TurnoError } from '../errors.js';
import { statOf } from '../proc-stat.js';
import type { Field } from './fields.js';
import { AGENT, AGENTS } from './layout.js';
import { native } from './native.js';

const A = AGENT.fields;
const GENERATIONS = 2 ** 20;
const SLOT_BITS = 10;
/** STATE is generation * 4 + phase. While a slot is being taken its other fields are the last owner's: nobody judges it. */
const Phase = { free: 0, taking: 1, taken: 2 } as const;

/** What has an agent table: the region of a table, or a space. */
export interface AgentHost {
  readonly words: Int32Array;
  readonly geometry: { readonly agents: number };
  /** Header field that says where to look first for a free slot. */
  readonly agentHint: Field;
  /** A waiter looks this often whether whom it waits for is dead. */
  readonly lookEveryMs: number;
  /**
   * Goes into START, so that an agent from before the machine was started anew is not taken for one of today that has its pid, its thread
   * and its moment. 0 where somebody condemns them all at each start.
   */
  readonly bootMark: number;
  load(field: { readonly offset: number }): number;
  store(field: { readonly offset: number }, value: number): void;
}

/** What a lock word says of its holder; 0 is nobody. */
export type AgentWord = number;

export class Agents {
  readonly #host: AgentHost;
  readonly #words: Int32Array;
  readonly #first: number;
  /** Called before the slot of a dead agent is used again, while its intent can still be read. */
  onReclaim: (slot: number) => void = () => undefined;
  #self = 0;

  constructor(host: AgentHost) {
    this.#host = host;
    this.#words = host.words;
    this.#first = host.geometry.agents / 4;
  }

  /**
   * The word of this thread's agent.
   * @throws RangeError when it has retired: 0 in a lock would be a lock that everybody has
   */
  get self(): AgentWord {
    if (this.#self === 0) throw new RangeError('closed: this thread is through with it');
    return this.#self;
  }

  /** Index of the first word of this thread's slot. */
  get base(): number {
    return this.at(slotOf(this.self));
  }

  /** Index of the first word of a slot. */
  at(slot: number): number {
    return this.#first + (slot * AGENT.size) / 4;
  }

  /**
   * Takes a slot for the calling thread.
   * @throws TURNO_TABLE_FULL when 512 agents are alive.
   */
  claim(): void {
    const hint = this.#host.load(this.#host.agentHint);
    for (const isLast of [false, true]) {
      for (let step = 0; step < AGENTS; step++) {
        const slot = (hint + step) % AGENTS;
        // Whoever has no slot yet can hold no lock, so it cannot finish what a dead agent had begun: not those.
        if (isLast && !this.#hasIntent(slot)) this.#reclaim(slot);
        if (this.#take(slot)) {
          this.#host.store(this.#host.agentHint, (slot + 1) % AGENTS);
          return;
        }
      }
    }
    throw new TurnoError('TURNO_SYSTEM', {
      call: 'claim',
      on: 'agent table',
      problem: `all ${AGENTS} slots are alive`,
    });
  }

  #take(slot: number): boolean {
    const at = this.at(slot);
    const state = Atomics.load(this.#words, at);
    if ((state & 3) !== Phase.free) return false;
    const generation = ((state >>> 2) + 1) % GENERATIONS;
    if (Atomics.compareExchange(this.#words, at, state, generation * 4 + Phase.taking) !== state) return false;
    const tid = native.threadId();
    Atomics.store(this.#words, at + A.PID.offset / 4, process.pid);
    Atomics.store(this.#words, at + A.TID.offset / 4, tid);
    Atomics.store(this.#words, at + A.START.offset / 4, this.#startOf(process.pid, tid) ?? 0);
    for (let word = 0; word < A.WAITS.count; word++) Atomics.store(this.#words, at + A.WAITS.offset / 4 + word, 0);
    Atomics.store(this.#words, at, generation * 4 + Phase.taken);
    this.#self = (generation << SLOT_BITS) | (slot + 1);
    return true;
  }

  /** Gives the slot back. The thread must hold no lock of the table. */
  retire(): void {
    if (this.#self === 0) return;
    const slot = slotOf(this.#self);
    this.#self = 0;
    this.#free(slot, Atomics.load(this.#words, this.at(slot)));
  }

  /** Only from the state that was judged: another may have freed the slot since, and a third have taken it. */
  #free(slot: number, state: number): void {
    Atomics.compareExchange(this.#words, this.at(slot), state, (state & ~3) | Phase.free);
  }

  /** Frees the slot of an agent that is dead, after what it left undone has been done. */
  #reclaim(slot: number): void {
    const state = Atomics.load(this.#words, this.at(slot));
    if (!this.#isOwnerGone(slot, state)) return;
    this.onReclaim(slot);
    this.#free(slot, state);
  }

  /** Whether whoever a lock word names can never release it. */
  isDead(agent: AgentWord): boolean {
    const slot = slotOf(agent);
    if (slot < 0 || slot >= AGENTS) return true;
    const state = Atomics.load(this.#words, this.at(slot));
    if ((state & 3) === Phase.free || generationOf(state) !== agent >>> SLOT_BITS) return true;
    return this.#isOwnerGone(slot, state);
  }

  #isOwnerGone(slot: number, state: number): boolean {
    if ((state & 3) !== Phase.taken) return false;
    const at = this.at(slot);
    const pid = Atomics.load(this.#words, at + A.PID.offset / 4);
    const tid = Atomics.load(this.#words, at + A.TID.offset / 4);
    const isAlive = this.#startOf(pid, tid) === Atomics.load(this.#words, at + A.START.offset / 4);
    // Another may have taken the slot while we looked: then what we read was of two owners.
    return !isAlive && Atomics.load(this.#words, at) === state;
  }

  /** What START must be for a task: when it began, and in which life of the machine; undefined when it is gone or a zombie. */
  #startOf(pid: number, tid: number): number | undefined {
    const fields = statOf(`${pid}/task/${tid}`);
    if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return (Number(fields[19]) ^ this.#host.bootMark) | 0;
  }

  /** The agent word of whoever has a slot now. */
  wordOf(slot: number): AgentWord {
    return (generationOf(Atomics.load(this.#words, this.at(slot))) << SLOT_BITS) | (slot + 1);
  }

  #hasIntent(slot: number): boolean {
    return Atomics.load(this.#words, this.at(slot) + A.INTENT.offset / 4) !== 0;
  }

  /** Frees every slot whose owner is gone; how many. The watchdog's round, and the first thing at a boot. */
  reclaimDead(): number {
    let count = 0;
    for (let slot = 0; slot < AGENTS; slot++) {
      const state = Atomics.load(this.#words, this.at(slot));
      this.#reclaim(slot);
      if (Atomics.load(this.#words, this.at(slot)) !== state) count++;
    }
    return count;
  }

  /** For whoever is alone with the file: all others are dead, and only this thread's slot is not. */
  condemnOthers(): void {
    for (let slot = 0; slot < AGENTS; slot++) {
      const at = this.at(slot);
      const state = Atomics.load(this.#words, at);
      if ((state & 3) === Phase.free || slot === slotOf(this.#self)) continue;
      Atomics.store(this.#words, at + A.PID.offset / 4, 0); // no task has this number
      Atomics.store(this.#words, at, (state & ~3) | Phase.taken);
    }
  }

  /** For whoever is alone with the file, which holds the totals from now on. */
  resetCounters(): void {
    for (let slot = 0; slot < AGENTS; slot++) {
      for (const field of [A.RUNNING, A.DONE]) Atomics.store(this.#words, this.at(slot) + field.offset / 4, 0);
    }
  }

  /** Sum over all slots of one of their counters. */
  total(field: { readonly offset: number }): number {
    let sum = 0;
    for (let slot = 0; slot < AGENTS; slot++) sum += Atomics.load(this.#words, this.at(slot) + field.offset / 4);
    return sum | 0;
  }

  /** Pid and thread of a lock's holder, for messages. */
  describe(agent: AgentWord): { pid: number; tid: number } {
    const at = this.at(slotOf(agent));
    return {
      pid: Atomics.load(this.#words, at + A.PID.offset / 4),
      tid: Atomics.load(this.#words, at + A.TID.offset / 4),
    };
  }
}

export function slotOf(agent: AgentWord): number {
  return (agent & (2 ** SLOT_BITS - 1)) - 1;
}

function generationOf(state: number): number {
  return (state >>> 2) & (GENERATIONS - 1);
}
