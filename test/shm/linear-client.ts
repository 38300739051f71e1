/** Clients of linear.test.ts: a process starts four threads, each changes and reads the same rows at the same time. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { armFaultPoints } from '../../src/shm/fault-points.js';
import { Condition, Lock, SharedArray, Space } from '../../src/shm/index.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { rowIndex } from '../../src/units.js';
import type { Operation } from './linearizable.js';

export const THREADS = 4;
const OPERATIONS = 5;

export interface Plan {
  readonly table: string;
  readonly space: string;
  readonly rows: number;
  readonly clients: number;
  readonly seed: number;
  /** Number of the process. */
  readonly process: number;
}

/** All clients begin each row together, or they would seldom meet. */
function barrier(space: Space, clients: number): () => void {
  const lock = new Lock(space, 'barrier');
  const condition = new Condition(lock, 'all');
  const [ARRIVED, ROUND] = [0, 1];
  const numbers = new SharedArray(space, 'arrived', 'i32', 2).values;
  return () => {
    lock.with(() => {
      const round = numbers[ROUND] ?? 0;
      numbers[ARRIVED] = (numbers[ARRIVED] ?? 0) + 1;
      if (numbers[ARRIVED] === clients) {
        numbers[ARRIVED] = 0;
        numbers[ROUND] = round + 1;
        condition.notifyAll();
      } else condition.waitFor(() => numbers[ROUND] !== round);
    });
  };
}

function play(table: Table, space: Space, plan: Plan, client: number): Operation[] {
  let state = plan.seed * 31 + client * 7_919;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  // With few cores a change would nearly always be over before the next begins: so now and then one stands in the middle.
  const nap = new Int32Array(new SharedArrayBuffer(4));
  armFaultPoints((point) => {
    if (point.startsWith('table') && random(6) === 0) Atomics.wait(nap, 0, 0, 0.2);
  });
  const meet = barrier(space, plan.clients);
  const operations: Operation[] = [];
  for (let row = 0; row < plan.rows; row++) {
    meet();
    for (let n = 0; n < OPERATIONS; n++) {
      const dice = random(20);
      const value = client * 100_000 + row * 10 + n + 1; // nobody else writes this one
      const from = Number(process.hrtime.bigint());
      const result = dice < 9 ? put(table, row, value) : dice < 19 ? get(table, row) : remove(table, row);
      operations.push({ row, from, to: Number(process.hrtime.bigint()), client, ...result });
    }
  }
  return operations;
}

type Result = Pick<Operation, 'kind' | 'value' | 'isTaken'>;

function put(table: Table, row: number, value: number): Result {
  const times = { exitCode: 0, signal: null, cpuNs: value, wallNs: value, waitedNs: value, memoryBytes: value };
  const response = Buffer.alloc(200, `${value};`);
  return { kind: 'put', value, isTaken: table.record(rowIndex(row), { verdict: 1, ...times, response }) };
}

/** The last value, whether the row is done or not; every field of it has to say the same. */
function get(table: Table, row: number): Result {
  const found = table.read(rowIndex(row));
  if (found === undefined) throw new Error(`row ${row} is gone`);
  const { cpuNs, wallNs, waitedNs, state } = found;
  if (wallNs !== cpuNs || waitedNs !== cpuNs || found.memoryBytes - cpuNs !== 0)
    throw new Error(`row ${row} is a mixture`);
  return { kind: 'get', value: cpuNs, isTaken: state === 'done' };
}

/** After this nothing is written any more. */
function remove(table: Table, row: number): Result {
  return { kind: 'remove', value: 0, isTaken: table.settle(rowIndex(row)) };
}

const SELF = fileURLToPath(import.meta.url);

/** Starts a process of clients; resolves with all their operations. */
export function startClients(plan: Plan): Promise<Operation[]> {
  const child = fork(SELF, ['linear-client', JSON.stringify(plan)], { stdio: 'inherit', serialization: 'advanced' });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Operation[]));
    child.once('exit', (code, signal) => reject(new Error(`clients ended: ${signal ?? code}`)));
  });
}

async function runThreads(plan: Plan): Promise<Operation[]> {
  const table = openTable({ path: plan.table, create: false });
  const space = Space.open(plan.space);
  const threads = Array.from({ length: THREADS }, (_, n) => {
    const client = plan.process * THREADS + n;
    const worker = new Worker(SELF, { workerData: { linear: plan, table: table.buffer, space: space.buffer, client } });
    return new Promise<Operation[]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  });
  return (await Promise.all(threads)).flat();
}

if (!isMainThread && workerData?.linear !== undefined) {
  const table = attachTable(workerData.table);
  const space = Space.attach(workerData.space);
  parentPort?.postMessage(play(table, space, workerData.linear, workerData.client));
  table.close();
  space.close();
} else if (process.argv[2] === 'linear-client') {
  process.send?.(await runThreads(JSON.parse(process.argv[3] ?? '') as Plan), () => process.disconnect());
}
