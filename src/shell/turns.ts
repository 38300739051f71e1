/** What the shell needs of whoever gives its children their turns: processes of its own (turn-taker.ts) or cells (sandbox.ts). */

import type { ModeName } from '../pool/turns.js';
import type { End } from './child.js';

export const MAX_CHILDREN = 1_024;

export type ChildState = 'waiting' | 'running' | 'stopped';

export interface TurnTakerOptions {
  readonly lanes: number;
  readonly sliceNs: number;
  readonly mode: ModeName;
}

export interface ShellChild {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly cpuMs: number;
  /** Resolves when it has ended and was waited for. */
  readonly ended: Promise<End>;
  /** One that is stopped gets it when its turn comes. */
  signal(signal: NodeJS.Signals): void;
  /** Lets it run at the end of the shell, when there are no more turns. */
  proceed(): void;
}

export interface ShellTurns {
  /**
   * Starts a program, which waits for its first turn; `announce` gets it before it can have printed anything.
   * @throws TURNO_USAGE when there is no such program
   */
  start(name: string, args: readonly string[], announce: (child: ShellChild) => void): Promise<void>;
  state(child: ShellChild): ChildState;
  turns(child: ShellChild): number;
  /** The shell is about to end its children. */
  close(): void;
  /** All children have ended. */
  end(): Promise<void>;
}
