/**
 * What does the way to the server and back cost? An empty request (ping) and a cached C hello over every way in, by the
 * client of the library; and 1,000 connections against one that carries as much.
 *
 * A server for each way, all running; a round goes through all ways, so that a slow minute of the machine hits each. The
 * ratio is made round by round, against HTTP. Another way in is a line in WAYS.
 */

import type { Client } from '../../src/io/client.js';
import { connect } from '../../src/io/connect.js';
import { inWords, quantile, type Spread, spread } from '../statistics.js';
import { BenchServer } from '../turns/bench-server.js';

interface Way {
  readonly name: string;
  /** What the server is started with. @param directory one of its own */
  readonly flags: (directory: string) => readonly string[];
  /** How the address of it begins, in the start-up line. */
  readonly scheme: string;
  /** Whether one connection carries many requests, and a thousand connections may be open. */
  readonly isShared: boolean;
}

const tcp = (mode: string) => () => ['--tcp-port', '0', '--socket-mode', mode];
const WAYS: readonly Way[] = [
  { name: 'HTTP', flags: () => [], scheme: 'http:', isShared: false },
  { name: 'TCP, one', flags: tcp('one'), scheme: 'tcp:', isShared: false },
  { name: 'TCP, many', flags: tcp('many'), scheme: 'tcp:', isShared: true },
  { name: 'TCP, pool', flags: tcp('pool'), scheme: 'tcp:', isShared: true },
  { name: 'Unix, many', flags: (directory) => ['--socket', `${directory}/s`], scheme: 'unix:', isShared: true },
  { name: 'signals', flags: () => ['--signals', 'on'], scheme: 'signal:', isShared: true },
];

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const HELLO = { language: 'c', source: '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' };
const CONNECTIONS = 1_000;

interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What is measured of each way, in this order. */
const MEASURES: readonly (readonly [name: string, (place: Place) => Promise<Figures> | undefined])[] = [
  ['ping, one at a time', ({ client }) => measure(500, 1, () => client.ping())],
  ['ping, 64 in flight', ({ client }) => measure(5_000, 64, () => client.ping())],
  ['hello, 16 in flight', ({ client }) => measure(300, 16, () => hello(client))],
  [
    'ping, 1,000 in flight on one connection',
    ({ way, client }) => (way.isShared ? measure(10_000, CONNECTIONS, () => client.ping()) : undefined),
  ],
  [
    'ping, 1,000 connections, one in flight on each',
    (place) => (place.way.isShared ? manyConnections(place) : undefined),
  ],
];

interface Place {
  readonly way: Way;
  readonly server: BenchServer;
  readonly address: string;
  readonly client: Client;
}

export async function benchWays(): Promise<string[][]> {
  const places: Place[] = [];
  try {
    for (const way of WAYS) places.push(await start(way));
    const figures = new Map<string, Figures[]>();
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, run] of MEASURES) {
        for (const place of places) {
          const found = await run(place);
          // The first round only warms up: code is compiled, cells are made.
          if (found === undefined || round === 0) continue;
          const key = keyOf(place.way, name);
          figures.set(key, [...(figures.get(key) ?? []), found]);
        }
      }
    }
    return MEASURES.flatMap(([name]) => WAYS.flatMap((way) => rows(way, name, figures)));
  } finally {
    for (const { client, server } of places) {
      await client.close();
      await server.stop();
    }
  }
}

async function start(way: Way): Promise<Place> {
  const server = await BenchServer.start(way.flags);
  const address = server.startLine.split('; ').find((part) => part.replace('turno: ', '').startsWith(way.scheme));
  if (address === undefined) throw new Error(`${way.name}: no ${way.scheme} address`);
  const place = address.replace('turno: ', '');
  const client = await connect(place, { token: await server.register('bench') });
  await hello(client);
  return { way, server, address: place, client };
}

async function hello(client: Client): Promise<void> {
  const { verdict, stdout } = await client.submit(HELLO, { wait: true });
  if (verdict !== 'AC' || stdout !== 'hello\n') throw new Error(`hello is ${verdict}`);
}

async function manyConnections({ address }: Place): Promise<Figures> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(address)));
  await Promise.all(clients.map((client) => client.ping()));
  let next = 0;
  const found = await measure(10_000, CONNECTIONS, () => (clients[next++ % CONNECTIONS] as Client).ping());
  await Promise.all(clients.map((client) => client.close()));
  return found;
}

/** Calls `act` so many times, so many at once. */
async function measure(total: number, atOnce: number, act: () => Promise<void>): Promise<Figures> {
  const latenciesMs: number[] = [];
  let left = total;
  const startMs = performance.now();
  const work = async () => {
    while (left-- > 0) {
      const beganMs = performance.now();
      await act();
      latenciesMs.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const seconds = (performance.now() - startMs) / 1_000;
  latenciesMs.sort((a, b) => a - b);
  return { perSecond: total / seconds, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) };
}

function keyOf(way: Way, measureName: string): string {
  return `${measureName}: ${way.name}`;
}

function rows(way: Way, name: string, figures: ReadonlyMap<string, readonly Figures[]>): string[][] {
  const found = figures.get(keyOf(way, name));
  if (found === undefined) return [];
  const of = (key: keyof Figures): Spread => spread(found.map((one) => one[key]));
  const [http] = WAYS;
  const base = http && figures.get(keyOf(http, name));
  const ratio = base && spread(found.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? Number.NaN)));
  const latency = `p50 ${inWords(of('p50Ms'))} ms, p99 ${inWords(of('p99Ms'))} ms`;
  return [[keyOf(way, name), `${inWords(of('perSecond'), 0)} /s; ${latency}`, ratio ? inWords(ratio) : '']];
}
