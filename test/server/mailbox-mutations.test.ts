/**
 * Mutated mailbox slots at a running server: 50 in `make test`, `MUTATIONS=10000` (npm run test:mailbox) in full. Whatever
 * lies there, the front goes on, a good client beside it is served throughout, and no slot is lost.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Test, t } from 'tap';
import { listen } from '../../src/io/doorbell.js';
import { pidOf, SLOT_BYTES, SLOT_COUNT, State, stateOf, withState } from '../../src/io/mailbox-layout.js';
import { pack } from '../../src/io/pack.js';
import type { FiguresMessage } from '../../src/stress/figures.js';
import { RawMailbox } from '../io/raw-mailbox.js';
import { flatness } from '../soak/flat.js';
import { ownMemoryKib } from '../soak/samples.js';
import { startServer } from '../start-server.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const MUTATIONS = Number(process.env.MUTATIONS ?? 50);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** Beside them there must be room for slots that wait for the scan, and for the good client. */
const BATCH = 150;

/** mulberry32: the same numbers for the same seed. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

const GOOD = [
  { op: 'ping' },
  { op: 'health' },
  { op: 'list', query: { limit: 3 } },
  { op: 'submit', query: { wait: true }, body: { language: 'c', source: 'x', limits: { cpuTimeMs: 1 } } },
  { op: 'register', body: { name: 'x'.repeat(500) } },
];

const timeout = 300_000; // of the full run, on a busy machine
t.setTimeout(timeout);
t.test(`${MUTATIONS} mutated slots, SEED=${SEED}`, { timeout }, async (t) => {
  const server = await startServer(t, { args: ['--signals', 'on'] });
  listen(() => undefined); // a process without a handler is not answered
  const [raw] = RawMailbox.all(server.data);
  if (raw === undefined) throw new Error('no mailbox');
  const front = raw.box.front.pid;
  const good = await GoodClient.start(t, server.address('signal'));

  const random = randomNumbers(SEED);
  const looks: number[] = [];
  for (let done = 0; done < MUTATIONS; done += BATCH) {
    const before = await good.answered();
    const slots = Array.from({ length: BATCH }, () => mutate(raw, random));
    for (const { ring } of slots) raw.ring(ring);
    for (const { slot } of slots) {
      await raw.settled(slot);
      release(raw, slot);
    }
    while ((await good.answered()) === before);
    looks.push(ownMemoryKib(front));
  }
  const report = await good.end();
  const { refused, errors, unanswered } = report;
  t.strictSame({ refused, errors, unanswered }, { refused: {}, errors: {}, unanswered: 0 });
  t.comment(`${report.sent} good requests beside`);
  t.same(server.fronts, [front], 'the front lives');
  if (MUTATIONS >= 10_000) {
    // A short run is still warming up when it ends.
    const { before: warm, after: end, isFlat } = flatness(looks, 0.05, 0, 'least');
    t.comment(`memory of the front, least of the second and of the last third: ${warm} and ${end} KiB`);
    t.ok(isFlat, `memory grew from ${warm} to ${end} KiB`);
  }
  t.equal((await server.request('GET', '/v1/health')).body.rows, 0, 'nothing was submitted');
  const { scans } = raw.box;
  while (raw.box.scans < scans + 3) await new Promise((resolve) => setTimeout(resolve, 20));
  t.same([...raw.box.taken()], [], 'no slot is lost');
});

/** A client in a process of its own: pings one after the other, and says how many were answered. */
class GoodClient {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  static async start(t: Test, address: string): Promise<GoodClient> {
    const plan = join(t.testdir(), 'plan.json');
    writeFileSync(plan, JSON.stringify({ server: address, mix: [{ name: 'ping', weight: 1 }], durationS: 10_000 }));
    const child = spawn(process.execPath, [MAIN, 'client', plan, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    const good = new GoodClient(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await good.#next();
    child.kill('SIGUSR1');
    while ((await good.answered()) === 0);
    return good;
  }

  async answered(): Promise<number> {
    this.#child.kill('SIGUSR2');
    return (await this.#next()).answered.ok ?? 0;
  }

  async end(): Promise<FiguresMessage> {
    this.#child.kill('SIGTERM');
    return await this.#next();
  }

  async #next(): Promise<FiguresMessage> {
    for (;;) {
      const { value } = await this.#lines.next();
      const { event, figures } = JSON.parse(value) as { event: string; figures: FiguresMessage };
      if (event !== 'burst-end') return figures;
    }
  }
}

/** A slot that is more or less wrong, and which ring to send. */
function mutate(raw: RawMailbox, random: (below: number) => number): { slot: number; ring: number } {
  const { slot, word } = raw.claim();
  const request = GOOD[random(GOOD.length)];
  const bytes = Buffer.from(pack(random(4) === 0 ? request : { request }));
  const kind = random(6);
  let offset = 0;
  let state: number = State.posted;
  if (kind === 0) for (let n = 1 + random(8); n > 0; n--) bytes[random(bytes.length)] = random(256);
  if (kind === 1) offset = random(bytes.length + 1);
  const whole = kind === 2 ? Buffer.alloc(SLOT_BYTES * (1 + random(6_000)), random(256)) : bytes;
  raw.box.write(slot, word, { bytes: whole, offset, isError: random(2) === 1 }, State.claimed);
  const at = raw.at(slot);
  // What follows is not covered by the checksum any more.
  if (kind === 3) for (let n = 1 + random(8); n > 0; n--) raw.bytes[at + 4 + random(100)] = random(256);
  if (kind === 4) for (let i = 4; i < 64; i++) raw.bytes[at + i] = random(256);
  if (kind === 5) state = random(8);
  const owner = kind === 5 && random(2) === 0 ? random(2 ** 30) << 2 : word;
  Atomics.store(raw.words, at / 4, withState(owner, state as State));
  return { slot, ring: random(100) === 0 ? random(2 ** 31) : random(100) === 0 ? random(SLOT_COUNT) : slot };
}

/** What the front left to us, or to an owner that does not exist, whom its scan will find dead. */
function release(raw: RawMailbox, slot: number): void {
  const word = raw.box.word(slot);
  const isOurs = pidOf(word) === process.pid;
  if (isOurs && stateOf(word) !== State.taken) raw.box.free(slot, word);
}
