/**
 * The life of a submission, top to bottom. Each step leads to one folder:
 *
 *     accept   shm/       a row in the shared table, state `queued`, with its order of arrival
 *     save     pool/, io/ a saver thread writes the request to disk ...
 *     run      pool/      ... while a runner thread gets it executed, and writes the result into the row
 *     settle   shm/       when both are through, the row is `done`: exactly one answer; mostly the runner does it
 *     cancel   shm/       ... or it is `done` before that, because its user wants it to end
 *     reply    judging/   the row as an object, for whoever asks, from any front
 *
 * "Accepted" is said when the request is durable: from then on it is run to its end, by this server or the next. "Done" is
 * said when the answer is: nobody is told a verdict that a later start would not know.
 */

import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Settings } from './config.js';
import { TurnoError } from './errors.js';
import type { Store } from './io/store.js';
import type {
  AbsentLanguage,
  Health,
  JudgeApi,
  LanguageInfo,
  ProgressReply,
  SourceFile,
  SubmissionReply,
  SubmissionRequest,
  SubmissionSummary,
  TurnsReply,
  User,
} from './io/transport.js';
import { encodeResponse, outcomeWithoutRun } from './judging/outcome.js';
import { cursorOf, progressOf } from './judging/progress.js';
import { summaryOf } from './judging/reply.js';
import { type SubmissionParts, Submissions } from './judging/submissions.js';
import { Unfinished } from './judging/unfinished.js';
import { type UserParts, Users } from './judging/users.js';
import { turnsFor } from './judging/wait.js';
import type { FoundLanguages } from './languages/registry.js';
import { DOORBELL_SIGNAL } from './pool/cell.js';
import { ThreadDied } from './pool/line.js';
import type { PackedJob, RunEnd } from './pool/messages.js';
import { recordOutcome } from './pool/record.js';
import type { Runners } from './pool/runners.js';
import type { SavedMarks } from './pool/saved-marks.js';
import type { Savers } from './pool/savers.js';
import { MAX_PRIORITY } from './pool/turns.js';
import type { ProblemStore } from './problems/problem-store.js';
import { Problems } from './problems/problems.js';
import { Scores } from './problems/scores.js';
import { native } from './shm/native.js';
import { isEnded, type Table } from './shm/table.js';
import type { RowIndex } from './units.js';
import { verdictNumber } from './verdict.js';

export interface JudgeParts extends UserParts, SubmissionParts {
  readonly table: Table;
  readonly store: Store;
  readonly problems: ProblemStore;
  readonly settings: Settings;
  readonly savers: Savers;
  readonly runners: Runners;
  /** The marks both pools share. */
  readonly savedMarks: SavedMarks;
  readonly languages: FoundLanguages;
  readonly log: Logger;
  /** Submissions a user may have unfinished. */
  readonly maxQueued: number;
  /** What programs are confined and measured by, in words. */
  readonly sandbox: readonly string[];
  /** Tells the other fronts of a submission that was cancelled here: one of them may have it waiting. */
  readonly onCancel: (row: RowIndex, user: number) => void;
}

