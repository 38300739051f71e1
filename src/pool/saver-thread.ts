/** A saver thread: writes requests to disk, and waits for the disk so that no event loop has to. */

import { Piscina } from 'piscina';
import { Store } from '../io/store.js';
import { type AddTask, addProblem } from '../problems/add-problem.js';
import { ProblemStore } from '../problems/problem-store.js';
import { faultPoint } from '../shm/fault-points.js';
import { attachTable } from '../shm/table.js';
import { type Answer, answer } from './answer.js';
import type { Job, SaverSetup, SaverTask } from './messages.js';

const { dataDirectory, table: buffer, isDurable } = Piscina.workerData as SaverSetup;
const table = attachTable(buffer);
const store = new Store(dataDirectory, isDurable);
const problems = new ProblemStore(dataDirectory);

export default async function execute(task: SaverTask): Promise<Answer<number>[]> {
  switch (task.kind) {
    case 'save':
      return saveAll(task.jobs);
    case 'add-problem':
      return [await answer('a problem', () => addNow(task.problem))];
    case 'commit':
      return [await answer('a saver', () => commit(task.position))];
    case 'make-room':
      return [await answer('a saver', makeRoom)];
  }
}

/** One that cannot be saved is no reason to refuse the others; a sync that fails is. */
async function saveAll(jobs: readonly Job[]): Promise<Answer<number>[]> {
  const saved = await Promise.all(jobs.map((job) => answer('a saver', () => save(job))));
  const committed = await answer('a saver', () => commit(table.position));
  return saved.map((one) => (one.kind === 'failed' ? one : committed));
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

/** @returns the journal position to be committed before anybody is told. */
function save({ row, id, request }: Job): number {
  faultPoint('saver.before-save');
  store.saveRequest(id, request);
  if (request.problem) problems.noteSubmission(request.problem.id, id, request.rejudgeOf);
  // The source goes into the journal with the row: one sync for both, and for all who wait.
  if (isDurable && !table.logSource(row, store.pack(request))) store.syncRequest(id, request);
  return table.position;
}

function commit(position: number): number {
  table.commit(position);
  return position;
}
