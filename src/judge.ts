/**
 * The life of a submission, top to bottom. Each step leads to one folder:
 *
 *     accept   shm/       a row in the shared table, state `queued`, with its order of arrival
 *     save     pool/, io/ a saver thread writes the request to disk ...
 *     run      pool/      ... while a runner thread gets it executed, and writes the result into the row
 *     settle   shm/       when both are through, the row is `done`: exactly one answer
 *     cancel   shm/       ... or it is `done` before that, because its user wants it to end
 *     reply    io/        the row as an object, for whoever asks, from any front
 *
 * "Accepted" is said when the request is durable: from then on it is run to its end, by this server or the next. "Done" is
 * said when the answer is: nobody is told a verdict that a later start would not know.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Settings } from './config.js';
import { TurnoError } from './errors.js';
import { localUserName } from './io/decode.js';
import type { Store } from './io/store.js';
import type {
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
import { decodeResponse, encodeResponse, outcomeWithoutRun, type StoredResponse } from './judging/outcome.js';
import { cursorOf, progressOf } from './judging/progress.js';
import { replyOf, summaryOf } from './judging/reply.js';
import { Unfinished } from './judging/unfinished.js';
import { NO_WAIT, roundedMs, turnsFor, type Wait, waitForLane } from './judging/wait.js';
import { DOORBELL_SIGNAL } from './pool/cell.js';
import type { Job } from './pool/messages.js';
import type { ProcessTable } from './pool/process-table.js';
import { recordOutcome } from './pool/record.js';
import type { Runners } from './pool/runners.js';
import type { Savers } from './pool/savers.js';
import { MAX_PRIORITY, type ModeName } from './pool/turns.js';
import type { ProblemStore } from './problems/problem-store.js';
import { Problems } from './problems/problems.js';
import { Scores } from './problems/scores.js';
import { native } from './shm/native.js';
import { isEnded, type Row, type Table } from './shm/table.js';
import { hashOf, newToken } from './token.js';
import type { RowIndex } from './units.js';
import { verdictNumber } from './verdict.js';

export interface JudgeParts {
  readonly table: Table;
  readonly processTable: ProcessTable;
  readonly store: Store;
  readonly problems: ProblemStore;
  readonly settings: Settings;
  readonly savers: Savers;
  readonly runners: Runners;
  readonly languages: readonly LanguageInfo[];
  readonly log: Logger;
  /** Submissions a user may have unfinished. */
  readonly maxQueued: number;
  /** The policy, for estimates. */
  readonly turns: ModeName;
  /** What whoever registers must know; undefined: nothing. */
  readonly invite: string | undefined;
  /** The operator's token. */
  readonly operator: string;
  /** What programs are confined and measured by, in words. */
  readonly sandbox: readonly string[];
  /** Tells the other fronts of a submission that was cancelled here: one of them may have it waiting. */
  readonly onCancel: (row: RowIndex, user: number) => void;
}

export class Judge implements JudgeApi {
  readonly problems: Problems;
  readonly #parts: JudgeParts;
  readonly #unfinished: Unfinished;
  /** Submissions this front is working on. */
  readonly #settling = new Set<Promise<void>>();
  #isRefusing = false;
  #invite: string | undefined;
  /** Compared with at every request. */
  readonly #operatorHash: Uint8Array;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#unfinished = new Unfinished(parts.table);
    this.#invite = parts.invite;
    this.#operatorHash = hashOf(parts.operator);
    const { problems: store, settings, languages, savers } = parts;
    this.problems = new Problems({
      store,
      settings,
      languages,
      scores: this.#scores(store),
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
    if (request.rejudgeOf === undefined) this.#checkBound(user); // others have asked for those
    const job = await this.#accept(user, request);
    const saved = this.#parts.savers.save(job);
    const ran = this.#parts.runners.run(job);
    const settled = this.#settle(job, saved, ran);
    await saved;
    if (wait) await settled;
    return this.#reply(job.row);
  }

  /** The same program once more, beside its old answer, and behind everybody else's work. */
  async rejudge(user: User, id: string): Promise<SubmissionReply> {
    const { table, store } = this.#parts;
    const found = this.#read(this.#rowOf(user, id));
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
    const limit = this.#parts.maxQueued;
    if (this.#unfinished.hasAsMany(index, limit)) throw new TurnoError('TURNO_TOO_MANY', { limit, retryAfterS: 1 });
  }

  async #accept(user: User, request: SubmissionRequest): Promise<Job> {
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
      if (accepted) return { ...accepted, id: name, user: user.index, priority: user.priority, request };
      await (table.journal.hasRoom ? setImmediate() : savers.makeRoom());
    }
  }

