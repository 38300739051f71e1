/** The threads of a pool: who gets a task, and what becomes of those that a dying thread was asked. */

import { t } from 'tap';
import { Lines } from '../../src/pool/lines.js';
import type { MortalReply, MortalTask } from './mortal-thread.js';

const THREAD = new URL('./mortal-thread.js', import.meta.url);
const REMEMBERED = 'told to every thread';

/** Threads that were all told something, and those that come after them, too. */
function toldLines(threads: number): Lines<MortalTask, MortalReply> {
  const lines = new Lines<MortalTask, MortalReply>(THREAD, {}, threads, (line) => {
    line.ask({ remember: REMEMBERED }).catch(() => undefined); // what is asked next says so
  });
  lines.tellAll((line) => {
    line.ask({ remember: REMEMBERED }).catch(() => undefined);
  });
  return lines;
}

t.test('a task goes to the thread with the fewest', async (t) => {
  const lines = toldLines(2);
  const replies = await Promise.all(Array.from({ length: 6 }, () => lines.ask('who')));
  const threads = replies.map(({ thread }) => thread);
  const [first, second] = threads;
  t.not(first, second);
  t.same(threads, [first, second, first, second, first, second]);
  await lines.end();
});

for (const [death, message] of [
  ['throw', 'thrown where nobody catches it'],
  ['exit', 'worker exited with code: 3'],
] as const) {
  t.test(`a thread that dies of ${death}: its askers are told, and another has the next task`, async (t) => {
    const lines = toldLines(1);
    const before = await lines.ask('who');
    t.equal(before.remembered, REMEMBERED);
    const asked = (['wait', death, 'wait'] as const).map((task) => lines.ask(task));
    const ends = await Promise.allSettled(asked);
    t.strictSame(
      ends.map((end) => end.status === 'rejected' && end.reason.message),
      Array(3).fill(`a thread of the pool died: ${message}`),
    );
    const after = await lines.ask('who');
    t.not(after.thread, before.thread);
    t.equal(after.remembered, REMEMBERED, 'it was told before it was asked');
    await lines.end();
  });
}

t.test('of two threads the one that lives goes on, and both places are taken again', async (t) => {
  const lines = toldLines(2);
  const [first, second] = await Promise.all([lines.ask('who'), lines.ask('who')]);
  const dying = t.rejects(lines.ask('exit'), { message: /exited/ });
  const staying = lines.ask('who');
  await dying;
  t.equal((await staying).thread, second.thread);
  const after = await Promise.all([lines.ask('who'), lines.ask('who')]);
  const threads = new Set(after.map(({ thread }) => thread));
  t.equal(threads.size, 2);
  t.notOk(threads.has(first.thread));
  t.ok(threads.has(second.thread));
  t.same(new Set(after.map(({ remembered }) => remembered)), new Set([REMEMBERED]));
  await lines.end();
});

t.test('the end does not wait for a thread that has died, nor for one that dies then', async (t) => {
  const dead = toldLines(2);
  await t.rejects(dead.ask('exit'));
  await dead.end();
  const dying = toldLines(1);
  const asked = t.rejects(dying.ask('throw'));
  await dying.end();
  await asked;
});
