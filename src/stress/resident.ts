/**
 * The client that stays in memory and is driven by signals:
 *
 *     SIGUSR1 a burst of the plan    SIGUSR2 the figures so far    SIGHUP the plan is read again    SIGTERM report, end
 *
 * SIGINT does as SIGTERM; the same of them a second time, and answers are not waited for. (Ctrl-C on a terminal reaches a client
 * of `turno stress` as SIGINT, and then the driver sends its SIGTERM.) A burst that comes while another runs runs beside it. A plan
 * that is wrong is reported, and the one before stays.
 */

import type { Client } from '../io/client.js';
import { connect } from '../io/connect.js';
import { Burst } from './burst.js';
import { Figures } from './figures.js';
import { heardTwice } from './heard-twice.js';
import { type Plan, readPlan } from './plan.js';

export type ResidentEvent =
  | { readonly event: 'ready'; readonly pid: number }
  | { readonly event: 'plan'; readonly problem?: string }
  | { readonly event: 'burst-end' }
  | {
      readonly event: 'figures' | 'report';
      readonly figures: Figures;
      /** In which bursts were under way: what lies between them would only thin out what was answered a second. */
      readonly seconds: number;
    };

export class Resident {
  readonly #path: string;
  readonly #tell: (event: ResidentEvent) => void;
  readonly #figures = new Figures();
  readonly #bursts = new Set<Burst>();
  #busyMs = 0;
  #busySinceMs = 0;
  #plan: Plan;
  #client: Client;

  private constructor(path: string, plan: Plan, client: Client, tell: (event: ResidentEvent) => void) {
    this.#path = path;
    this.#plan = plan;
    this.#client = client;
    this.#tell = tell;
  }

  /** @throws TURNO_USAGE, TURNO_BAD_REQUEST for a plan that cannot be used */
  static async start(path: string, tell: (event: ResidentEvent) => void): Promise<Resident> {
    const plan = readPlan(path);
    return new Resident(path, plan, await connect(plan.server, { token: plan.token }), tell);
  }

  /** Resolves when SIGTERM has come and all is answered or given up, or when it has come again. */
  async live(): Promise<void> {
    const alive = setInterval(() => undefined, 2 ** 30); // a process whose only work is to listen for signals would end
    const kinds = [heardTwice('SIGTERM'), heardTwice('SIGINT')];
    const isAsked = Promise.race(kinds.map(({ first }) => first));
    const isHurried = Promise.race(kinds.map(({ second }) => second));
    process.on('SIGUSR1', () => void this.#burst());
    process.on('SIGUSR2', () => this.#say('figures'));
    process.on('SIGHUP', () => void this.#reload());
    this.#tell({ event: 'ready', pid: process.pid });
    await isAsked;
    for (const burst of this.#bursts) burst.stop();
    await Promise.race([Promise.all([...this.#bursts].map((burst) => burst.ended)), isHurried]);
    this.#figures.giveUp();
    this.#say('report');
    clearInterval(alive);
    await this.#client.close();
  }

  #say(event: 'figures' | 'report'): void {
    const busyMs = this.#busyMs + (this.#bursts.size > 0 ? performance.now() - this.#busySinceMs : 0);
    this.#tell({ event, figures: this.#figures, seconds: busyMs / 1_000 });
  }

  async #burst(): Promise<void> {
    if (this.#bursts.size === 0) this.#busySinceMs = performance.now();
    const burst = new Burst(this.#client, this.#plan, this.#figures);
    this.#bursts.add(burst);
    await burst.ended;
    this.#bursts.delete(burst);
    if (this.#bursts.size === 0) this.#busyMs += performance.now() - this.#busySinceMs;
    this.#tell({ event: 'burst-end' });
  }

  async #reload(): Promise<void> {
    try {
      const plan = readPlan(this.#path);
      const { server, token } = this.#plan;
      if (plan.server !== server || plan.token !== token) {
        const client = await connect(plan.server, { token: plan.token });
        const former = this.#client;
        this.#client = client;
        const under = [...this.#bursts].map((burst) => burst.ended);
        void Promise.all(under).then(() => former.close());
      }
      this.#plan = plan;
      this.#tell({ event: 'plan' });
    } catch (error) {
      this.#tell({ event: 'plan', problem: (error as Error).message });
    }
  }
}
