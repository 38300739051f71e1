/**
 * Load from several processes: each a `turno client`, driven by signals like any other. A driver starts them with a share
 * of the plan, lets all go at once (SIGUSR1), asks for figures now and then (SIGUSR2), and ends them (SIGTERM). What a
 * client that dies had sent is known up to its last figures; how much that leaves open is said.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TurnoError } from '../errors.js';
import { Figures, type FiguresMessage } from './figures.js';
import type { Plan } from './plan.js';

const LOOK_MS = 500;
/** A client that does not wait for answers needs no longer for its report. */
const LAST_MS = 5_000;

/** What a client says, one JSON object a line. */
export type ClientLine =
  | { readonly event: 'ready'; readonly pid: number }
  | { readonly event: 'plan'; readonly problem?: string }
  | { readonly event: 'burst-end' }
  | { readonly event: 'figures' | 'report'; readonly figures: FiguresMessage };

export interface Driven {
  readonly figures: Figures;
  /** Of all clients together, from the first signal to the last answer. */
  readonly durationS: number;
  /** Requests that were under way at a client's last word before it died. */
  readonly lost: number;
}

export interface DriveOptions {
  readonly plan: Plan;
  readonly clients: number;
  readonly onLook: (figures: Figures, seconds: number) => void;
  /** Clients are told to end early when this is fulfilled: they wait for what is under way, and report. */
  readonly isAsked: Promise<unknown>;
  /** Clients are told not to wait when this is. */
  readonly isHurried?: Promise<unknown>;
}

/** @throws TURNO_USAGE when a client could not be started */
export async function drive(options: DriveOptions): Promise<Driven> {
  const { plan, clients, onLook, isAsked, isHurried } = options;
  const ways = await started(plan, clients);
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1_000;
  for (const way of ways) way.signal('SIGUSR1');
  const timer = setInterval(() => {
    for (const way of ways) way.signal('SIGUSR2');
    onLook(sum(ways), seconds());
  }, LOOK_MS);
  await Promise.race([Promise.all(ways.map((way) => way.burstEnd)), isAsked]);
  const durationS = seconds();
  clearInterval(timer);
  for (const way of ways) way.signal('SIGTERM');
  const exited = Promise.all(ways.map((way) => way.exited));
  await Promise.race(isHurried === undefined ? [exited] : [exited, isHurried]);
  for (const way of ways) way.signal('SIGTERM');
  await Promise.race([exited, setTimeout(LAST_MS, undefined, { ref: false })]);
  for (const way of ways) way.signal('SIGKILL');
  await exited;
  const lost = ways.filter((way) => !way.hasReport).reduce((n, way) => n + (way.last?.underway ?? 0), 0);
  const figures = sum(ways);
  figures.underway = 0; // of those without a report: they are the lost
  return { figures, durationS, lost };
}

/** All of them, with their plans read: the files, which have the token in them, are gone by then, whatever comes later. */
async function started(plan: Plan, clients: number): Promise<Way[]> {
  const directory = mkdtempSync(join(tmpdir(), 'turno-stress-'));
  const ways: Way[] = [];
  try {
    for (let i = 0; i < clients; i++) {
      const path = join(directory, `plan-${i}.json`);
      writeFileSync(path, JSON.stringify(share(plan, i, clients)), { mode: 0o600 }); // it has the token
      ways.push(new Way(path));
    }
    await Promise.all(ways.map((way) => way.ready));
    return ways;
  } catch (error) {
    for (const way of ways) way.signal('SIGKILL'); // those that started would wait for signals for ever
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Each client's part; together they send what one would. */
function share(plan: Plan, index: number, clients: number): Plan {
  const part = (n: number) => Math.floor(n / clients) + (index < n % clients ? 1 : 0);
  return {
    ...plan,
    ...(plan.rate === undefined ? {} : { rate: plan.rate / clients }),
    ...(plan.concurrency === undefined ? {} : { concurrency: Math.max(1, part(plan.concurrency)) }),
    ...(plan.requests === undefined ? {} : { requests: Math.max(1, part(plan.requests)) }),
  };
}

function sum(ways: readonly Way[]): Figures {
  const figures = new Figures();
  for (const { last } of ways) if (last !== undefined) figures.add(last);
  return figures;
}

/** One client process. */
class Way {
  readonly ready: Promise<void>;
  readonly burstEnd: Promise<void>;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  last: FiguresMessage | undefined;
  hasReport = false;

  constructor(plan: string) {
    const main = fileURLToPath(new URL('../main.js', import.meta.url));
    const child = spawn(process.execPath, [main, 'client', plan, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    this.exited = new Promise((resolve) => child.once('close', () => resolve()));
    const heard = (event: ClientLine['event']) =>
      new Promise<void>((resolve) => {
        lines.on('line', (line) => {
          if ((JSON.parse(line) as ClientLine).event === event) resolve();
        });
      });
    lines.on('line', (line) => {
      const told = JSON.parse(line) as ClientLine;
      if (told.event !== 'figures' && told.event !== 'report') return;
      this.last = told.figures;
      this.hasReport ||= told.event === 'report';
    });
    this.ready = Promise.race([heard('ready'), this.exited.then(() => this.#refuse())]);
    this.burstEnd = Promise.race([heard('burst-end'), this.exited]);
    this.ready.catch(() => undefined); // it is awaited with those of the others
  }

  /** A client that has ended gets none. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #refuse(): never {
    throw new TurnoError('TURNO_USAGE', {
      problem: 'a client process ended at its start: what it wrote stands above.',
    });
  }
}
