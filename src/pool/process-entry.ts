/** What one slot of the process table says of its run, read whole. */

import type { SlotIndex } from '../units.js';
import { SLOT, SlotState } from './cell-layout.js';
import { inClaim, PRIORITY_MASK } from './claims.js';
import type { TurnsWords } from './turns-words.js';

const FIELDS = SLOT.fields;

/** What a list shows of one slot. */
export interface ProcessEntry {
  readonly slot: SlotIndex;
  readonly pid: number;
  readonly state: keyof typeof SlotState;
  readonly run: number;
  readonly owner: number;
  readonly user: number;
  readonly row: number;
  readonly priority: number;
  readonly lane: number | undefined;
  readonly level: number;
  readonly turns: number;
  readonly cpuNs: number;
  readonly serviceNs: number;
  readonly memoryBytes: number;
  readonly limitBytes: number;
  readonly waitingSinceNs: number;
  readonly laneSinceNs: number;
  readonly title: string;
}

/** What the order of turns follows from. */
export type Standing = Pick<
  ProcessEntry,
  'row' | 'user' | 'priority' | 'level' | 'turns' | 'waitingSinceNs' | 'laneSinceNs'
> & {
  readonly hasLane: boolean;
};

const NAMES = Object.keys(SlotState) as (keyof typeof SlotState)[];

export function entryOf(words: TurnsWords, slot: SlotIndex): ProcessEntry {
  const state = words.load(slot, FIELDS.STATE);
  return {
    slot,
    pid: words.load(slot, FIELDS.CELL_PID),
    state: NAMES.find((name) => SlotState[name] === (state & 7)) ?? 'free',
    run: state >>> 3,
    owner: words.load(slot, FIELDS.OWNER),
    user: words.load(slot, FIELDS.USER),
    row: words.load(slot, FIELDS.ROW),
    priority: words.load(slot, FIELDS.PRIORITY) & PRIORITY_MASK,
    lane: inClaim(words.load(slot, FIELDS.LANE)),
    level: words.load(slot, FIELDS.LEVEL),
    turns: words.load(slot, FIELDS.TURNS),
    cpuNs: words.loadLong(slot, FIELDS.CPU_NS),
    serviceNs: words.loadLong(slot, FIELDS.SERVICE_NS),
    memoryBytes: words.loadLong(slot, FIELDS.MEMORY_BYTES),
    limitBytes: words.loadLong(slot, FIELDS.LIMIT_BYTES),
    waitingSinceNs: words.loadLong(slot, FIELDS.WAITING_SINCE_NS),
    laneSinceNs: words.loadLong(slot, FIELDS.LANE_SINCE_NS),
    title: words.text(slot, FIELDS.TITLE),
  };
}

/** The same, only what says when its turn is: a fraction of the time, with a thousand programs. */
export function standingOf(words: TurnsWords, slot: SlotIndex): Standing {
  return {
    row: words.load(slot, FIELDS.ROW),
    hasLane: words.load(slot, FIELDS.LANE) !== 0,
    user: words.load(slot, FIELDS.USER),
    priority: words.load(slot, FIELDS.PRIORITY) & PRIORITY_MASK,
    level: words.load(slot, FIELDS.LEVEL),
    turns: words.load(slot, FIELDS.TURNS),
    waitingSinceNs: words.loadLong(slot, FIELDS.WAITING_SINCE_NS),
    laneSinceNs: words.loadLong(slot, FIELDS.LANE_SINCE_NS),
  };
}
