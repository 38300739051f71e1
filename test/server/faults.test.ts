/** What must not end the server, nor lose a submission: deaths at bad moments, damaged files, a journal nobody syncs. */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { type Answer, StartFailure, startServer } from '../start-server.js';

const SLEEPER = { language: 'python', source: 'import time\ntime.sleep(1)\nprint("awake")' };

t.test('fronts that die again and again', async (t) => {
  const server = await startServer(t, { args: ['--fronts', '2'] });
  const token = await server.register('ada');
  const submitSix = () =>
    Promise.all(Array.from({ length: 6 }, () => server.request('POST', '/v1/submissions', { token, body: SLEEPER })));
  const allRun = async (t: Pick<Test, 'match'>, sent: readonly Answer[]) => {
    await server.idle();
    for (const { body } of sent) t.match(await server.show(token, body.id), { verdict: 'AC', stdout: 'awake\n' });
  };

  await t.test('all killed at once: others come, and what was accepted is run', async (t) => {
    const sent = await submitSix();
    t.same(new Set(sent.map(({ status }) => status)), new Set([202]));
    for (const front of server.fronts) process.kill(front, 'SIGKILL');
    await allRun(t, sent);
    t.equal(server.fronts.length, 2);
  });

  await t.test('one killed again and again while it adopts: every submission is run in the end', async (t) => {
    const sent = await submitSix();
    for (let round = 1; round <= 3; round++) {
      const [front] = server.fronts;
      if (front === undefined) continue; // between death and start
      process.kill(front, 'SIGKILL');
      await server.logged(new RegExp(`"pid":${front}.*front died`));
    }
    await allRun(t, sent);
  });
});

t.test('a damaged request ends as SE at the next start, and the others are run', async (t) => {
  const first = await startServer(t);
  const token = await first.register('ada');
  const submit = () => first.request('POST', '/v1/submissions', { token, body: SLEEPER });
  const [damaged, whole] = [(await submit()).body.id, (await submit()).body.id];
  await first.kill();
  const request = join(first.data, 'sources', damaged.slice(0, 2), `${damaged}.request`);
  rmSync(request); // the file has other names: those of requests with the same bytes
  writeFileSync(request, '');
  const second = await startServer(t, { data: first.data });
  await second.idle();
  t.match(await second.show(token, damaged), { state: 'done', verdict: 'SE' });
  t.match(await second.show(token, whole), { state: 'done', verdict: 'AC', stdout: 'awake\n' });
});

t.test('SIGTERM at any moment of the start ends it in order', async (t) => {
  const data = join(t.testdir(), 'data');
  for (const pauseMs of [300, 500, 700, 900, 1_100]) {
    // Not to be sure of anything: to hit different moments, whichever they are on this machine.
    const started = startServer(t, { data, afterStart: (child) => setTimeout(() => child.kill('SIGTERM'), pauseMs) });
    const end = await started.then(
      (server) => server.exited,
      (failure: StartFailure) => ({ code: failure.code, signal: null }),
    );
    t.ok(end.code === 0 || end.code === null, `ended with ${end.code} after ${pauseMs} ms`);
  }
  // On a busy machine none of them may have come as far as making its directory.
  t.notOk(existsSync(join(data, 'turno.pid')));
});

t.test('fewer cells than runners is refused, with the number that is needed', async (t) => {
  const failure = await startServer(t, { args: ['--cells', '2', '--runners', '4'] }).catch((error) => error);
  t.ok(failure instanceof StartFailure);
  t.match(failure.log, /--cells.*4 runners/);
});

t.test('with --durability crash the journal never fills up, and answers are bounded', async (t) => {
  const server = await startServer(t, { args: ['--durability', 'crash'] });
  const token = await server.register('ada');

  await t.test('answers of many MiB go on', async (t) => {
    // Incompressible and just short enough for the table: about 60 KiB of the ring's 4 MiB each.
    const body = { language: 'python', source: 'import os, sys\nsys.stdout.write(os.urandom(30000).hex())' };
    for (let i = 0; i < 100; i++) t.equal((await server.judge(token, body)).verdict, 'AC');
  });

  await t.test('the output of all tests together is bounded, and it is said what is not kept', async (t) => {
    const source = 'import sys\nsys.stdout.write("x" * (6 << 20))';
    const tests = Array.from({ length: 4 }, (_, i) => ({ name: `${i}`, stdin: '' }));
    const reply = await server.judge(token, { language: 'python', source, tests, limits: { outputKiB: 8_192 } });
    const kept = reply.tests.reduce((sum: number, { stdout }: { stdout: string }) => sum + stdout.length, 0);
    t.equal(kept, 16 << 20);
    t.ok(reply.tests.some(({ reason }: { reason: string | null }) => /not kept/.test(reason ?? '')));
    t.equal(reply.verdict, 'AC', 'what is kept does not change the verdict');
  });
});
