/**
 * A burst: requests of a plan's mix, sent for a while, in one of two ways.
 *
 *     open loop     request i is meant for start + i / rate, whatever became of those before: how users come
 *     closed loop   so many are under way at once; the next is meant for the moment one ended
 *
 * Latency begins when a request was meant to be sent, not when it was: a server that stands still for a second makes all
 * those late that should have been sent meanwhile, and a client that waits with them would not notice (coordinated
 * omission).
 */

import type { Client } from '../io/client.js';
import type { SubmissionBody } from '../io/schema.js';
import type { Figures } from './figures.js';
import { type Item, Mix, type Plan } from './plan.js';

const DEFAULT_DURATION_S = 10;
const DEFAULT_GRACE_S = 30;

export class Burst {
  /** It begins at once, and ends when all has been sent, and answered or given up. */
  readonly ended: Promise<void>;
  readonly #client: Client;
  readonly #figures: Figures;
  readonly #plan: Plan;
  readonly #mix: Mix;
  readonly #startMs = performance.now();
  readonly #left: { count: number };
  #underway = 0;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  /** Called when an answer has come, or when it is stopped. */
  #wake: () => void = () => undefined;

  constructor(client: Client, plan: Plan, figures: Figures) {
    this.#client = client;
    this.#plan = plan;
    this.#figures = figures;
    this.#mix = new Mix(plan.mix);
    this.#left = { count: plan.requests ?? Number.POSITIVE_INFINITY };
    this.ended = this.#run();
  }

  async #run(): Promise<void> {
    if (this.#plan.rate !== undefined) await this.#open(this.#plan.rate);
    else await this.#closed(this.#plan.concurrency ?? 1);
    await this.#drain((this.#plan.graceS ?? DEFAULT_GRACE_S) * 1_000);
  }

  /** Sends nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  get #endMs(): number {
    return this.#startMs + (this.#plan.durationS ?? DEFAULT_DURATION_S) * 1_000;
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#left.count <= 0 || performance.now() >= this.#endMs;
  }

  async #open(rate: number): Promise<void> {
    const gapMs = 1_000 / rate;
    for (let i = 0; !this.#isStopped && this.#left.count > 0; i++) {
      const intendedMs = this.#startMs + i * gapMs;
      if (intendedMs >= this.#endMs) return;
      // One that is late is sent at once, and its latency counts from when it was meant.
      const aheadMs = intendedMs - performance.now();
      if (aheadMs > 0) await this.#pause(aheadMs);
      else if (i % 64 === 0) await this.#pause(0); // answers must come in between
      // A timer may fire a millisecond early: what is sent before its time is counted from when it was sent.
      if (!this.#isStopped) this.#send(Math.min(intendedMs, performance.now()));
    }
  }

  async #closed(concurrency: number): Promise<void> {
    const one = async () => {
      while (!this.#isOver) await this.#send(performance.now());
    };
    await Promise.race([
      Promise.all(Array.from({ length: concurrency }, one)),
      this.#pause(this.#endMs - performance.now()),
    ]);
    clearTimeout(this.#timer);
  }

  async #send(intendedMs: number): Promise<void> {
    this.#left.count--;
    this.#underway++;
    this.#figures.begin();
    const item = this.#mix.next();
    try {
      const outcome = await ask(this.#client, item);
      const nowMs = performance.now();
      this.#figures.answer(outcome, nowMs - intendedMs, Math.floor((nowMs - this.#startMs) / 1_000));
    } catch (error) {
      this.#figures.fail(error);
      // A server that is away refuses at once: without a pause a closed loop would count nothing but that.
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      this.#underway--;
      if (this.#underway === 0) this.#wake();
    }
  }

  async #drain(graceMs: number): Promise<void> {
    const endMs = performance.now() + graceMs;
    while (this.#underway > 0 && performance.now() < endMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, endMs - performance.now());
        this.#wake = () => {
          if (this.#underway > 0) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Until then, or until it is stopped. */
  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!this.#isStopped) return;
        clearTimeout(this.#timer);
        resolve();
      };
    });
  }
}

async function ask(client: Client, { body }: Item): Promise<string> {
  if (body === undefined) {
    await client.ping();
    return 'ok';
  }
  // What a body must be is the server's to check.
  const { verdict } = await client.submit(body as SubmissionBody, { wait: true });
  return verdict ?? 'without a verdict';
}
