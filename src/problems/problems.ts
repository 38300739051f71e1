/**
 * Problems as users meet them: who may add, see, submit and know the scores.
 *
 *     add, remove, scores, rejudge    the operator; with `--problems open` whoever added the problem too, and everybody adds
 *     list, show, statement, samples  every user; of secret tests only how many there are
 *     submit                          every user; whoever may change the problem sees everything of the judging
 */

import type { Settings } from '../config.js';
import { TurnoError } from '../errors.js';
import { refuse, shown } from '../io/complaint.js';
import { decodeSubmission } from '../io/decode.js';
import { outputText } from '../io/output.js';
import type { ProblemReply, ProblemSummary } from '../io/reply-schema.js';
import { defaultLimits, type Limits, mostLimits, type ProblemSubmissionBody } from '../io/schema.js';
import type { LanguageInfo, ProblemsApi, SubmissionReply, SubmissionRequest, User } from '../io/transport.js';
import type { AddTask } from './add-problem.js';
import { wallTimeFor } from './package.js';
import type { ProblemStore, StoredProblem } from './problem-store.js';
import { PROBLEM_ID } from './problem-store.js';
import type { Scores } from './scores.js';

export interface ProblemParts {
  readonly store: ProblemStore;
  readonly settings: Settings;
  /** Those offered at that moment. */
  readonly languages: () => readonly LanguageInfo[];
  readonly scores: Scores;
  readonly add: (task: AddTask) => Promise<void>;
  readonly submit: (user: User, request: SubmissionRequest, options: { wait: boolean }) => Promise<SubmissionReply>;
  readonly rejudge: (user: User, id: string) => Promise<SubmissionReply>;
}

export class Problems implements ProblemsApi {
  readonly #parts: ProblemParts;

  constructor(parts: ProblemParts) {
    this.#parts = parts;
  }

  async add(user: User, { id, zip, isDraft }: { id: string; zip: Buffer; isDraft: boolean }): Promise<ProblemReply> {
    const { settings, store, languages } = this.#parts;
    if (settings.problems === 'operator' && !user.isOperator) throw operatorOnly('adding a problem');
    if (!PROBLEM_ID.test(id)) {
      throw refuse('id', `expected 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, got ${shown(id)}`);
    }
    const known = store.find(id);
    if (known !== undefined && !mayChange(user, known)) {
      throw new TurnoError('TURNO_PROBLEM_TAKEN', { id, owner: known.owner });
    }
    const ids = languages().map((language) => language.id);
    const owner = known?.owner ?? user.name;
    await this.#parts.add({ id, owner, isDraft, zip, mostLimits: mostLimits(settings), languages: ids });
    return this.show(id);
  }

  list(): ProblemSummary[] {
    return this.#parts.store.list().map((problem) => this.#summary(problem));
  }

  show(id: string): ProblemReply {
    const problem = this.#find(id);
    const { plan, tests, checker, isInteractive, statement, owner, revision } = problem;
    return {
      ...this.#summary(problem),
      owner,
      revision,
      limits: this.#limits(problem),
      hasTimeLimit: problem.limits.cpuTimeMs !== undefined,
      isInteractive,
      checker: checker.kind === 'built-in' ? checker.choice.kind : `program (${checker.protocol})`,
      policy: plan.policy,
      groups: plan.groups.map(({ name, points, scoring }, index) => {
        return { name, points, scoring, tests: tests.filter(({ group }) => group === index).length };
      }),
      samples: tests.filter(({ isSample }) => isSample).length,
      statement: statement === null ? null : (statement.split('/').at(-1) ?? null),
    };
  }

