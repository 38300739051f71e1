/**
 * Who has what for a problem: of each user the best submission. A rejudged submission counts with its newest answer that is
 * done, and was sent when it was sent first. Better is: accepted, then more points, then more tests right, then the earlier one.
 */

import type { ScoreReply } from '../io/reply-schema.js';
import type { StoredResponse } from '../judging/outcome.js';
import type { Row } from '../shm/table.js';
import { verdictOfNumber } from '../verdict.js';
import type { ProblemStore } from './problem-store.js';

export interface ScoreSources {
  readonly store: ProblemStore;
  /** A row that is done, or undefined. */
  readonly row: (id: string) => Row | undefined;
  readonly response: (row: Row) => StoredResponse | undefined;
  readonly userName: (index: number) => string;
}

interface Judged {
  /** With the answer that counts. */
  readonly row: Row;
  /** As it was sent, before any rejudging; the same while there was none. */
  readonly sent: Row;
  readonly score: number | null;
  readonly passed: number;
}

export class Scores {
  readonly #sources: ScoreSources;

  constructor(sources: ScoreSources) {
    this.#sources = sources;
  }

  /** Ids of the submissions that have an answer, those that were made by rejudging left out. */
  judged(problem: string): string[] {
    const { store, row } = this.#sources;
    return store.submissions(problem).flatMap(({ id, rejudgeOf }) => (rejudgeOf || row(id) === undefined ? [] : [id]));
  }

  of(problem: string): ScoreReply[] {
    const { store, row } = this.#sources;
    const newest = new Map<string, { sent: Row; row: Row }>();
    for (const { id, rejudgeOf } of store.submissions(problem)) {
      const found = row(id);
      const first = rejudgeOf ?? id;
      if (found !== undefined) newest.set(first, { sent: newest.get(first)?.sent ?? found, row: found });
    }
    const byUser = new Map<number, Judged[]>();
    for (const { sent, row: counts } of newest.values()) {
      byUser.set(sent.user, [...(byUser.get(sent.user) ?? []), this.#judged(sent, counts)]);
    }
    const all = Array.from(byUser, ([user, judged]) => this.#best(user, judged));
    return all.sort((a, b) => a.user.localeCompare(b.user, 'en'));
  }

  #judged(sent: Row, row: Row): Judged {
    const response = this.#sources.response(row);
    const passed = response?.tests.filter(({ verdict }) => verdict === 'AC').length ?? 0;
    return { row, sent, score: response?.score ?? null, passed };
  }

  #best(user: number, judged: readonly Judged[]): ScoreReply {
    const [best] = [...judged].sort(
      (a, b) =>
        Number(isAccepted(b)) - Number(isAccepted(a)) ||
        (b.score ?? 0) - (a.score ?? 0) ||
        b.passed - a.passed ||
        a.sent.arrival - b.sent.arrival,
    );
    if (best === undefined) throw new RangeError('no submission to choose from');
    return {
      user: this.#sources.userName(user),
      verdict: verdictOfNumber(best.row.verdict),
      score: best.score,
      testsPassed: best.passed,
      submissions: judged.length,
      best: Buffer.from(best.row.id).toString('hex'),
      sentAt: new Date(best.sent.sentAtMs).toISOString(),
    };
  }
}

function isAccepted({ row }: Judged): boolean {
  return verdictOfNumber(row.verdict) === 'AC';
}
