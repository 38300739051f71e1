/**
 * The verdict of an interactive test: a program and an interactor that talked with each other. Pure.
 *
 * Whoever ended first cannot have been made to by the other's end; that order is seen in the streams, which close with their
 * processes. From top to bottom, the first that holds:
 *
 *     both were seen to wait for each other             TLE, long before the limit
 *     the program wrote more than its output limit      OLE
 *     the interactor did                                SE
 *     the program waited, and the interactor hangs      SE: one that only waited, too, ends when the program has gone
 *     the program ended first, badly                    its own verdict: RE, TLE, MLE, whatever the interactor says of it
 *     ... or by itself, and the interactor broke on it  WA: it went before the interactor was done (SIGPIPE there)
 *     the interactor failed                             SE with its reason; also when it took too long
 *     the interactor says wrong                         WA; what becomes of the program then (SIGPIPE, say) does not matter
 *     the interactor says right                         the program's own verdict: it must end well, too
 *
 * Both waiting for each other is mostly seen at once (pool/deadlock.ts). Who owes the next word is known to nobody but them: it
 * is TLE, as it is where it cannot be seen and ends at the program's wall limit, and the reason says that it was waiting. (Other
 * judges have a verdict of its own for it, "idleness limit exceeded"; a jury's interactor is trusted to owe no word.)
 *
 * The program's wall time counts while it runs and while it sleeps, less the CPU time of the interactor: while that thinks
 * the program can only wait. Waiting for a lane counts for neither.
 */

import type { RunFacts } from './outcome.js';
import type { Judgement } from './validators.js';

const FOR = 'for an answer, or with its own words not flushed';

export interface Conversation {
  readonly program: RunFacts;
  readonly judgement: Judgement;
  readonly firstToEnd: 'program' | 'interactor';
  readonly flooded: 'program' | 'interactor' | undefined;
  /** The interactor died of writing to, or of reading from, a program that had gone. */
  readonly isBrokenPipe: boolean;
  /** The interactor was ended by a limit, though the program had gone: it hangs. */
  readonly isHanging: boolean;
  /** Both were seen asleep, each until the other says something: they were ended for it. */
  readonly isDeadlock: boolean;
  /** The program's CPU time is a small part of its wall time. */
  readonly wasWaiting: boolean;
  readonly outputKiB: number;
}

export function judgementOfConversation(conversation: Conversation): Judgement | undefined {
  const { program, judgement, firstToEnd, flooded, isBrokenPipe, isHanging, wasWaiting, outputKiB } = conversation;
  if (conversation.isDeadlock)
    return failure('TLE', `idle: the program and the interactor wait for each other, ${FOR}`);
  if (judgement.verdict === 'cancelled') return judgement; // both were, by their user
  if (flooded === 'program') {
    return failure('OLE', `more than ${outputKiB} KiB written to the interactor`);
  }
  if (flooded === 'interactor') return failure('SE', 'the interactor wrote more than its output limit');
  // It is ended here as soon as the interactor has said no: that is no verdict of its own.
  const isBad = program.verdict !== 'AC' && program.verdict !== 'cancelled';
  if (program.verdict === 'TLE' && wasWaiting && isHanging) return judgement;
  if (firstToEnd === 'program' && isBad) return failure(program.verdict, reasonOf(conversation));
  if (firstToEnd === 'program' && isBrokenPipe) return failure('WA', 'it ended before the interactor was done');
  if (judgement.verdict !== 'AC') return judgement;
  return isBad ? failure(program.verdict, reasonOf(conversation)) : judgement;
}

function reasonOf({ program, wasWaiting }: Conversation): string {
  if (program.verdict !== 'TLE' || !wasWaiting) return program.reason;
  return `${program.reason}, spent waiting: ${FOR}`;
}

function failure(verdict: Judgement['verdict'], reason: string): Judgement {
  return { verdict, reason, told: reason };
}
