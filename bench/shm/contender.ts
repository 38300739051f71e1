/**
 * One contender, one question, one process: prints operations a second. Started by table.ts; payloads, keys and their order
 * are made before the clock starts.
 *
 * A value has 256 bytes. A read looks a key up, checks the version and copies all 256 bytes to the caller. A durable update is
 * acknowledged after a sync, with at most 64 outstanding.
 */

import { fork } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { native } from '../../src/shm/native.js';
import { RowImage } from '../../src/shm/row-image.js';
import { checkpoint } from '../../src/shm/snapshot.js';
import { attachTable, openTable, type Table } from '../../src/shm/table.js';
import { type RowIndex, rowIndex } from '../../src/units.js';

export interface Question {
  readonly contender: 'turno' | 'map' | 'lmdb' | 'sqlite' | 'fdatasync';
  readonly operation: 'read' | 'update' | 'durable';
  readonly skewed: boolean;
  /** Who works at once: the one process this is, and as many more threads or processes of it as make that number. */
  readonly workers: number;
  readonly kind: 'thread' | 'process';
  readonly keys: number;
  readonly milliseconds: number;
  readonly directory: string;
  /** Module path from which peers are found, when they are not installed here. */
  readonly peers: string;
}

const VALUE = Buffer.alloc(256, 'v');
/**
 * What updates write, by turns: their number is prime, so that a key gets another value each time. SQLite does not write, and
 * so does not sync, what is there already.
 */
const VALUES = Array.from({ length: 1_021 }, (_, number) => Buffer.alloc(256, `${number};`));
const valueAt = (n: number) => VALUES[n % VALUES.length] ?? VALUE;
const OUTSTANDING = 64;
const ORDER = 2 ** 17;

type Batch = (from: number) => void | Promise<void>;

/** Runs batches until the time is over; operations a second. */
async function measure(batch: Batch, size: number, milliseconds: number): Promise<number> {
  for (let n = 0; n < 20; n++) await batch(n * size); // the code is hot
  const begin = performance.now();
  let done = 0;
  while (performance.now() - begin < milliseconds) {
    const pending = batch(done);
    if (pending !== undefined) await pending;
    done += size;
  }
  return (done / (performance.now() - begin)) * 1_000;
}

function idOf(key: number): Uint8Array {
  const id = Buffer.alloc(16);
  for (let word = 0; word < 4; word++) id.writeUInt32LE(Math.imul(key * 4 + word + 1, 0x9e3779b1) >>> 0, word * 4);
  return new Uint8Array(id);
}

/** Key numbers in the order they are wanted: uniform, or a few far more often than the rest. */
function orderOf({ keys, skewed }: Question): Uint32Array {
  let state = 12_345;
  return Uint32Array.from({ length: ORDER }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const uniform = state / 2 ** 32;
    return Math.floor((skewed ? uniform ** 4 : uniform) * keys);
  });
}

/**
 * The keys, in the order they are wanted, each made for its one use: so they lie one behind the other, and what is measured is
 * the store and not how long the bench takes to fetch a key from somewhere in its heap.
 */
function wanted<Key>(question: Question, make: (key: number) => Key): (n: number) => Key {
  const keys = Array.from(orderOf(question), (key) => make(key));
  return (n) => keys[n & (ORDER - 1)] as Key;
}

function turnoBatch(table: Table, question: Question): { batch: Batch; size: number } {
  const idAt = wanted(question, idOf);
  const image = new RowImage();
  const rowAt = (n: number): RowIndex => table.rowOf(idAt(n)) ?? rowIndex(0);
  const size = question.operation === 'durable' ? OUTSTANDING / question.workers : 1_024;
  const batches: Record<Question['operation'], Batch> = {
    read: (from) => {
      for (let n = from; n < from + size; n++) {
        // All words of the row, the 256 bytes of the value among them, verified and copied into the caller's own.
        table.readById(idAt(n), image.words);
        if (image.inlineBytes !== VALUE.length) throw new Error('wrong length');
      }
    },
    update: (from) => {
      for (let n = from; n < from + size; n++) table.setResponse(rowAt(n), valueAt(n));
    },
    durable: (from) => {
      for (let n = from; n < from + size; n++) table.setResponse(rowAt(n), valueAt(n));
      table.commit();
    },
  };
  return { batch: batches[question.operation], size };
}

