/** What load is made of, without a server: figures that add up, mixes in proportion, plans that are checked, latency from when a request was meant. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { type Client, Refusal } from '../../src/io/client.js';
import { Burst } from '../../src/stress/burst.js';
import { Figures } from '../../src/stress/figures.js';
import { checkPlan, Mix, readPlan } from '../../src/stress/plan.js';
import { plotOf } from '../../src/stress/plot.js';
import { mixOf } from '../../src/stress/programs.js';
import { reportOf, textOf } from '../../src/stress/report.js';

const PLAN = { server: 'http://127.0.0.1:1', mix: [{ name: 'ping', weight: 1 }] };

/** A client whose empty requests do what the test says. */
function answering(ping: () => Promise<void>): Client {
  return { ping } as unknown as Client;
}

t.test('items of a mix come in the proportion of their weights, evenly', async (t) => {
  const mix = new Mix([
    { name: 'a', weight: 3 },
    { name: 'b', weight: 1 },
  ]);
  const names = Array.from({ length: 8 }, () => mix.next().name).join('');
  t.equal(names, 'aabaaaba');
});

t.test('a mix names known programs, files and weights, and what is neither is refused', async (t) => {
  const bodyOf = async (name: string) => (name === 'x.py' ? { language: 'python', source: '' } : undefined);
  t.match(await mixOf('hello-c=8,ping,x.py=0.5', bodyOf), [
    { name: 'hello-c', weight: 8, body: { language: 'c' } },
    { name: 'ping', weight: 1, body: undefined },
    { name: 'x.py', weight: 0.5, body: { language: 'python' } },
  ]);
  await t.rejects(mixOf('helo-c', bodyOf), { code: 'TURNO_USAGE', message: /hello-c/ });
  await t.rejects(mixOf('ping=0', bodyOf), { code: 'TURNO_USAGE' });
  await t.rejects(mixOf('ping=x', bodyOf), { code: 'TURNO_USAGE' });
});

t.test('a plan is checked field by field', async (t) => {
  t.same(checkPlan(PLAN), PLAN);
  t.throws(() => checkPlan({ ...PLAN, rate: 1, concurrency: 1 }), { code: 'TURNO_BAD_REQUEST' });
  t.throws(() => checkPlan({ ...PLAN, rate: -1 }), { code: 'TURNO_BAD_REQUEST', details: { field: 'rate' } });
  t.throws(() => checkPlan({ ...PLAN, rate: -1 }), {
    message: /rate: expected a number above 0, of at most 1000000, got -1/,
  });
  t.throws(() => checkPlan({ ...PLAN, mix: [] }), { code: 'TURNO_BAD_REQUEST', details: { field: 'mix' } });
  t.throws(() => checkPlan({ ...PLAN, ratte: 1 }), { code: 'TURNO_BAD_REQUEST', details: { field: 'ratte' } });
  const path = join(t.testdir(), 'plan.json');
  t.throws(() => readPlan(path), { code: 'TURNO_USAGE', message: /ENOENT/ });
  writeFileSync(path, '{');
  t.throws(() => readPlan(path), { code: 'TURNO_USAGE' });
  writeFileSync(path, JSON.stringify(PLAN));
  t.same(readPlan(path), PLAN);
});

