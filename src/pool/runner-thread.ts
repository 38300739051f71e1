/** A runner thread: the runner's parts put together. It is told to end by a shared word (runners.ts), never terminated. */

import { destination, pino } from 'pino';
import { Piscina } from 'piscina';
import { unreachable } from '../errors.js';
import { type CompileOutcome, Store } from '../io/store.js';
import type { LanguageInfo } from '../languages/language.js';
import { languageOf, mountsOf } from '../languages/registry.js';
import { ProblemStore } from '../problems/problem-store.js';
import { faultPoint } from '../shm/fault-points.js';
import { attachTable, isEnded } from '../shm/table.js';
import { answer } from './answer.js';
import { UNSAFE_BACKEND } from './backend.js';
import { CellTickets, splitCells } from './cell-tickets.js';
import { Cells } from './cells.js';
import { Executables, type IsDone } from './executables.js';
import { holdLine, type LineTask } from './line.js';
import type { Job, RunEnd, RunnerAnswer, RunnerSetup, RunnerTask } from './messages.js';
import { takePrecedence } from './precedence.js';
import { ProcessTable } from './process-table.js';
import { finishWithOutcome, recordOutcome } from './record.js';
import { Runner } from './runner.js';
import { SavedMarks } from './saved-marks.js';
import { Templates } from './templates.js';

const setup = Piscina.workerData as RunnerSetup;
const refused = setup.isRealtime ? takePrecedence() : undefined;
const log = pino({ level: setup.logLevel, base: { pid: process.pid, part: 'runner' } }, destination(2));
if (refused) log.info({ refused }, 'no real-time priority: beside loops a short program waits longer (turno check)');
const table = attachTable(setup.table);
const processTable = ProcessTable.attach(setup.processTable);
const store = new Store(setup.dataDirectory, setup.isDurable);
const languages = setup.languages.map((info) => languageOf(info));
const tickets = new CellTickets(splitCells(setup.maxCells).more);
const cells = new Cells({ ...setup, mounts: mountsFor(setup.languages) }, processTable, setup.maxCells, tickets);
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

const marks = new SavedMarks(setup.savedMarks);
const retired = Atomics.waitAsync(setup.retirement, 0, 0).value;

export default async function execute({ port }: LineTask): Promise<void> {
  const held = holdLine(port, perform, makeDurable);
  await retired;
  try {
    await cells.end(); // what runs in them is answered: the server stops
  } catch (error) {
    log.fatal(error, 'the cells could not be ended');
  }
  await held;
  templates.close();
  table.close();
}

function perform(task: RunnerTask): Promise<RunnerAnswer> {
  return answer<RunEnd | number>('a runner', async () => {
    switch (task.kind) {
      case 'run':
        return judge(task);
      case 'probe':
        return cells.probe();
      case 'languages':
        return change(task.languages);
      default:
        return unreachable(task);
    }
  });
}

/**
 * Gets one job executed: afterwards the result is in the row, unless it was cancelled: then that is the result. When it is
 * saved by then the row is done with it, in one change.
 */
async function judge({ job: { packed, ...about }, waitedNs }: RunnerTask & { kind: 'run' }): Promise<RunEnd> {
  faultPoint('runner.before-run');
  const { row, id } = about;
  if (!table.start(row)) return 'recorded';
  const job = { ...about, request: store.unpack(packed) };
  const outcome = await runner.run(job);
  const sandbox = setup.backend === UNSAFE_BACKEND ? { sandbox: 'none' as const } : {};
  const whole = { ...outcome, ...sandbox, ...aboutOf(job), waitedNs: outcome.waitedNs + waitedNs };
  if (isDone(row)) return 'recorded';
  if (marks.has(row)) return finishWithOutcome(table, store, row, id, whole) ? 'finished' : 'recorded';
  recordOutcome(table, store, row, id, whole);
  return 'recorded';
}

/**
 * One sync for all that ended in one turn of the loop, here and not in a saver: the hop there and back costs more than the
 * sync. Cells and programs go on meanwhile, and who ends in this time shares the next one.
 */
function makeDurable(answers: RunnerAnswer[]): RunnerAnswer[] {
  const isFinished = (one: RunnerAnswer) => one.kind === 'done' && one.value === 'finished';
  if (!answers.some(isFinished)) return answers;
  try {
    table.commit();
  } catch {
    return answers; // the front has a saver try again, and tells what comes of it
  }
  return answers.map((one) => (isFinished(one) ? { kind: 'done', value: 'durable' } : one));
}

/** A language that is gone fails the jobs that are in it: they were accepted when it was there. */
function change(infos: readonly LanguageInfo[]): number {
  runner.setLanguages(infos.map((info) => languageOf(info)));
  cells.remount(mountsFor(infos));
  return 0;
}

function mountsFor(languages: readonly LanguageInfo[]): string[] {
  return [...mountsOf(languages), ...setup.mounts];
}

/** What a reply says of a submission besides its outcome. */
function aboutOf({ request: { problem, rejudgeOf } }: Job) {
  return { ...(problem ? { problem: problem.id } : {}), ...(rejudgeOf ? { rejudgeOf } : {}) };
}