  async #adoptOne(row: RowIndex): Promise<void> {
    const { table, store, log, runners } = this.#parts;
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
    const job = { row, id, arrival: found.arrival, user: found.user, priority, request };
    await this.#settle(job, Promise.resolve(), runners.run(job)).catch(() => undefined);
  }

  /** A row that cannot be run again (its files are damaged, say) ends with turno's own failure, and others go on. */
  async #giveUp(row: RowIndex, error: unknown): Promise<void> {
    const { table, store, log, savers } = this.#parts;
    const id = Buffer.from(this.#read(row).id).toString('hex');
    log.error({ err: error, id }, 'a submission cannot be run again');
    const message = `it could not be run again: ${error instanceof Error ? error.message : error}`;
    recordOutcome(table, store, row, id, outcomeWithoutRun('SE', message));
    if (table.settle(row)) await savers.commit(table.position);
  }

  /** Waits for saver and runner, both, and closes the row: exactly once, whatever became of them. */
  #settle(job: Job, saved: Promise<void>, ran: Promise<void>): Promise<void> {
    const settled = this.#outcomeOf(job, saved, ran).then(() => {
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

  async #outcomeOf(job: Job, saved: Promise<void>, ran: Promise<void>): Promise<void> {
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
      return;
    }
    try {
      await ran;
    } catch (error) {
      if (isStopping(error)) throw error;
      end('SE', error);
    }
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
    const row = this.#rowOf(user, id);
    const { verdict, ...outcome } = outcomeWithoutRun('cancelled', 'cancelled by its user');
    const result = { ...outcome, executable: undefined, verdict: verdictNumber(verdict) };
    if (!table.finish(row, { ...result, response: encodeResponse({ ...outcome, verdict }) })) {
      throw new TurnoError('TURNO_DONE', { id });
    }
    const { position } = table;
    this.#endRuns(row, user.index);
    await savers.commit(position);
    return this.#reply(row);
  }

  /** Of a row that is done nothing runs on, nor is begun, in any front. */
  #endRuns(row: RowIndex, user: number): void {
    const { processTable, onCancel } = this.#parts;
    for (const pid of processTable.killRow(row)) native.queueSignal(pid, DOORBELL_SIGNAL, 0);
    onCancel(row, user);
    this.forget(row, user);
  }

  /** A submission was cancelled, here or by another front: nobody waits for its end any more. */
  forget(row: RowIndex, user: number): void {
    this.#parts.runners.forget(row, user);
  }

  // ---- what is asked of it besides ----------------------------------------------------------------------------------

  async register({ name, invite = '' }: { name: string; invite?: string | undefined }) {
    const { table, savers } = this.#parts;
    const wanted = this.#invite;
    // Hashes have one length, and comparing them tells nothing by its time.
    if (wanted !== undefined && !timingSafeEqual(hashOf(invite), hashOf(wanted))) throw new TurnoError('TURNO_INVITE');
    const token = newToken();
    table.addUser({ name, tokenHash: hashOf(token) });
    await savers.commit(table.position);
    return { name, token };
  }

  authenticate(token: string): User | undefined {
    const hash = hashOf(token);
    const user = this.#parts.table.userByToken(hash);
    if (!timingSafeEqual(hash, this.#operatorHash)) return user;
    return { ...(user ?? this.#registerOperator(hash)), isOperator: true };
  }

  /** Who has the operator's token is a user like any other, made when it is first used. */
  #registerOperator(tokenHash: Uint8Array): User {
    const { table } = this.#parts;
    // The name may be somebody else's; or another front was quicker, and it is ours.
    for (const name of ['operator', `operator-${randomBytes(4).toString('hex')}`]) {
      if (table.userByName(name) === undefined) table.addUser({ name, tokenHash });
      const user = table.userByToken(tokenHash);
      if (user !== undefined) return user;
    }
    throw new TypeError('the operator vanished');
  }

  /** What whoever registers must know from now on. */
  setInvite(invite: string | undefined): void {
    this.#invite = invite;
  }

  async local(uid: number): Promise<User> {
    const { table, savers } = this.#parts;
    const name = localUserName(uid);
    if (table.userByName(name) === undefined) {
      try {
        table.addUser({ name, tokenHash: hashOf(newToken()) });
      } catch (error) {
        // Another front was quicker: then it is the same user.
        if (!(error instanceof TurnoError && error.code === 'TURNO_USER_EXISTS')) throw error;
      }
      await savers.commit(table.position);
    }
    const user = table.userByName(name);
    if (user === undefined) throw new TypeError(`${name} is gone`);
    return user;
  }

  /** @throws TURNO_NOT_FOUND, also for a submission of another user: its existence is nobody else's business. */
  async show(user: User, id: string): Promise<SubmissionReply> {
    const reply = this.#reply(this.#rowOf(user, id));
    if (reply.state === 'done') await this.#durable();
    return reply;
  }

  progress(user: User, id: string, after: string | undefined): ProgressReply {
    if (this.#isRefusing) throw new TurnoError('TURNO_STOPPING'); // nobody waits for what the next server will do
    return progressOf(this.#read(this.#rowOf(user, id)), this.#parts.store.progress(id, cursorOf(after)), after);
  }

  async list(user: User, { after, limit }: { after?: string; limit: number }): Promise<SubmissionSummary[]> {
    const before = after === undefined ? undefined : this.#read(this.#rowOf(user, after)).arrival;
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
    this.#rowOf(user, id);
    const request = this.#parts.store.loadRequest(id);
    if (request === undefined) throw new TurnoError('TURNO_NOT_FOUND', { what: 'source of submission', id });
    return request.files;
  }

  async executable(user: User, id: string): Promise<{ name: string; content: Buffer }> {
    const { executable } = this.#read(this.#rowOf(user, id));
    if (executable === null) throw new TurnoError('TURNO_NOT_FOUND', { what: 'executable of submission', id });
    return { name: 'program', content: await this.#parts.store.readExecutable(executable) };
  }

  turns(user: User): TurnsReply {
    return turnsFor(user.index, this.#parts.processTable, this.#parts.table, this.#parts.turns);
  }

  languages(): readonly LanguageInfo[] {
    return this.#parts.languages;
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

  #rowOf(user: User, id: string): RowIndex {
    const row = /^[0-9a-f]{32}$/.test(id) ? this.#parts.table.rowOf(Buffer.from(id, 'hex')) : undefined;
    if (row === undefined || (this.#read(row).user !== user.index && !user.isOperator)) {
      throw new TurnoError('TURNO_NOT_FOUND', { what: 'submission', id });
    }
    return row;
  }

  #reply(row: RowIndex): SubmissionReply {
    const found = this.#read(row);
    return replyOf(found, this.#nameOf(found.user), this.#response(found), this.#waitOf(found));
  }

  #nameOf(user: number): string {
    return this.#parts.table.user(user)?.name ?? '';
  }

  /** Undefined while it is not done. */
  #response({ row, state }: Row): StoredResponse | undefined {
    const { table, store } = this.#parts;
    const response = state === 'done' ? table.response(row) : undefined;
    const bytes = response instanceof Uint8Array ? response : response && store.readResponse(response.file);
    return bytes && decodeResponse(bytes);
  }

  #scores(store: ProblemStore): Scores {
    const { table } = this.#parts;
    const row = (id: string) => {
      const index = table.rowOf(Buffer.from(id, 'hex'));
      const found = index === undefined ? undefined : table.read(index);
      return found?.state === 'done' ? found : undefined;
    };
    return new Scores({
      store,
      row,
      response: (found) => this.#response(found),
      userName: (user) => this.#nameOf(user),
    });
  }

  #waitOf({ row, user, state }: Row): Wait {
    if (state === 'done') return NO_WAIT;
    const { runners, processTable, turns } = this.#parts;
    const position = runners.before(row, user);
    if (position === undefined) return waitForLane(processTable, row, turns);
    return { position, turnsHad: 0, expectedWaitMs: roundedMs(runners.expectedWaitNs(position)) };
  }

  #read(row: RowIndex): Row {
    const found = this.#parts.table.read(row);
    if (found === undefined || found.state === 'archived')
      throw new TurnoError('TURNO_NOT_FOUND', { what: 'row', id: row });
    return found;
  }
}

function isStopping(reason: unknown): boolean {
  return reason instanceof TurnoError && reason.code === 'TURNO_STOPPING';
}
