/**
 * Who has what for a problem: of each user the best submission. A rejudged submission counts with its newest answer that is
 * done. Better is: accepted, then more points, then more tests right, then the earlier one.
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
  readonly row: Row;
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
    const newest = new Map<string, Row>();
    for (const { id, rejudgeOf } of store.submissions(problem)) {
      const found = row(id);
      if (found !== undefined) newest.set(rejudgeOf ?? id, found);
    }
    const byUser = new Map<number, Judged[]>();
    for (const one of newest.values()) byUser.set(one.user, [...(byUser.get(one.user) ?? []), this.#judged(one)]);
    const all = Array.from(byUser, ([user, judged]) => this.#best(user, judged));
    return all.sort((a, b) => a.user.localeCompare(b.user, 'en'));
  }

  #judged(row: Row): Judged {
    const response = this.#sources.response(row);
    const passed = response?.tests.filter(({ verdict }) => verdict === 'AC').length ?? 0;
    return { row, score: response?.score ?? null, passed };
  }

  #best(user: number, judged: readonly Judged[]): ScoreReply {
    const [best] = [...judged].sort(
      (a, b) =>
        Number(isAccepted(b)) - Number(isAccepted(a)) ||
        (b.score ?? 0) - (a.score ?? 0) ||
        b.passed - a.passed ||
        a.row.arrival - b.row.arrival,
    );
    if (best === undefined) throw new RangeError('no submission to choose from');
    return {
      user: this.#sources.userName(user),
      verdict: verdictOfNumber(best.row.verdict),
      score: best.score,
      testsPassed: best.passed,
      submissions: judged.length,
      best: Buffer.from(best.row.id).toString('hex'),
      sentAt: new Date(best.row.sentAtMs).toISOString(),
    };
  }
}

function isAccepted({ row }: Judged): boolean {
  return verdictOfNumber(row.verdict) === 'AC';
}
