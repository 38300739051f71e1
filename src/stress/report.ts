/** Figures for people and for programs. */

import { type Figures, total } from './figures.js';

const PERCENTILES = [50, 75, 90, 95, 99, 99.9, 100] as const;

export interface Report {
  readonly durationS: number;
  readonly sent: number;
  readonly answered: Readonly<Record<string, number>>;
  /** The server's answer was an error, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** No answer came, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Still under way when the clients gave up waiting. */
  readonly unanswered: number;
  /** 0, unless a client died without a report: what it had sent is not known then. */
  readonly unaccounted: number;
  /** Answered requests a second. */
  readonly throughput: number;
  /** Of answered requests, from the time they were meant to be sent. */
  readonly latencyMs: Readonly<Record<string, number>>;
  readonly seconds: readonly number[];
}

export function reportOf(figures: Figures, durationS: number, lost = 0): Report {
  const { latency, sent, answered, refused, errors, unanswered, seconds } = figures;
  const done = total(answered);
  const latencyMs = Object.fromEntries(
    PERCENTILES.map((p) => [p === 100 ? 'max' : `p${p}`, done === 0 ? 0 : latency.getValueAtPercentile(p) / 1_000]),
  );
  const throughput = durationS === 0 ? 0 : done / durationS;
  const unaccounted = figures.unaccounted + lost;
  return { durationS, sent, answered, refused, errors, unanswered, unaccounted, throughput, latencyMs, seconds };
}

export function textOf(report: Report): string {
  const { durationS, sent, answered, refused, errors, unanswered, unaccounted, throughput, latencyMs } = report;
  const latency = Object.entries(latencyMs).map(([name, ms]) => `${name} ${ms.toFixed(ms < 10 ? 2 : 0)}`);
  return [
    `sent        ${sent} in ${durationS.toFixed(1)} s`,
    `answered    ${counts(answered)}; ${throughput.toFixed(1)} a second`,
    `refused     ${counts(refused)}`,
    `errors      ${counts(errors)}`,
    `unanswered  ${unanswered}`,
    ...(unaccounted === 0 ? [] : [`UNACCOUNTED ${unaccounted}`]),
    `latency     ${latency.join(', ')} ms`,
  ].join('\n');
}

/** One line for a progress bar. */
export function lineOf(figures: Figures, seconds: number): string {
  const done = total(figures.answered);
  const bad = total(figures.refused) + total(figures.errors);
  const p99 = done === 0 ? '-' : (figures.latency.getValueAtPercentile(99) / 1_000).toFixed(1);
  return `${done} answered, ${(done / Math.max(seconds, 0.001)).toFixed(0)}/s, ${bad} refused or failed, p99 ${p99} ms`;
}

function counts(of: Readonly<Record<string, number>>): string {
  const parts = Object.entries(of).map(([name, n]) => `${name} ${n}`);
  return parts.length === 0 ? '0' : `${total(of)} (${parts.join(', ')})`;
}
