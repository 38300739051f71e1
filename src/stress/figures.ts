/**
 * What became of every request, with nothing unaccounted for:
 *
 *     sent = answered + refused + errors + unanswered + underway
 *
 * answered: with a verdict, or with nothing to say (`ok`); refused: the server's answer was an error; errors: no answer came
 * (TURNO_UNREACHABLE and its like); unanswered: none had come when the client gave up waiting.
 * Latency is that of answered requests, from when they were meant to be sent.
 */

import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { Refusal } from '../io/client.js';

const LONGEST_US = 3_600_000_000;

type Counts = Record<string, number>;

/** Figures as they travel between processes. */
export interface FiguresMessage {
  readonly sent: number;
  readonly underway: number;
  readonly unanswered: number;
  readonly answered: Readonly<Counts>;
  readonly refused: Readonly<Counts>;
  readonly errors: Readonly<Counts>;
  /** Answers in each second of the burst. */
  readonly seconds: readonly number[];
  /** HdrHistogram of microseconds, compressed, base64. */
  readonly latency: string;
}

export class Figures {
  readonly latency: Histogram = build({ highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: 3 });
  readonly answered: Counts = {};
  readonly refused: Counts = {};
  readonly errors: Counts = {};
  readonly seconds: number[] = [];
  sent = 0;
  underway = 0;
  unanswered = 0;

  begin(): void {
    this.sent++;
    this.underway++;
  }

  /**
   * @param outcome a verdict, or `ok`
   * @param latencyMs since it was meant to be sent
   * @param second of the burst, from 0
   */
  answer(outcome: string, latencyMs: number, second: number): void {
    this.underway--;
    count(this.answered, outcome, 1);
    this.latency.recordValue(Math.min(LONGEST_US, Math.max(1, Math.round(latencyMs * 1_000))));
    while (this.seconds.length <= second) this.seconds.push(0);
    this.seconds[second] = (this.seconds[second] ?? 0) + 1;
  }

  fail(error: unknown): void {
    this.underway--;
    const { code, message } = error as { code?: unknown; message?: unknown };
    count(error instanceof Refusal ? this.refused : this.errors, String(code ?? message), 1);
  }

  /** What is under way will not be waited for. */
  giveUp(): void {
    this.unanswered += this.underway;
    this.underway = 0;
  }

  add(other: FiguresMessage): void {
    this.sent += other.sent;
    this.underway += other.underway;
    this.unanswered += other.unanswered;
    for (const kind of ['answered', 'refused', 'errors'] as const) {
      for (const [name, n] of Object.entries(other[kind])) count(this[kind], name, n);
    }
    for (const [second, n] of other.seconds.entries()) this.seconds[second] = (this.seconds[second] ?? 0) + n;
    // The histogram that is decoded is of another class than its type says, but adds up just the same.
    this.latency.add(decodeFromCompressedBase64(other.latency) as never);
  }

  message(): FiguresMessage {
    const { sent, underway, unanswered, answered, refused, errors, seconds } = this;
    return {
      ...{ sent, underway, unanswered, answered, refused, errors, seconds },
      latency: encodeIntoCompressedBase64(this.latency),
    };
  }

  /** What the sum above lacks; 0 unless something is wrong with the counting itself. */
  get unaccounted(): number {
    const done = total(this.answered) + total(this.refused) + total(this.errors);
    return this.sent - done - this.unanswered - this.underway;
  }
}

export function total(counts: Readonly<Counts>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function count(counts: Counts, name: string, n: number): void {
  counts[name] = (counts[name] ?? 0) + n;
}
