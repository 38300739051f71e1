/**
 * The fronts as the primary sees them: started, watched, started again when they die, stopped.
 *
 * Scheduling policy is SCHED_NONE: the kernel hands each connection to a front, and the primary is in no connection
 * (node:cluster's round-robin costs half the requests: facts in docs/architecture.md).
 */

import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { TurnoError } from '../errors.js';
import type { FoundLanguages } from '../languages/registry.js';
import type { FrontMessage, FrontSetup, PrimaryMessage } from './messages.js';

/** A front that dies sooner than this after its start is started again only after a pause, or it would burn a core. */
const SETTLED_MS = 1_000;

/**
 * Of each of a front's threads, in MiB (V8 takes three times as much). By default they grow to 16 under load: memory that nothing
 * needs, and that looks like a leak for minutes.
 */
const SEMI_SPACE_MIB = 4;

const STOP_AT_ONCE: PrimaryMessage = { kind: 'stop', deadlineMs: 0, drain: false };

export interface FrontsOptions {
  readonly count: number;
  readonly setup: FrontSetup;
  readonly log: Logger;
  /** A front has ended, however: its slots are to be taken back. */
  readonly onDeath: (pid: number) => void;
  /** Unfinished rows whose front is none of these. */
  readonly orphans: (living: ReadonlySet<number>) => number[];
  /** Makes a front the owner of a row; before it is told, so that its own death makes the row an orphan again. */
  readonly assign: (row: number, pid: number) => void;
}

export class Fronts {
  readonly #options: FrontsOptions;
  /** Of fronts that are started from now on. */
  #setup: FrontSetup;
  readonly #workers = new Set<Worker>();
  /** Those that listen. */
  readonly #ready = new Set<Worker>();
  #isStopping = false;

  constructor(options: FrontsOptions) {
    this.#options = options;
    this.#setup = options.setup;
  }

  /** Starts all fronts; resolves when all of them listen. */
  async start(): Promise<{ urls: string[]; backend: string[] }> {
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./front.js', import.meta.url)),
      args: [],
      execArgv: [`--max-semi-space-size=${SEMI_SPACE_MIB}`, ...process.execArgv],
      serialization: 'advanced',
    });
    const [first] = await Promise.all(Array.from({ length: this.#options.count }, () => this.#fork()));
    if (first === undefined) throw new RangeError('fronts: expected at least 1');
    return first;
  }

  get pids(): number[] {
    return [...this.#workers].map(({ process }) => process.pid ?? 0);
  }

  /**
   * Ends all fronts cleanly; those that do not make it by the deadline are killed, and that is logged. With `drain` they
   * have all the time they need, until this is called again without.
   */
  async stop(deadlineMs: number, drain: boolean): Promise<void> {
    this.#isStopping = true;
    const ends = [...this.#workers].map(
      (worker) =>
        new Promise<void>((resolve) => {
          const kill = () => {
            this.#options.log.error({ pid: worker.process.pid, deadlineMs }, 'front did not end in time: killed');
            worker.process.kill('SIGKILL');
          };
          const timer = drain ? undefined : setTimeout(kill, deadlineMs);
          worker.once('exit', () => {
            clearTimeout(timer);
            resolve();
          });
          this.#send(worker, { kind: 'stop', deadlineMs, drain });
        }),
    );
    await Promise.all(ends);
  }

  /** Tells all fronts, those that come later too, what has changed. */
  reload(invite: string | undefined, languages: FoundLanguages): void {
    this.#setup = { ...this.#setup, invite, languages };
    for (const worker of this.#workers) this.#send(worker, { kind: 'reload', invite, languages });
  }

  /** Has rows run again whose front has died, or whose server had; shared out evenly between the fronts that listen. */
  #adoptOrphans(): void {
    const ready = [...this.#ready];
    if (ready.length === 0 || this.#isStopping) return; // the next front to be ready gets them
    const orphans = this.#options.orphans(new Set(this.pids));
    for (const [index, worker] of ready.entries()) {
      const rows = orphans.filter((_, i) => i % ready.length === index);
      if (rows.length === 0) continue;
      for (const row of rows) this.#options.assign(row, worker.process.pid ?? 0);
      this.#send(worker, { kind: 'adopt', rows });
    }
  }

  /** To a front that has just died nothing is sent: its end, which is reported soon, does what is to be done. */
  #send(worker: Worker, message: PrimaryMessage): void {
    if (worker.isConnected())
      worker.send(message, (error) => error && this.#options.log.warn(error, 'front not reached'));
  }

  #fork(): Promise<{ urls: string[]; backend: string[] }> {
    const worker = cluster.fork();
    const startedMs = performance.now();
    this.#workers.add(worker);
    const { log, onDeath } = this.#options;
    worker.on('error', (error) => log.warn(error, 'front not reached'));
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FrontMessage) => {
        switch (message.kind) {
          case 'hello':
            // Asked to end before it listened: what was sent then is lost.
            this.#send(worker, this.#isStopping ? STOP_AT_ONCE : { kind: 'setup', setup: this.#setup });
            return;
          case 'ready':
            this.#ready.add(worker);
            resolve(message);
            this.#adoptOrphans();
            return;
          case 'failed':
            reject(new TurnoError(message.code, message.details));
            worker.process.kill('SIGKILL'); // it cannot serve; its end starts another, after a pause
            return;
          case 'cancelled':
            for (const other of this.#ready) if (other !== worker) this.#send(other, message);
            return;
          case 'signal': // it reached a front, but it is the primary's
            process.emit(message.signal, message.signal);
            return;
        }
      });
      worker.once('exit', (code, signal) => {
        this.#workers.delete(worker);
        this.#ready.delete(worker);
        onDeath(worker.process.pid ?? 0);
        this.#adoptOrphans();
        reject(new Error(`front ended at its start: ${signal ?? `exit ${code}`}`));
        if (this.#isStopping) return;
        log.warn({ pid: worker.process.pid, code, signal }, 'front died: starting another');
        const pauseMs = performance.now() - startedMs < SETTLED_MS ? SETTLED_MS : 0;
        setTimeout(() => {
          if (!this.#isStopping)
            this.#fork().catch((error: Error) => log.error(error, 'front could not be started again'));
        }, pauseMs);
      });
    });
  }
}