t.test(
  'everything sent is answered, refused, failed, given up or under way, also added up from processes',
  async (t) => {
    const one = new Figures();
    for (let i = 0; i < 6; i++) one.begin();
    one.answer('AC', 10, 0);
    one.answer('AC', 20, 2);
    one.fail(new Refusal('TURNO_TOO_MANY', 'too many'));
    one.fail(Object.assign(new Error('gone'), { code: 'TURNO_UNREACHABLE' }));
    t.equal(one.underway, 2);
    t.equal(one.unaccounted, 0);
    const both = new Figures();
    both.add(one.message());
    both.add(JSON.parse(JSON.stringify(one.message())));
    t.same([both.sent, both.underway, both.unaccounted], [12, 4, 0]);
    t.same(both.answered, { AC: 4 });
    t.same([both.refused, both.errors], [{ TURNO_TOO_MANY: 2 }, { TURNO_UNREACHABLE: 2 }]);
    t.same(both.seconds, [2, 0, 2]);
    both.giveUp();
    const report = reportOf(both, 2);
    t.match(report, { sent: 12, unanswered: 4, unaccounted: 0, throughput: 2 });
    t.ok(Math.abs((report.latencyMs.p50 ?? 0) - 10) < 0.1 && Math.abs((report.latencyMs.max ?? 0) - 20) < 0.1);
    t.match(textOf(report), /refused +2 \(TURNO_TOO_MANY 2\)/);
    t.match(textOf(reportOf(both, 2, 3)), /UNACCOUNTED 3/);
    t.match(plotOf(report, both.latency, 'a < b'), /^<svg .*a &lt; b.*<polyline.*<rect.*<\/svg>\n$/s);
    t.match(plotOf(reportOf(new Figures(), 0), new Figures().latency, ''), /<svg/, 'nothing to plot');
  },
);

t.test(
  'an open loop sends on while the server stands still, and their latency counts from when they were meant',
  async (t) => {
    let letGo: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const figures = new Figures();
    const plan = checkPlan({ ...PLAN, rate: 200, requests: 20 });
    const burst = new Burst(
      answering(() => stopped),
      plan,
      figures,
    );
    while (figures.sent < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    t.equal(figures.underway, 20, 'none waits for an answer');
    letGo();
    await burst.ended;
    t.same(figures.answered, { ok: 20 });
    // Twenty at 200 a second are meant over 95 ms: the first waited at least so long.
    t.ok(figures.latency.maxValue >= 90_000, `${figures.latency.maxValue} us`);
  },
);

t.test('an open loop that is held up itself sends what is due at once, late by what it was held up', async (t) => {
  const figures = new Figures();
  const burst = new Burst(
    answering(async () => undefined),
    checkPlan({ ...PLAN, rate: 1_000, requests: 100 }),
    figures,
  );
  const endMs = performance.now() + 100;
  while (performance.now() < endMs); // this event loop stands still
  await burst.ended;
  t.equal(figures.sent, 100);
  t.ok(figures.latency.getValueAtPercentile(10) > 5_000, 'those that were due long before are late');
});

t.test('an open loop whose timers fire early takes nothing off a latency', async (t) => {
  const figures = new Figures();
  const ping = async () => {
    const endMs = performance.now() + 0.9;
    while (performance.now() < endMs); // whatever is told of it, a request took so long
  };
  await new Burst(answering(ping), checkPlan({ ...PLAN, rate: 300, requests: 30 }), figures).ended;
  t.equal(figures.sent, 30);
  t.ok(figures.latency.minNonZeroValue >= 890, `${figures.latency.minNonZeroValue} us`);
});

t.test('a closed loop never has more under way than it may', async (t) => {
  let underway = 0;
  let most = 0;
  const ping = async () => {
    most = Math.max(most, ++underway);
    await new Promise((resolve) => setImmediate(resolve));
    underway--;
  };
  const figures = new Figures();
  await new Burst(answering(ping), checkPlan({ ...PLAN, concurrency: 3, requests: 50 }), figures).ended;
  t.same([most, figures.sent, figures.underway], [3, 50, 0]);
});

t.test('what is not answered within the grace is counted as such', async (t) => {
  const figures = new Figures();
  const never = new Promise<void>(() => undefined);
  await new Burst(
    answering(() => never),
    checkPlan({ ...PLAN, requests: 1, durationS: 0.01, graceS: 0.01 }),
    figures,
  ).ended;
  figures.giveUp();
  t.same([figures.unanswered, figures.unaccounted], [1, 0]);
});

t.test('the plan of a help text is a plan', async (t) => {
  const help = readFileSync('src/cli/client.ts', 'utf8');
  const text = /\{"server".*?\n.*?\}\]\}/s.exec(help)?.[0] ?? '';
  t.match(checkPlan(JSON.parse(text)), { concurrency: 8 });
});