interface Colleague {
  readonly ready: Promise<unknown>;
  /** Begins to work; operations a second. */
  start(): Promise<number>;
}

function startColleague(question: Question, table: Table): Colleague {
  const isThread = question.kind === 'thread';
  const port = isThread
    ? new Worker(new URL(import.meta.url), { workerData: { question, buffer: table.buffer } })
    : fork(fileURLToPath(import.meta.url), [JSON.stringify({ colleague: question, path: table.path })]);
  const message = () => new Promise<unknown>((resolve) => port.once('message', resolve));
  return {
    ready: message(),
    start: async () => {
      const result = message();
      if (port instanceof Worker) port.postMessage('go');
      else port.send('go');
      return Number(await result);
    },
  };
}

/** The other side: says that it is ready, waits for the word, works, and says how fast. */
function beColleague(question: Question, table: Table, port: NodeJS.Process | MessagePort): void {
  const { batch, size } = turnoBatch(table, question);
  const send = (message: unknown) =>
    port === process ? process.send?.(message) : (port as MessagePort).postMessage(message);
  port.once('message', async () => {
    send(await measure(batch, size, question.milliseconds));
    table.close();
    if (port === process) process.disconnect();
  });
  send('ready');
}

async function turno(question: Question): Promise<number> {
  const durability = question.operation === 'durable' ? 'power' : 'none';
  const path = join(question.directory, 'table.turno');
  const table = openTable({ path, create: true, durability, maxRows: 2 ** 20 });
  const user = table.addUser({ name: 'bench', tokenHash: new Uint8Array(32) });
  for (let key = 0; key < question.keys; key++) {
    const { row } = table.accept({ id: idOf(key), user, language: 'c', sentAtMs: 0 });
    table.setResponse(row, VALUE);
  }
  table.commit();
  if (durability === 'power') age(table, question.keys);
  const workers = Array.from({ length: question.workers - 1 }, () => startColleague(question, table));
  await Promise.all(workers.map(({ ready }) => ready));
  // The care thread of a server writes a segment ahead of time when there is no old one; here a thread does.
  const keeper =
    durability === 'power' ? new Worker(new URL(import.meta.url), { workerData: { keeps: table.buffer } }) : null;
  const others = workers.map(({ start }) => start());
  const { batch, size } = turnoBatch(table, question);
  const own = await measure(batch, size, question.milliseconds);
  const all = await Promise.all(others);
  await keeper?.terminate();
  table.close();
  return all.reduce((sum, one) => sum + one, own);
}

/** As a table is after a while: with segments no longer needed, which are written again, and pages changed since the last sync. */
function age(table: Table, keys: number): void {
  const changeAll = (n: number) => {
    for (let key = 0; key < keys; key++) table.setResponse(rowIndex(key), valueAt(key + n));
    table.commit();
  };
  for (let n = 0; n < 3; n++) changeAll(n);
  checkpoint(table, 1);
  changeAll(3);
}

async function map(question: Question): Promise<number> {
  const nameOf = (key: number) => Buffer.from(idOf(key)).toString('hex');
  const rows = new Map(Array.from({ length: question.keys }, (_, key) => [nameOf(key), { value: Buffer.from(VALUE) }]));
  const keyAt = wanted(question, nameOf);
  const size = 1_024;
  let sum = 0;
  const get: Batch = (from) => {
    for (let n = from; n < from + size; n++) {
      sum += rows.get(keyAt(n))?.value.length ?? 0;
    }
  };
  const set: Batch = (from) => {
    for (let n = from; n < from + size; n++) rows.set(keyAt(n), { value: valueAt(n) });
  };
  const rate = await measure(question.operation === 'read' ? get : set, size, question.milliseconds);
  return sum < 0 ? 0 : rate;
}