export class Judge implements JudgeApi {
  readonly users: Users;
  readonly problems: Problems;
  readonly #parts: JudgeParts;
  readonly #submissions: Submissions;
  readonly #unfinished: Unfinished;
  /** Submissions this front is working on. */
  readonly #settling = new Set<Promise<void>>();
  #isRefusing = false;
  #languages: FoundLanguages;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#submissions = new Submissions(parts);
    this.#unfinished = new Unfinished(parts.table);
    this.#languages = parts.languages;
    this.users = new Users(parts);
    const { problems: store, settings, savers } = parts;
    this.problems = new Problems({
      store,
      settings,
      languages: () => this.languages(),
      scores: new Scores({
        store,
        row: (id) => this.#submissions.done(id),
        response: (row) => this.#submissions.response(row),
        userName: (user) => this.#submissions.userName(user),
      }),
      add: (task) => savers.addProblem(task),
      submit: (user, request, options) => this.submit(user, request, options),
      rejudge: (user, id) => this.rejudge(user, id),
    });
  }

  // ---- the life of a submission -------------------------------------------------------------------------------------

  /**
   * Accepts, saves and runs a submission. Resolves when it is accepted, or with `wait` when it is done.
   * @throws TURNO_TOO_MANY before it is accepted, TURNO_STOPPING when the server ends before that: what was accepted is run at its next start.
   */
  async submit(user: User, request: SubmissionRequest, { wait }: { wait: boolean }): Promise<SubmissionReply> {
    if (this.#isRefusing) throw new TurnoError('TURNO_STOPPING');
    if (request.rejudgeOf === undefined) this.#checkBound(user); // rejudge() has its own rule
    const job = await this.#accept(user, request);
    const saved = this.#parts.savers.save(job, !wait);
    const ran = this.#parts.runners.run(job);
    const settled = this.#settle(job, saved, ran);
    await saved;
    if (wait) await settled;
    return this.#submissions.reply(job.row);
  }

  /**
   * The same program once more, beside its old answer, and behind everybody else's work.
   * @throws TURNO_TOO_MANY, TURNO_NOT_FOUND
   */
  async rejudge(user: User, id: string): Promise<SubmissionReply> {
    const { table, store } = this.#parts;
    const found = this.#submissions.find(user, id);
    if (!user.isOperator) this.#checkBound(user); // what the operator asks for is no fault of its owner
    const request = store.loadRequest(id);
    const owner = table.user(found.user);
    if (request === undefined || owner === undefined) {
      throw new TurnoError('TURNO_NOT_FOUND', { what: 'source of submission', id });
    }
    const renewed = { ...this.problems.renewed(request), rejudgeOf: request.rejudgeOf ?? id };
    return this.submit({ ...owner, index: found.user, priority: MAX_PRIORITY }, renewed, { wait: false });
  }

  /** Runs rows again whose front, or whose server, has died before they were done. */
  async adopt(rows: readonly RowIndex[]): Promise<void> {
    await Promise.all(rows.map((row) => this.#adoptOne(row).catch((error: unknown) => this.#giveUp(row, error))));
  }

  /** @throws TURNO_TOO_MANY */
  #checkBound({ index }: User): void {
    const { table, maxQueued } = this.#parts;
    // Looked up each time: a connection knows its user for as long as it lasts, and the quota may change meanwhile.
    const quota = table.user(index)?.quota ?? 0;
    const limit = quota || maxQueued;
    if (!this.#unfinished.hasAsMany(index, limit)) return;
    throw new TurnoError('TURNO_TOO_MANY', { limit, set: quota ? 'your own quota' : '--max-queued', retryAfterS: 1 });
  }

  async #accept(user: User, request: SubmissionRequest): Promise<PackedJob> {
    const { table, store, savers } = this.#parts;
    const id = randomBytes(16);
    const name = id.toString('hex');
    const submission = {
      id,
      user: user.index,
      language: request.language,
      sentAtMs: Date.now(),
      source: store.sourcePath(name, request.files),
    };
    // Another front is at it, for microseconds: an event loop does not wait, it comes back. Or the journal's ring is full:
    // then a saver makes room, and says so when the disk has none.
    for (;;) {
      const accepted = table.tryAccept(submission);
      if (accepted) {
        return { ...accepted, id: name, user: user.index, priority: user.priority, packed: store.pack(request) };
      }
      await (table.journal.hasRoom ? setImmediate() : savers.makeRoom());
    }
  }

  async #adoptOne(row: RowIndex): Promise<void> {
    const { table, store, log, runners, savedMarks } = this.#parts;
    const found = table.read(row);
    if (found === undefined || isEnded(found)) return;
    table.setOwner(row, process.pid);
    const id = Buffer.from(found.id).toString('hex');
    const request = store.loadRequest(id);
    if (request === undefined) {
      // The server died before the request was on disk, and so before anybody was told that it was accepted.
      recordOutcome(table, store, row, id, outcomeWithoutRun('cancelled', 'the server ended before it was accepted'));
      table.settle(row);
      return;
    }
    log.info({ id, arrival: found.arrival }, 'run again');
    const priority = request.rejudgeOf ? MAX_PRIORITY : (table.user(found.user)?.priority ?? 0);
    const job = { row, id, arrival: found.arrival, user: found.user, priority, packed: store.pack(request) };
    savedMarks.set(row);
    await this.#settle(job, Promise.resolve(), runners.run(job)).catch(() => undefined);
  }

  /** A row that cannot be run again (its files are damaged, say) ends with turno's own failure, and others go on. */
  async #giveUp(row: RowIndex, error: unknown): Promise<void> {
    const { table, store, log, savers } = this.#parts;
    const id = Buffer.from(this.#submissions.read(row).id).toString('hex');
    log.error({ err: error, id }, 'a submission cannot be run again');
    const message = `it could not be run again: ${error instanceof Error ? error.message : error}`;
    recordOutcome(table, store, row, id, outcomeWithoutRun('SE', message));
    if (table.settle(row)) await savers.commit(table.position);
  }

  /**
   * Waits for saver and runner, both, and closes the row: exactly once, whatever became of them. Mostly the runner has
   * done that, and made it durable: it saw that the saver was through.
   */
  #settle(job: PackedJob, saved: Promise<void>, ran: Promise<RunEnd>): Promise<void> {
    const settled = this.#outcomeOf(job, saved, ran).then((end) => {
      if (end === 'durable') return undefined;
      const { table, savers } = this.#parts;
      // Done before us it is only when it was cancelled, maybe by another front: that answer must be durable as well.
      return savers.commit(table.settle(job.row) ? table.position : table.journal.tail);
    });
    this.#settling.add(settled);
    // Whoever waits gets the rejection; without one it must not end the process.
    settled.catch(
      (error: unknown) => isStopping(error) || this.#parts.log.error({ err: error, id: job.id }, 'not settled'),
    );
    settled.finally(() => this.#settling.delete(settled)).catch(() => undefined); // told in the line above
    return settled;
  }

  async #outcomeOf(job: PackedJob, saved: Promise<void>, ran: Promise<RunEnd>): Promise<RunEnd> {
    const { table, store, log } = this.#parts;
    const end = (verdict: 'cancelled' | 'SE', reason: unknown) => {
      log.error({ err: reason, id: job.id }, `a submission ends as ${verdict}`);
      const message = reason instanceof Error ? reason.message : String(reason);
      recordOutcome(table, store, job.row, job.id, outcomeWithoutRun(verdict, message));
    };
    ran.catch(() => undefined); // looked at below, when it is known what became of the saving
    try {
      await saved;
    } catch (error) {
      // What was not saved was never accepted: the client gets the failure, and the row says that nothing came of it.
      end('cancelled', error);
      table.settle(job.row);
      this.#endRuns(job.row, job.user);
      await ran.catch(() => undefined);
      return 'recorded';
    }
    try {
      return await ran.catch((error: unknown) => this.#runAgain(job, error));
    } catch (error) {
      if (isStopping(error)) throw error;
      end('SE', error);
      return 'recorded';
    }
  }

  /** What a thread had when it died is run once more: only who kills two of them may have killed them himself. */
  #runAgain(job: PackedJob, error: unknown): Promise<RunEnd> {
    if (!(error instanceof ThreadDied)) throw error;
    this.#parts.log.warn({ err: error, id: job.id }, 'run again: the thread that had it died');
    return this.#parts.runners.run(job);
  }

  /**
   * Ends a submission at once, wherever it is, with the verdict `cancelled`.
   *
   * The row comes first: whoever makes it done has the one answer. After that nothing of it is started any more, since
   * every runner looks at the row when it takes a job and when it has posted a run; what was posted before is killed.
   * @throws TURNO_DONE when it was done already, TURNO_NOT_FOUND
   */
  async cancel(user: User, id: string): Promise<SubmissionReply> {
    const { table, savers } = this.#parts;
    const { row } = this.#submissions.find(user, id);
    const { verdict, ...outcome } = outcomeWithoutRun('cancelled', 'cancelled by its user');
    const result = { ...outcome, executable: undefined, verdict: verdictNumber(verdict) };
    if (!table.finish(row, { ...result, response: encodeResponse({ ...outcome, verdict }) })) {
      throw new TurnoError('TURNO_DONE', { id });
    }
    const { position } = table;
    this.#endRuns(row, user.index);
    await savers.commit(position);
    return this.#submissions.reply(row);
  }

  /** Of a row that is done nothing runs on, nor is begun, in any front. */
  #endRuns(row: RowIndex, user: number): void {
    const { processTable, onCancel } = this.#parts;
    for (const pid of processTable.killRow(row)) native.sendSignal(pid, DOORBELL_SIGNAL);
    onCancel(row, user);
    this.forget(row, user);
  }

  /** A submission was cancelled, here or by another front: nobody waits for its end any more. */
  forget(row: RowIndex, user: number): void {
    this.#parts.runners.forget(row, user);
  }

  // ---- what is asked of it besides ----------------------------------------------------------------------------------

  /** From now on submissions may be in these. */
  setLanguages(languages: FoundLanguages): void {
    this.#languages = languages;
    this.#parts.runners.setLanguages(languages.offered);
  }

  /** @throws TURNO_NOT_FOUND, also for a submission of another user: its existence is nobody else's business. */
  async show(user: User, id: string): Promise<SubmissionReply> {
    const reply = this.#submissions.reply(this.#submissions.find(user, id).row);
    if (reply.state === 'done') await this.#durable();
    return reply;
  }

  async progress(user: User, id: string, after: string | undefined): Promise<ProgressReply> {
    if (this.#isRefusing) throw new TurnoError('TURNO_STOPPING'); // nobody waits for what the next server will do
    const row = this.#submissions.find(user, id);
    const reply = progressOf(row, this.#parts.store.progress(id, cursorOf(after)), after);
    if (reply.state === 'done') await this.#durable();
    return reply;
  }

  async list(user: User, { after, limit }: { after?: string; limit: number }): Promise<SubmissionSummary[]> {
    const before = after === undefined ? undefined : this.#submissions.find(user, after).arrival;
    const page = this.#parts.table.ofUser(user.index, { before, limit }).map((row) => summaryOf(row, user.name));
    if (page.some(({ state }) => state === 'done')) await this.#durable();
    return page;
  }

  /** Until what was just read is durable. When the disk refuses that, reads go on all the same: it is told in the log. */
  async #durable(): Promise<void> {
    const { table, savers } = this.#parts;
    const { tail } = table.journal;
    if (table.journal.written < tail) await savers.commit(tail).catch(() => undefined);
  }

  async source(user: User, id: string): Promise<readonly SourceFile[]> {
    this.#submissions.find(user, id);
    const request = this.#parts.store.loadRequest(id);
    if (request === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'source of submission', id });
    return request.files;
  }

  async executable(user: User, id: string): Promise<{ name: string; content: Buffer }> {
    const { executable } = this.#submissions.find(user, id);
    if (executable === null) throw new TurnoError('TURNO_NOT_FOUND', { what: 'executable of submission', id });
    return { name: 'program', content: await this.#parts.store.readExecutable(executable) };
  }

  turns(user: User): TurnsReply {
    return turnsFor(user.index, this.#parts.processTable, this.#parts.table, this.#parts.turns);
  }

  languages(): readonly LanguageInfo[] {
    return this.#languages.offered;
  }

  absentLanguages(): readonly AbsentLanguage[] {
    return this.#languages.absent;
  }

  health(): Health {
    const { table, processTable, runners, sandbox } = this.#parts;
    return {
      ...table.counts(),
      freeBytes: table.freeBytes,
      refuses: table.refusal()?.code ?? null,
      pid: process.pid,
      waiting: runners.waiting,
      lanes: processTable.laneCount,
      sandbox: [...sandbox],
    };
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  /** From here on nothing new is accepted. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** Resolves when everything this front accepted is done. */
  async drained(): Promise<void> {
    while (this.#settling.size > 0) await Promise.allSettled(this.#settling);
  }
}

function isStopping(reason: unknown): boolean {
  return reason instanceof TurnoError && reason.code === 'TURNO_STOPPING';
}
