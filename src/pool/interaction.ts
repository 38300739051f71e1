/**
 * A program and its interactor, in two cells, joined by pipes with the runner between them.
 *
 *     program  stdout ---> relay, counts ---> stdin  interactor
 *              stdin  <--- relay, counts <--- stdout
 *
 * Both run on one lane (server/followers.ts). The verdict is judging/interaction.ts.
 */

import { TurnoError } from '../errors.js';
import { judgementOfConversation } from '../judging/interaction.js';
import type { RunFacts } from '../judging/outcome.js';
import type { TestCase } from '../judging/task.js';
import { type Judgement, NOT_BY_ITSELF, PROGRAM_GONE } from '../judging/validators.js';
import { KIB, MIB, NS_PER_S } from '../units.js';
import type { Cell, Run, RunResult } from './cell.js';
import { RunFlag } from './cell-layout.js';
import type { Cells } from './cells.js';
import { watchForDeadlock } from './deadlock.js';
import type { Job } from './messages.js';
import type { PreparedChecker, ProgramCheckers } from './program-checker.js';
import { Relay } from './relay.js';

const NO_INPUT = new Uint8Array();
const INTERACTOR_OUTPUT_BYTES = 16 * MIB;
/** The interactor's clock runs while the program waits for a core: it must never be the first to be ended for that. */
const INTERACTOR_PATIENCE_NS = 30 * NS_PER_S;

export interface Interaction {
  readonly facts: RunFacts;
  readonly judgement: Judgement | undefined;
}

export interface InteractionParts {
  readonly cells: Cells;
  readonly checkers: ProgramCheckers;
  readonly factsOf: (result: RunResult, limits: Run['limits']) => RunFacts;
}

/**
 * Runs both to their ends.
 * @param run the program, but for its streams
 * @throws TURNO_CELL when a cell broke twice, TURNO_STOPPING
 */
export async function interact(
  parts: InteractionParts,
  job: Job,
  prepared: PreparedChecker,
  test: TestCase,
  run: Omit<Run, 'stdin'>,
): Promise<Interaction> {
  const once = () =>
    parts.cells.usePair(run.posting, (first, second) => converse(parts, job, prepared, test, run, first, second));
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof TurnoError) || error.code !== 'TURNO_CELL') throw error;
    return once(); // as Cells.run does: nobody has seen anything of the first attempt
  }
}

async function converse(
  { checkers, factsOf }: InteractionParts,
  job: Job,
  prepared: PreparedChecker,
  test: TestCase,
  run: Omit<Run, 'stdin'>,
  programCell: Cell,
  interactorCell: Cell,
): Promise<Interaction> {
  const { outputBytes } = run.limits;
  const relay = new Relay(outputBytes, INTERACTOR_OUTPUT_BYTES);
  let program: Promise<RunResult> | undefined;
  let interactorCpuNs = 0;
  let isDeadlock = false;
  let stopWatching: () => void = () => undefined;
  try {
    const judgement = await checkers.judge(
      'interactor',
      job,
      prepared,
      test,
      { inFiles: [], bytes: 0 },
      async (run2) => {
        // A program that waits for its interactor must be allowed to, and the interactor for the program.
        const wallNs = run.limits.wallNs + run2.limits.cpuNs;
        const interactor = interactorCell.run({
          ...run2,
          flags: unpiped(run2.flags),
          stdin: NO_INPUT,
          streams: relay.interactor,
          posting: { ...run2.posting, leader: programCell.slot },
          limits: { ...run2.limits, wallNs: wallNs + INTERACTOR_PATIENCE_NS },
        });
        interactor.catch(() => programCell.cancel()); // told below; the other side must not wait for it
        program = programCell.run({
          ...run,
          flags: unpiped(run.flags),
          stdin: NO_INPUT,
          streams: relay.program,
          // The policy of turns knows nothing of the interactor: what that may use counts as the program's.
          posting: {
            ...run.posting,
            follower: interactorCell.slot,
            memoryLimitBytes: run.posting.memoryLimitBytes + run2.limits.memoryBytes,
          },
          // Its words go through no file: only the files it makes count.
          limits: { ...run.limits, wallNs, fileBytes: Math.max(run.limits.fileBytes, outputBytes + 1) },
        });
        program.catch(() => interactorCell.cancel());
        relay.start();
        relay.onFlood = () => programCell.cancel();
        const cells = [programCell, interactorCell];
        stopWatching = watchForDeadlock({ cells, progress: () => relay.passedBytes }, () => {
          isDeadlock = true;
          programCell.cancel();
          interactorCell.cancel();
        });
        const result = await interactor;
        interactorCpuNs = result.report.cpuNs;
        // With the interactor's word on it there is nothing to wait for, unless it says that all is well.
        if (result.report.exitCode !== 0) programCell.cancel();
        return result;
      },
    );
    if (judgement.verdict !== 'AC') programCell.cancel();
    if (program === undefined) throw new TypeError('an interaction without a program');
    const result = await program;
    const facts = withoutThinking(factsOf({ ...result, stdout: relay.words }, run.limits), interactorCpuNs);
    const decided = judgementOfConversation({
      program: facts,
      judgement,
      firstToEnd: relay.firstToEnd ?? 'program',
      flooded: relay.flooded,
      isBrokenPipe: PROGRAM_GONE.test(judgement.reason),
      isHanging: judgement.verdict === 'SE' && judgement.reason.includes(NOT_BY_ITSELF),
      wasWaiting: facts.cpuNs < facts.wallNs / 4,
      isDeadlock,
      outputKiB: outputBytes / KIB,
    });
    return { facts, judgement: decided };
  } finally {
    stopWatching();
    // Whatever failed: neither runs on when the cells go back.
    await Promise.allSettled([program]);
    relay.close();
  }
}

/** What goes through the relay is a pipe already, and counted there. */
function unpiped(flags: number): number {
  return flags & ~RunFlag.pipeOutput;
}

/** While the interactor thinks the program can only wait. */
function withoutThinking(facts: RunFacts, interactorCpuNs: number): RunFacts {
  return { ...facts, wallNs: Math.max(facts.cpuNs, facts.wallNs - interactorCpuNs) };
}
