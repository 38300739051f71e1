/**
 * Who waits for whom, as users see it: the programs alive, and the place of one submission among them.
 *
 *     fair queue of a front  -->  a cell, state `waiting`  -->  on a lane  <-->  `stopped`
 *     counted by Runners          counted here, over the process table of the whole server
 *
 * It is what is known at this moment, not what will be: whoever comes next may go first, as the policy (pool/turns.ts) says.
 */

import type { ProgramReply, TurnsReply } from '../io/reply-schema.js';
import type { ProcessEntry, ProcessTable, Standing } from '../pool/process-table.js';
import type { ModeName } from '../pool/turns.js';
import type { Table } from '../shm/table.js';
import { KIB, NS_PER_MS, type RowIndex, rowIndex } from '../units.js';
import { expectedWaitNs } from './expected-wait.js';
import { milliseconds } from './reply.js';

export interface Wait {
  readonly position: number | null;
  readonly turnsHad: number | null;
  /** expected-wait.ts; for what waits for a cell Runners.expectedWaitNs. */
  readonly expectedWaitMs: number | null;
}

/** Nobody waits for what is done. */
export const NO_WAIT: Wait = { position: null, turnsHad: null, expectedWaitMs: null };

/** The place of a submission among all programs that want a lane; null when it has one, or no cell yet. */
export function waitForLane(table: ProcessTable, row: RowIndex, mode: ModeName): Wait {
  const all = [...table.standings()];
  const own = all.filter((one) => one.row === row);
  const turnsHad = own.reduce((sum, { turns }) => sum + turns, 0);
  const first = own.sort(byTurn)[0];
  if (first === undefined || own.some(({ hasLane }) => hasLane)) {
    return { position: null, turnsHad, expectedWaitMs: null };
  }
  const others = all.filter((one) => one.row !== row && !one.hasLane && byTurn(one, first) < 0);
  const lanes = { count: table.laneCount, mode };
  const expectedWaitMs = roundedMs(expectedWaitNs(first, all, lanes, Number(process.hrtime.bigint())));
  return { position: others.length, turnsHad, expectedWaitMs };
}

/** What is only an estimate has no microseconds. */
export function roundedMs(ns: number | undefined): number | null {
  return ns === undefined ? null : Math.round(ns / NS_PER_MS);
}

/** About the order of the policy: priority, level, and within a level who came first. */
function byTurn(a: Standing, b: Standing): number {
  return a.priority - b.priority || a.level - b.level || a.waitingSinceNs - b.waitingSinceNs;
}

/** All programs alive, for a user: own ones in full, of others neither which submission nor what program; or for `everybody`. */
export function turnsFor(
  user: number | 'everybody',
  processTable: ProcessTable,
  table: Table,
  mode: ModeName,
): TurnsReply {
  const nowNs = Number(process.hrtime.bigint());
  const nowMs = Date.now();
  const entries = [...processTable.alive()].sort(
    (a, b) => (a.lane ?? Infinity) - (b.lane ?? Infinity) || byTurn(standingOf(a), standingOf(b)),
  );
  const standings = new Map(entries.map((entry) => [entry, standingOf(entry)]));
  const all = [...standings.values()];
  const lanes = { count: processTable.laneCount, mode };
  const programs = entries.flatMap((entry): ProgramReply[] => {
    // The row says whose it is: what a runner writes into the process table beside it is only for the policy.
    const row = table.read(rowIndex(entry.row));
    if (row === undefined) return [];
    const isOwn = user === 'everybody' || row.user === user;
    const stayNs = entry.state === 'running' && entry.lane !== undefined ? nowNs - entry.laneSinceNs : 0;
    return [
      {
        id: isOwn ? Buffer.from(row.id).toString('hex') : null,
        pid: entry.pid,
        user: table.user(row.user)?.name ?? '',
        program: isOwn ? entry.title : null,
        state: entry.state === 'running' || entry.state === 'stopped' ? entry.state : 'waiting',
        lane: entry.lane ?? null,
        priority: entry.priority,
        level: entry.level,
        turns: entry.turns,
        cpuTimeMs: milliseconds(entry.cpuNs),
        laneTimeMs: milliseconds(entry.serviceNs + Math.max(0, stayNs)),
        memoryKiB: Math.ceil(entry.memoryBytes / KIB),
        expectedWaitMs: roundedMs(expectedWaitNs(standings.get(entry) ?? standingOf(entry), all, lanes, nowNs)),
        waitingSince: new Date(nowMs - (nowNs - entry.waitingSinceNs) / NS_PER_MS).toISOString(),
      },
    ];
  });
  return { lanes: lanes.count, programs };
}

function standingOf(entry: ProcessEntry): Standing {
  return { ...entry, hasLane: entry.lane !== undefined };
}