/** What a disk gives at best: 64 records of the journal's size in one write and one fdatasync, into written blocks. */
async function fdatasync({ directory, milliseconds }: Question): Promise<number> {
  const fd = openSync(join(directory, 'bare'), 'w+');
  const bytes = Buffer.alloc(OUTSTANDING * 512);
  const length = 16 * 1_048_576;
  for (let at = 0; at < length; at += bytes.length) writeSync(fd, bytes, 0, bytes.length, at);
  native.writeDurably(fd, bytes, undefined, 0, true);
  let at = 0;
  const rate = await measure(
    () => {
      native.writeDurably(fd, bytes, undefined, at, true);
      at = (at + bytes.length) % length;
    },
    OUTSTANDING,
    milliseconds,
  );
  closeSync(fd);
  return rate;
}

// biome-ignore lint/suspicious/noExplicitAny: peers are not dependencies of the build, so there are no types of theirs
function peer(question: Question, name: string): any {
  try {
    return createRequire(question.peers)(name);
  } catch {
    return undefined; // not installed: table.ts says so
  }
}

async function lmdb(question: Question): Promise<number> {
  const module = peer(question, 'lmdb');
  if (module === undefined) return Number.NaN;
  const database = module.open({ path: join(question.directory, 'lmdb'), encoding: 'binary', keyEncoding: 'binary' });
  const keys = Array.from({ length: question.keys }, (_, key) => Buffer.from(idOf(key)));
  for (const key of keys) database.put(key, VALUE);
  await database.flushed;
  const keyAt = wanted(question, (key) => Buffer.from(idOf(key)));
  const size = question.operation === 'durable' ? OUTSTANDING : 1_024;
  const batches: Record<Question['operation'], Batch> = {
    read: (from) => {
      for (let n = from; n < from + size; n++) {
        if (database.getBinary(keyAt(n)).length !== VALUE.length) throw new Error('wrong length');
      }
    },
    update: async (from) => {
      const pending: Promise<unknown>[] = [];
      for (let n = from; n < from + size; n++) pending.push(database.put(keyAt(n), valueAt(n)));
      await Promise.all(pending); // committed, visible to all; not synced yet
    },
    durable: async (from) => {
      for (let n = from; n < from + size; n++) database.put(keyAt(n), valueAt(n));
      await database.flushed;
    },
  };
  const rate = await measure(batches[question.operation], size, question.milliseconds);
  await database.close();
  return rate;
}

async function sqlite(question: Question): Promise<number> {
  const Database = peer(question, 'better-sqlite3');
  if (Database === undefined) return Number.NaN;
  const database = new Database(join(question.directory, 'sqlite'));
  database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${question.operation === 'durable' ? 'FULL' : 'OFF'}`);
  database.exec('CREATE TABLE rows (id BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID');
  const keys = Array.from({ length: question.keys }, (_, key) => Buffer.from(idOf(key)));
  const put = database.prepare('INSERT OR REPLACE INTO rows VALUES (?, ?)');
  const get = database.prepare('SELECT value FROM rows WHERE id = ?').pluck();
  database.transaction(() => {
    for (const key of keys) put.run(key, VALUE);
  })();
  const keyAt = wanted(question, (key) => Buffer.from(idOf(key)));
  const size = question.operation === 'read' ? 1_024 : OUTSTANDING;
  const updates = database.transaction((from: number) => {
    for (let n = from; n < from + size; n++) put.run(keyAt(n), valueAt(n));
  });
  const reads: Batch = (from) => {
    for (let n = from; n < from + size; n++)
      if (get.get(keyAt(n)).length !== VALUE.length) throw new Error('wrong length');
  };
  const batch: Batch = question.operation === 'read' ? reads : (from) => updates(from);
  const rate = await measure(batch, size, question.milliseconds);
  database.close();
  return rate;
}

const CONTENDERS = { turno, map, lmdb, sqlite, fdatasync } as const;

const argument = process.argv[2]?.startsWith('{') ? JSON.parse(process.argv[2]) : undefined;
if (!isMainThread && workerData?.question !== undefined && parentPort !== null) {
  beColleague(workerData.question, attachTable(workerData.buffer), parentPort);
} else if (!isMainThread && workerData?.keeps !== undefined) {
  const { journal } = attachTable(workerData.keeps);
  journal.prepareSpare();
  setInterval(() => journal.prepareSpare(), 20);
} else if (argument?.colleague !== undefined) {
  beColleague(argument.colleague, openTable({ path: argument.path, create: false }), process);
} else if (argument !== undefined) {
  const question = argument as Question;
  console.log(await CONTENDERS[question.contender](question));
}
