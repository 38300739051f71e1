/** A runner thread: the runner's parts put together. It is told to end by a shared word (runners.ts), never terminated. */

import { destination, pino } from 'pino';
import { Piscina } from 'piscina';
import { type CompileOutcome, Store } from '../io/store.js';
import { languageOf, mountsOf } from '../languages/registry.js';
import { ProblemStore } from '../problems/problem-store.js';
import { faultPoint } from '../shm/fault-points.js';
import { attachTable, isEnded } from '../shm/table.js';
import { type Answer, answer } from './answer.js';
import { UNSAFE_BACKEND } from './backend.js';
import { Cells } from './cells.js';
import { Executables, type IsDone } from './executables.js';
import type { Job, RunnerSetup, RunnerTask } from './messages.js';
import { ProcessTable } from './process-table.js';
import { recordOutcome } from './record.js';
import { Runner } from './runner.js';
import { Templates } from './templates.js';

const setup = Piscina.workerData as RunnerSetup;
const log = pino({ level: setup.logLevel, base: { pid: process.pid, part: 'runner' } }, destination(2));
const table = attachTable(setup.table);
const processTable = ProcessTable.attach(setup.processTable);
const store = new Store(setup.dataDirectory, setup.isDurable);
const languages = setup.languages.map((info) => languageOf(info));
const cells = new Cells(
  { ...setup, mounts: [...mountsOf(setup.languages), ...setup.mounts] },
  processTable,
  setup.maxCells,
);
const isDone: IsDone = (row) => isEnded(table.read(row));
const onCompiled = (path: string, { output }: CompileOutcome) => log.info({ path, output }, 'compiled');
const executables = new Executables(store, cells, onCompiled, isDone);
const templates = new Templates();
const runner = new Runner(
  store,
  new ProblemStore(setup.dataDirectory),
  cells,
  executables,
  templates,
  languages,
  () => processTable.laneCount,
  isDone,
);

retire().catch((error: unknown) => log.fatal(error, 'the cells could not be ended'));

export default function execute(task: RunnerTask): Promise<Answer<number>> {
  return answer('a runner', () => (task.kind === 'probe' ? probe() : judge(task)));
}

/** Gets one job executed: afterwards the result is in the row, unless it was cancelled: then that is the result. */
async function judge({ job, waitedNs }: RunnerTask & { kind: 'run' }): Promise<number> {
  faultPoint('runner.before-run');
  if (!table.start(job.row)) return 0;
  const outcome = await runner.run(job);
  const sandbox = setup.backend === UNSAFE_BACKEND ? { sandbox: 'none' as const } : {};
  const whole = { ...outcome, ...sandbox, ...aboutOf(job), waitedNs: outcome.waitedNs + waitedNs };
  if (!isDone(job.row)) recordOutcome(table, store, job.row, job.id, whole);
  return 0;
}

/** What a reply says of a submission besides its outcome. */
function aboutOf({ request: { problem, rejudgeOf } }: Job) {
  return { ...(problem ? { problem: problem.id } : {}), ...(rejudgeOf ? { rejudgeOf } : {}) };
}

/** Makes a cell, to see that one can be made. */
function probe(): Promise<number> {
  return cells.use(async ({ backend }) => backend);
}

/** Waits for the word, ends the cells, and says so. */
async function retire(): Promise<void> {
  await Atomics.waitAsync(setup.retirement, 0, 0).value;
  await cells.end();
  templates.close();
  table.close();
  Atomics.add(setup.retirement, 1, 1);
  Atomics.notify(setup.retirement, 1);
}