  statement(id: string) {
    const problem = this.#find(id);
    if (problem.statement === null) throw new TurnoError('TURNO_NOT_FOUND', { what: 'statement of problem', id });
    const name = problem.statement.slice(problem.statement.lastIndexOf('/') + 1);
    return { name, content: this.#parts.store.read(problem, problem.statement), isArchive: false };
  }

  samples(id: string) {
    const { store } = this.#parts;
    const problem = this.#find(id);
    const text = (path: string | null) => outputText(path === null ? new Uint8Array() : store.read(problem, path)).text;
    const { interactions = [] } = problem; // those of before have none
    if (interactions.length > 0) {
      const name = (path: string) => path.replace(/^data\/|\.interaction$/g, '');
      return {
        samples: interactions.map((path) => ({ name: name(path), input: '', answer: '', interaction: text(path) })),
      };
    }
    const samples = problem.tests.filter(({ isSample }) => isSample);
    return { samples: samples.map(({ name, input, answer }) => ({ name, input: text(input), answer: text(answer) })) };
  }

  remove(user: User, id: string): void {
    const problem = this.#find(id);
    if (!mayChange(user, problem)) throw operatorOnly(`removing problem ${id}`);
    this.#parts.store.remove(id);
  }

  submit(user: User, id: string, body: ProblemSubmissionBody, options: { wait: boolean }): Promise<SubmissionReply> {
    const { settings, languages } = this.#parts;
    const problem = this.#find(id);
    const request = decodeSubmission(body, settings, languages());
    const ref = { id, revision: problem.revision, showsAll: mayChange(user, problem) };
    return this.#parts.submit(user, { ...request, limits: this.#limits(problem), problem: ref }, options);
  }

  /** A request for a problem as it would be judged by the revision that counts now. */
  renewed(request: SubmissionRequest): SubmissionRequest {
    if (request.problem === undefined) return request;
    const problem = this.#find(request.problem.id);
    return { ...request, limits: this.#limits(problem), problem: { ...request.problem, revision: problem.revision } };
  }

  scores(user: User, id: string) {
    const problem = this.#find(id);
    if (!mayChange(user, problem)) throw operatorOnly(`the scores of problem ${id}`);
    return { problem: id, points: pointsOf(problem), scores: this.#parts.scores.of(id) };
  }

  async rejudge(user: User, id: string) {
    const problem = this.#find(id);
    if (!mayChange(user, problem)) throw operatorOnly(`rejudging problem ${id}`);
    const rejudged: { old: string; new: string }[] = [];
    for (const old of this.#parts.scores.judged(id)) {
      rejudged.push({ old, new: (await this.#parts.rejudge({ ...user, isOperator: true }, old)).id });
    }
    return { rejudged };
  }

  #find(id: string): StoredProblem {
    const found = this.#parts.store.find(id);
    if (found === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'problem', id });
    return found;
  }

  #summary(problem: StoredProblem): ProblemSummary {
    const { id, title, tests, addedAtMs } = problem;
    return { id, title, tests: tests.length, points: pointsOf(problem), addedAt: new Date(addedAtMs).toISOString() };
  }

  #limits({ limits, isInteractive }: StoredProblem): Limits {
    const defaults = defaultLimits(this.#parts.settings);
    const { wallTimeMs: mostWallMs } = mostLimits(this.#parts.settings);
    const { cpuTimeMs = defaults.cpuTimeMs, memoryMiB = defaults.memoryMiB, outputKiB = defaults.outputKiB } = limits;
    // Two that wait for each other do so up to the wall limit: there it is no longer than it must be.
    const leastWallMs = isInteractive ? 0 : defaults.wallTimeMs;
    const wallTimeMs = Math.min(mostWallMs, Math.max(leastWallMs, wallTimeFor(cpuTimeMs)));
    return { ...defaults, cpuTimeMs, wallTimeMs, memoryMiB, outputKiB };
  }
}

function pointsOf({ plan: { groups } }: StoredProblem): number | null {
  return groups.length === 0 ? null : groups.reduce((sum, { points }) => sum + points, 0);
}

function mayChange(user: User, problem: StoredProblem): boolean {
  return user.isOperator === true || user.name === problem.owner;
}

function operatorOnly(what: string): TurnoError {
  return new TurnoError('TURNO_OPERATOR', { what });
}
