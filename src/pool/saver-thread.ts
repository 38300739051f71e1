/** A saver thread: writes requests to disk, and waits for the disk so that no event loop has to. */

import { Piscina } from 'piscina';
import { Store } from '../io/store.js';
import { type AddTask, addProblem } from '../problems/add-problem.js';
import { ProblemStore } from '../problems/problem-store.js';
import { faultPoint } from '../shm/fault-points.js';
import { attachTable } from '../shm/table.js';
import { type Answer, answer } from './answer.js';
import { holdLine, type LineTask } from './line.js';
import type { PackedJob, SaverSetup, SaverTask } from './messages.js';
import { SavedMarks } from './saved-marks.js';

/** What nobody waits for is durable after this, if no other sync has taken it along: mostly one has. */
const SYNC_LATER_MS = 20;

const { dataDirectory, table: buffer, isDurable, savedMarks } = Piscina.workerData as SaverSetup;
const table = attachTable(buffer);
const store = new Store(dataDirectory, isDurable);
const problems = new ProblemStore(dataDirectory);
const marks = new SavedMarks(savedMarks);
let syncingLater: NodeJS.Timeout | undefined;

export default async function execute({ port }: LineTask): Promise<void> {
  await holdLine(port, perform);
  clearTimeout(syncingLater);
}

async function perform(task: SaverTask): Promise<Answer<number>[]> {
  switch (task.kind) {
    case 'save':
      return saveAll(task.jobs, task.isAcknowledged);
    case 'add-problem':
      return [await answer('a problem', () => addNow(task.problem))];
    case 'commit':
      return [await answer('a saver', () => commit(task.position))];
    case 'make-room':
      return [await answer('a saver', makeRoom)];
  }
}

/** One that cannot be saved is no reason to refuse the others; a sync that fails is. */
async function saveAll(jobs: readonly PackedJob[], isAcknowledged: boolean): Promise<Answer<number>[]> {
  const saved = await Promise.all(jobs.map((job) => answer('a saver', () => save(job))));
  if (!isAcknowledged) {
    syncLater();
    return saved;
  }
  const committed = await answer('a saver', () => commit(table.position));
  return saved.map((one) => (one.kind === 'failed' ? one : committed));
}

/** Others may see a submission before its user is told of it: what they have seen is not to stay in doubt for long. */
function syncLater(): void {
  syncingLater ??= setTimeout(() => {
    syncingLater = undefined;
    // What fails here is told to whoever waits for the end of the submission, or it is well by then.
    void answer('a saver', () => commit(table.position));
  }, SYNC_LATER_MS);
}

function addNow(problem: AddTask): number {
  addProblem(problems, problem);
  return 0;
}

function makeRoom(): number {
  table.journal.checkAccepting(true);
  table.journal.commit(table.journal.tail, true);
  return table.journal.written;
}

/** @returns 0: nothing is durable by it. */
function save({ row, id, packed }: PackedJob): number {
  faultPoint('saver.before-save');
  const request = store.unpack(packed);
  store.saveRequest(id, request);
  if (request.problem) problems.noteSubmission(request.problem.id, id, request.rejudgeOf);
  // The source goes into the journal with the row: one sync for both, and for all who wait.
  if (isDurable && !table.logSource(row, packed)) store.syncRequest(id, request);
  marks.set(row);
  return 0;
}

function commit(position: number): number {
  table.commit(position);
  return position;
}
